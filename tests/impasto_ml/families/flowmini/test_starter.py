"""The checkpoint that is shipped, as far as it is: whole, measured, small enough, and readable."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from impasto.artifacts import digest_of
from impasto_ml.families.flowmini import STARTER, load_checkpoint

_ROOT = Path(__file__).parents[4]
_MOST_BYTES = 16_000_000


def tracked() -> set[str]:
    """Names of the starter's files that belong to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", str(STARTER)], cwd=_ROOT, capture_output=True, text=True, check=True
    ).stdout
    return {Path(line).name for line in listed.splitlines()}


def test_the_starter_is_shipped_whole_or_not_at_all() -> None:
    assert tracked() in (set(), tracked() | {"config.json", "model.safetensors", "evaluation.json", "MODEL_CARD.md"})


def test_what_is_shipped_is_small_measured_and_loads() -> None:
    files = {name: STARTER / name for name in tracked()}
    assert sum(path.stat().st_size for path in files.values()) <= _MOST_BYTES
    if "model.safetensors" in files:
        config = load_checkpoint(STARTER).config
        assert (config.flavor, config.styles) == ("small-64", ("painted", "flat", "soft", "ink"))
    if "evaluation.json" in files:
        measured = json.loads(files["evaluation.json"].read_text("utf-8"))
        assert measured["weights_sha256"] == digest_of(files["model.safetensors"])[0], "other weights were measured"
    if "config.json" in files:
        assert "made_at" in json.loads(files["config.json"].read_text("utf-8"))["training"]
