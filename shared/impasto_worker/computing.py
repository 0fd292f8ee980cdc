"""What every computation in a runner needs: its device, its threads, and pictures whose faults have names."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from impasto.errors import JobFailed
from impasto_ml.data.pictures import PictureTooLarge, open_picture


def device() -> str:
    """The device that this runner's worker owns: `cpu`, `cuda:0` ..."""
    return os.environ.get("IMPASTO_DEVICE", "cpu")


def threads() -> int:
    """How many threads this runner may use, for libraries that do not read it themselves."""
    return max(1, int(os.environ.get("OMP_NUM_THREADS") or 1))


def read_picture(path: Path, size_px: int | None = None) -> Image.Image:
    """The picture, upright and decoded; `size_px` lets a JPEG be decoded smaller, as in `open_picture`.

    Raises:
        JobFailed: it is no picture, is damaged, or has too many pixels.
    """
    try:
        return open_picture(path, size_px)
    except (PictureTooLarge, Image.DecompressionBombError) as error:
        raise JobFailed("image_too_many_pixels", f"the picture is too large to decode: {error}") from error
    except UnidentifiedImageError as error:
        raise JobFailed("image_unrecognised", "the file is not a picture in a format that is read") from error
    except (OSError, SyntaxError, ValueError) as error:
        # Pillow reports damage as any of these, depending on the format.
        raise JobFailed("image_decode_failed", "the picture could not be decoded") from error
