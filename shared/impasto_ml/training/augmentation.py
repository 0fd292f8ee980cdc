"""Further views of a training picture, so that a classifier learns the hand and not the scan, the crop or the light."""

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from impasto_ml.data.pictures import flatten

Random = np.random.Generator
# Each change is made in this share of the views, independently, so that some views stay close to the picture.
_OFTEN, _SELDOM = 0.5, 0.2


def augmented_views(picture: Image.Image, count: int, seed: int, key: str) -> list[Image.Image]:
    """`count` RGB variations. The same seed and key give the same views, in whatever order pictures come."""
    words = np.frombuffer(key.encode() or b"\0", dtype=np.uint8).tolist()
    flat = flatten(picture)
    return [_vary(flat, np.random.default_rng([seed, view, *words])) for view in range(count)]


def _vary(picture: Image.Image, random: Random) -> Image.Image:
    # Geometry first, then light, then what storing does: the order in which a picture suffers them.
    view = _geometry(picture, random)
    if random.random() < _OFTEN:
        view = ImageEnhance.Brightness(view).enhance(float(random.uniform(0.65, 1.35)))
    if random.random() < _SELDOM:
        view = ImageEnhance.Color(view).enhance(float(random.uniform(0.0, 1.5)))
    if random.random() < _OFTEN:
        view = view.filter(ImageFilter.GaussianBlur(float(random.uniform(0.0, 1.5)) * min(view.size) / 160))
    if random.random() < _SELDOM:
        pixels = np.asarray(view, dtype=np.float32)
        noise = random.normal(0.0, float(random.uniform(2.0, 12.0)), pixels.shape)
        view = Image.fromarray(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))
    if random.random() < _OFTEN:
        buffer = io.BytesIO()
        view.save(buffer, "JPEG", quality=int(random.integers(35, 95)))
        view = Image.open(buffer).convert("RGB")
    return view


def _geometry(picture: Image.Image, random: Random) -> Image.Image:
    view = picture
    if random.random() < _OFTEN:
        view = view.rotate(float(random.uniform(-15, 15)), Image.Resampling.BICUBIC, fillcolor=view.getpixel((0, 0)))
    if random.random() < _OFTEN:
        scale = float(random.uniform(0.8, 1.0))
        width, height = (max(1, round(extent * scale)) for extent in view.size)
        left = int(random.integers(view.width - width + 1))
        top = int(random.integers(view.height - height + 1))
        view = view.crop((left, top, left + width, top + height))
    return view
