"""Opens pictures cheaply and brings them to RGB without a hidden background."""

from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageColor, ImageOps

WHITE = "#ffffff"
# Those that the platform writes. Pillow reads many more, some of which start programs or have had faults that run code.
FORMATS = ("PNG", "JPEG", "WEBP")
# A 20 kB PNG can decode to half a gigabyte; Pillow itself only warns.
MAX_PIXELS = 100_000_000


class PictureTooLarge(ValueError):
    """The header announces more pixels than are decoded here."""


def open_picture(source: Path | BinaryIO, size_px: int | None = None, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """A decoded picture of one of `FORMATS`, upright according to its EXIF orientation.

    With `size_px`, a JPEG is decoded at the smallest scale whose shorter side is still at least that long, which
    costs a fraction of a full decode; resize it afterwards. Raises PictureTooLarge, and OSError if it cannot be read.
    """
    image = Image.open(source, formats=FORMATS)
    if image.width * image.height > max_pixels:
        raise PictureTooLarge(f"{image.width} x {image.height} pixels, at most {max_pixels} are decoded")
    if size_px is not None and image.format == "JPEG":
        # draft() keeps both sides at least as long as asked; the longer side's figure follows from the aspect ratio.
        scale = size_px / min(image.size)
        image.draft("RGB", (max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    image.load()
    return ImageOps.exif_transpose(image)


def has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def flatten(image: Image.Image, background: str = WHITE) -> Image.Image:
    """The picture as RGB, its transparent parts laid over `background` (any colour that Pillow can name)."""
    if not has_alpha(image):
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*ImageColor.getrgb(background)[:3], 255))
    return Image.alpha_composite(ground, layer).convert("RGB")
