"""Enlarge a picture two or four times with invented, plausible detail."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np
from PIL import Image

from impasto_ml.analysis.pixels import blur, to_picture
from impasto_ml.data.pictures import flatten, has_alpha
from impasto_ml.upscaling.network import SCALE, Network
from impasto_ml.upscaling.tiles import Tile, cut, read

Model = Literal["photo", "illustration", "fast"]
OnProgress = Callable[[int, int], bool | None]

MODEL_FILES: dict[str, str] = {
    "photo": "realesrgan-x4plus",
    "illustration": "realesrgan-x4plus-anime",
    "fast": "realesr-animevideov3-x4",
}

OVERLAP = 20
"""Source px around a tile that the network sees besides."""

FEATHER = 6
"""Source px on either side of a seam across which one tile fades into the next; less than OVERLAP."""


class UpscalingCanceled(RuntimeError):
    """The progress callback answered False."""


class Upscaler:
    """Real-ESRGAN in tiles: memory depends on the tile and the result, not on the network times the picture."""

    def __init__(self, network: Network, tile_side: int = 96) -> None:
        """Work in tiles of at most `tile_side` source px (16 or more).

        Measured for the photo network besides its own 0.3 GB: 64 px 0.6 GB, 96 px 0.9 GB, 128 px 1.3 GB, and the larger
        the tile the less is computed twice: 6.6, 5.3 and 4.6 s a 100 x 100 px on one core.
        """
        if tile_side < 16:
            raise ValueError(f"tile_side must be at least 16, not {tile_side}")
        self._network = network
        self._tile_side = tile_side

    @classmethod
    def load(cls, folder: Path | str, model: Model = "photo", threads: int = 1, tile_side: int = 96) -> Self:
        """Load `model` from `folder`, which holds the .param and .bin files or a `models` folder with them.

        Raises:
            ValueError: an unknown model, or its files are missing or unreadable.
        """
        if model not in MODEL_FILES:
            raise ValueError(f"unknown model {model!r}; known: {', '.join(MODEL_FILES)}")
        for place in (Path(folder), Path(folder) / "models"):
            param, weights = (place / f"{MODEL_FILES[model]}{suffix}" for suffix in (".param", ".bin"))
            if param.is_file() and weights.is_file():
                return cls(Network(param, weights, threads), tile_side)
        raise ValueError(f"no {MODEL_FILES[model]}.param and .bin in {folder}")

    def upscale(
        self, picture: Image.Image, factor: Literal[2, 4] = 4, on_progress: OnProgress | None = None
    ) -> Image.Image:
        """The picture `factor` times as wide and high: RGB, or RGBA where it has transparency.

        `on_progress(done, total)` is called after each tile; its False ends the work.

        Raises:
            ValueError: a factor other than 2 or 4.
            UpscalingCanceled: the callback answered False.
        """
        if factor not in (2, 4):
            raise ValueError(f"factor must be 2 or 4, not {factor}")
        result = Image.new("RGB", (picture.width * factor, picture.height * factor))
        pixels = _opaque_pixels(picture)
        tiles = cut(picture.width, picture.height, self._tile_side)
        for done, tile in enumerate(tiles, start=1):
            drawn = self._enlarge(pixels, tile, factor)
            corner = ((tile.left - FEATHER) * factor, (tile.top - FEATHER) * factor)
            result.paste(drawn, corner, _fade_in(drawn.size, tile, factor))
            if on_progress is not None and on_progress(done, len(tiles)) is False:
                raise UpscalingCanceled(f"canceled after {done} of {len(tiles)} tiles")
        if has_alpha(picture):
            alpha = picture.convert("RGBA").getchannel("A")
            result.putalpha(alpha.resize(result.size, Image.Resampling.BICUBIC))
        return result

    def _enlarge(self, pixels: np.ndarray, tile: Tile, factor: int) -> Image.Image:
        source = read(pixels, tile, OVERLAP).astype(np.float32) / np.float32(255)
        image = to_picture(self._network.enlarge(source))
        if factor != SCALE:
            image = image.resize((image.width * factor // SCALE, image.height * factor // SCALE), Image.Resampling.BOX)
        edge = (OVERLAP - FEATHER) * factor
        return image.crop((edge, edge, image.width - edge, image.height - edge))


def _fade_in(size: tuple[int, int], tile: Tile, factor: int) -> Image.Image:
    """The mask a tile is pasted with: a ramp where a tile to the left or above was pasted before, else opaque."""
    ramp = 2 * FEATHER * factor
    across, down = np.ones(size[0]), np.ones(size[1])
    if tile.left > 0:
        across[:ramp] = (np.arange(ramp) + 0.5) / ramp
    if tile.top > 0:
        down[:ramp] = (np.arange(ramp) + 0.5) / ramp
    return Image.fromarray((np.outer(down, across) * 255 + 0.5).astype(np.uint8))


def _opaque_pixels(picture: Image.Image) -> np.ndarray:
    """(height, width, 3) bytes; under transparency the nearby opaque colour, so that no hidden colour bleeds in."""
    if not has_alpha(picture):
        return np.asarray(flatten(picture))
    layer = np.asarray(picture.convert("RGBA"), dtype=np.float32) / np.float32(255)
    rgb, alpha = layer[..., :3], layer[..., 3:]
    near = blur(rgb * alpha, 8.0) / np.maximum(blur(alpha, 8.0), 1e-4)
    return np.asarray(to_picture(np.where(alpha > 0, rgb, near)))
