"""Three hands that draw the same shapes: flat, hatched and soft."""

import io

import numpy as np
from PIL import Image

HANDS = ("bold", "fine", "soft")


def drawn(subject: int, hand: str, size_px: int = 64) -> bytes:
    """A PNG: a shape that the subject decides, in flat, hatched or blurred strokes as the hand does."""
    random = np.random.default_rng(subject)
    y, x = np.mgrid[:size_px, :size_px] / size_px
    cx, cy, radius = random.uniform(0.35, 0.65), random.uniform(0.35, 0.65), random.uniform(0.2, 0.35)
    distance = np.hypot(x - cx, (y - cy) * random.uniform(0.6, 1.4)) / radius
    ink = {
        "bold": (distance < 1).astype(float),
        "fine": (distance < 1) * (np.sin((x + y) * size_px * 1.5) > 0),
        "soft": np.exp(-(distance**2)),
    }[hand]
    colour = random.uniform(0, 200, 3)
    pixels = 255 - ink[..., None] * (255 - colour)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
