"""docker-compose.yml as data."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from tests.contracts.kept import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
# Variables without which compose refuses to start.
REQUIRED = set(re.findall(r"\$\{(IMPASTO_[A-Z0-9_]+):\?", TEXT))


@cache
def compose() -> dict[str, Any]:
    """The whole file, anchors resolved, variables not."""
    loaded: dict[str, Any] = yaml.safe_load(TEXT)
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """The parts by name."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found
