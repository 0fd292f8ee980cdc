"""The whole analysis: composed, JSON-able, fast, and for every kind of picture."""

import json
import subprocess
import sys
import time

import pytest
from PIL import Image

from impasto_ml.analysis.artwork import analyse

from .pictures import photograph


def test_an_analysis_is_json() -> None:
    analysis = analyse(photograph("coffee"))
    value = json.loads(json.dumps(analysis.to_json()))
    assert (value["width"], value["height"]) == (600, 400)
    assert value["palette"]["swatches"][0]["hex"].startswith("#")
    assert value["quality"]["sharpness"]["word"]
    assert value["safety"] is None


def test_two_pictures_have_two_analyses_and_one_picture_has_one() -> None:
    coffee, rocket = analyse(photograph("coffee")), analyse(photograph("rocket"))
    assert coffee == analyse(photograph("coffee"))
    assert coffee.palette.swatches[0] != rocket.palette.swatches[0]
    assert rocket.composition.negative_space > coffee.composition.negative_space + 0.3


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_mode_is_read(mode: str) -> None:
    picture = photograph("chelsea")
    converted = picture.convert("L").convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    assert analyse(converted).palette.swatches


def test_transparency_counts_as_white_paper() -> None:
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert [swatch.name for swatch in analyse(clear).palette.swatches] == ["white"]


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2)])
def test_the_smallest_pictures_are_analysed(size: tuple[int, int]) -> None:
    assert analyse(Image.new("RGB", size, (200, 10, 10))).palette.swatches[0].share == 1


def test_a_picture_of_1024_px_takes_a_fraction_of_a_second() -> None:
    picture = photograph("astronaut").resize((1024, 1024))
    analyse(picture)
    start = time.process_time()
    analyse(picture)
    assert time.process_time() - start < 0.4


def test_the_analysis_needs_neither_torch_nor_onnxruntime() -> None:
    code = "import sys, impasto_ml.analysis.artwork, impasto_ml.analysis.sheet as s; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "numpy" in loaded
    assert not [name for name in ("'torch'", "'onnxruntime'", "'ncnn'") if name in loaded]
