"""Works as they are compared: as large as what is drawn, and without a hidden background."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from impasto_ml.data.shards import Sample
from impasto_ml.evaluation.text_to_image_works import opened


def work(picture: Image.Image) -> Sample:
    picture.save(buffer := io.BytesIO(), "PNG")
    return Sample("work", buffer.getvalue(), "png", {})


@pytest.mark.parametrize("side", [16, 200])
def test_what_is_transparent_in_a_work_lies_on_white(side: int) -> None:
    seen = opened(work(Image.new("RGBA", (side, side), (0, 0, 0, 0))), 64)
    assert seen.mode == "RGB"
    assert seen.getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    ("size", "seen"), [((128, 256), (64, 128)), ((300, 100), (192, 64)), ((32, 900), (32, 900)), ((20, 30), (20, 30))]
)
def test_the_shorter_side_is_at_most_that_of_a_drawing(size: tuple[int, int], seen: tuple[int, int]) -> None:
    assert opened(work(Image.new("RGB", size)), 64).size == seen
