"""Pictures whose answers are known."""

import numpy as np
from PIL import Image, ImageDraw
from skimage import data


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()).convert("RGB")


def two_halves(left: tuple[int, int, int], right: tuple[int, int, int], share: float = 0.5) -> Image.Image:
    picture = Image.new("RGB", (200, 100), right)
    picture.paste(left, (0, 0, round(200 * share), 100))
    return picture


def disc_at(x: float, y: float, size: tuple[int, int] = (300, 200), radius: int = 16) -> Image.Image:
    """A red disc on a quiet grey ground, its middle at (x, y) in shares of the sides."""
    picture = Image.new("RGB", size, (150, 152, 155))
    middle = (x * size[0], y * size[1])
    box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    ImageDraw.Draw(picture).ellipse(box, fill=(200, 40, 30))
    return picture


def mirrored(picture: Image.Image) -> Image.Image:
    """The left half and its mirror image."""
    half = np.asarray(picture)[:, : picture.width // 2]
    return Image.fromarray(np.concatenate([half, half[:, ::-1]], axis=1))


def gradient(width: int = 256, height: int = 128) -> Image.Image:
    return Image.fromarray(np.broadcast_to(np.linspace(0, 255, width)[None, :], (height, width)).astype(np.uint8))
