"""Makes the starter's tools importable: they are programs beside the libraries, not part of the distribution."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

_DEPLOY = Path(__file__).parents[2] / "deploy"
sys.path[:0] = [str(_DEPLOY / "demo"), str(_DEPLOY / "starter")]


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """The sets' packages as npm leaves them, with few drawings: coloured squares, and in ink their outlines."""
    from impasto_starter.hands import STYLES
    from tests.starter.drawings import BODIES, CATEGORIES

    for style in STYLES:
        folder = tmp_path / "art" / "node_modules" / style.package
        folder.mkdir(parents=True)
        icons = {name: {"body": body} for name, body in BODIES.items()}
        if style.artist == "ink":
            icons = {name: {"body": '<rect x="3" y="3" width="9" height="9" fill="#000"/>'} for name in BODIES}
        (folder / "package.json").write_text(json.dumps({"version": style.version}), "utf-8")
        (folder / "icons.json").write_text(json.dumps({"icons": icons, "width": 16, "height": 16}), "utf-8")
        (folder / "metadata.json").write_text(json.dumps({"categories": CATEGORIES}), "utf-8")
    return tmp_path / "art"


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
