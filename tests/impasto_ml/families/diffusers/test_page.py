"""The page on large models says what works: its Python runs from top to bottom."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from impasto_ml.families.diffusers import ARCHITECTURES
from impasto_ml.weights import WeightsError

_PAGE = Path(__file__).parents[4] / "docs" / "large-models.md"


def test_its_code_runs(
    pipelines: Callable[[str], Path],
    loras: Callable[[str, int], Path],
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(pipelines("sdxl"), tmp_path / "models/sdxl")
    shutil.copytree(loras("sdxl", 1), tmp_path / "loras/ink")
    shutil.copytree(loras("sdxl", 2), tmp_path / "loras/gold")
    shutil.copy(picture, tmp_path / "sketch.png")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", _PAGE.read_text("utf-8"), re.DOTALL)
    exec(compile("\n".join(blocks), str(_PAGE), "exec"), {})
    drawn = {Image.open(tmp_path / name).tobytes() for name in ("heart.png", "redrawn.png", "inked.png")}
    assert len(drawn) == 3


def test_it_names_every_pipeline_and_every_code() -> None:
    rows = re.findall(r"^\| (`.+?) \|", _PAGE.read_text("utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    codes = {kind.code for kind in WeightsError.__subclasses__()}
    assert named == set(ARCHITECTURES) | codes
