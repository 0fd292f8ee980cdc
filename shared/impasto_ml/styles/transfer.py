"""Style transfer: draw a photograph in the style of any artwork, of the built-in styles, or of a mix of both."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from PIL import Image

from impasto_ml.analysis.pixels import Array, shrink, to_array, to_picture
from impasto_ml.data.pictures import flatten, has_alpha
from impasto_ml.styles.builtin import blend_weights
from impasto_ml.styles.canvas import draw_any_size, draw_builtin
from impasto_ml.styles.colour import keep_photo_colour
from impasto_ml.styles.enlarge import enlarge
from impasto_ml.styles.networks import CODE_SIDE, CODE_SIZE, Networks

Colour = Literal["style", "photo"]

MIN_SIDE = 16
"""Smaller photographs are refused: no stroke fits into them."""


class StyleTransfer:
    """Style transfer by three small networks on the CPU; deterministic, one picture at a time, safe to keep loaded."""

    def __init__(self, networks: Networks, max_side: int = 1024) -> None:
        """Draw at most `max_side` px a side (64 or more); larger photographs are enlarged along their own edges."""
        if max_side < 64:
            raise ValueError(f"max_side must be at least 64, not {max_side}")
        self._networks = networks
        self._max_side = max_side

    @classmethod
    def load(cls, folder: Path | str, threads: int = 1, max_side: int = 1024) -> Self:
        """Load the networks from `folder`, which holds the ONNX files or a `models` folder with them.

        Raises:
            ValueError: a file is missing.
        """
        return cls(Networks(Path(folder), threads), max_side)

    def style_code(self, picture: Image.Image) -> Array:
        """(100,) float32 style code of an artwork: its central square, read at 256 px."""
        source = flatten(picture)
        side = min(source.size)
        left, top = (source.width - side) / 2, (source.height - side) / 2
        box = (left, top, left + side, top + side)
        square = source.resize((CODE_SIDE, CODE_SIDE), Image.Resampling.LANCZOS, box, reducing_gap=3.0)
        return self._networks.code(to_array(square))

    @staticmethod
    def mix(codes: Sequence[Array], weights: Sequence[float]) -> Array:
        """(100,) weighted mean of style codes; the weights are relative.

        Raises:
            ValueError: no codes, unequal lengths, a code of the wrong shape, or weights negative or all zero.
        """
        if not codes or len(codes) != len(weights):
            raise ValueError(f"{len(codes)} codes and {len(weights)} weights")
        shares = np.asarray(weights, dtype=np.float64)
        if not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() <= 0:
            raise ValueError("weights must be finite, not negative and not all zero")
        stack = np.stack([_checked_code(code) for code in codes])
        return np.asarray((shares / shares.sum()) @ stack, dtype=np.float32)

    def stylise(self, photo: Image.Image, code: Array, strength: float = 1.0, colour: Colour = "style") -> Image.Image:
        """`photo` in the style of `code`, in its own size, with its own transparency.

        `strength` in 0..1 leads from the photograph itself to the full style: the code is interpolated from the
        photograph's own, and what the network loses in redrawing the photograph is given back in the same measure.
        `colour="photo"` keeps the photograph's colours.

        Raises:
            ValueError: strength outside 0..1, a code of the wrong shape, or a photograph under 16 px a side.
        """
        work = self._working(photo, strength, colour)
        return self._finish(photo, work, self._towards(work, _checked_code(code), strength), colour)

    def stylise_builtin(
        self, photo: Image.Image, weights: Mapping[str, float], strength: float = 1.0, colour: Colour = "style"
    ) -> Image.Image:
        """`photo` in a blend of built-in styles: relative weights by slug; else as `stylise`.

        Raises:
            ValueError: an unknown slug, weights negative or all zero, or as `stylise`.
        """
        vector = blend_weights(weights)
        work = self._working(photo, strength, colour)
        drawn = draw_builtin(self._networks, work, vector)
        if strength < 1:
            drawn = self._between(work, self._own_code(work), drawn, strength, anchored=True)
        return self._finish(photo, work, drawn, colour)

    def stylise_mixed(
        self,
        photo: Image.Image,
        builtin: Mapping[str, float],
        codes: Sequence[Array],
        code_weights: Sequence[float],
        strength: float = 1.0,
        colour: Colour = "style",
    ) -> Image.Image:
        """`photo` in a mix of built-in styles and artworks; all weights are relative to their common sum.

        The two networks share no parameters. The photograph drawn by the built-in styles is itself an artwork: its
        style code is mixed with the others, and the artwork network draws what lies between. With only one kind given
        the result is exactly that of `stylise` or `stylise_builtin`.

        Raises:
            ValueError: a negative weight, or as `stylise`, `stylise_builtin` and `mix`.
        """
        if min((*builtin.values(), *code_weights), default=0) < 0:
            raise ValueError("weights must not be negative")
        share = sum(builtin.values()) / max(sum(builtin.values()) + sum(code_weights), 1e-9)
        if not codes or share >= 1:
            return self.stylise_builtin(photo, builtin, strength, colour)
        code = self.mix(codes, code_weights)
        if share <= 0:
            return self.stylise(photo, code, strength, colour)
        vector = blend_weights(builtin)
        work = self._working(photo, strength, colour)
        drawn = self._between(work, code, draw_builtin(self._networks, work, vector), share, anchored=False)
        if strength < 1:
            drawn = self._between(work, self._own_code(work), drawn, strength, anchored=True)
        return self._finish(photo, work, drawn, colour)

    def _working(self, photo: Image.Image, strength: float, colour: Colour) -> Array:
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be within 0..1, not {strength}")
        if colour not in ("style", "photo"):
            raise ValueError(f"colour must be 'style' or 'photo', not {colour!r}")
        if min(photo.size) < MIN_SIDE:
            raise ValueError(f"a photograph needs {MIN_SIDE} px a side, not {photo.width} x {photo.height}")
        return to_array(shrink(flatten(photo), self._max_side))

    def _own_code(self, work: Array) -> Array:
        return self.style_code(to_picture(work))

    def _towards(self, work: Array, code: Array, strength: float) -> Array:
        """The photograph drawn `strength` of the way from its own code to `code`."""
        if strength >= 1:
            return draw_any_size(self._networks, work, code)
        own = self._own_code(work)
        lost = work - draw_any_size(self._networks, work, own)
        drawn = draw_any_size(self._networks, work, own + np.float32(strength) * (code - own))
        return np.clip(drawn + np.float32(1 - strength) * lost, 0, 1)

    def _between(self, work: Array, code: Array, target: Array, share: float, anchored: bool) -> Array:
        """`share` of the way from the photograph in the style of `code` to `target`, a drawing of the same photograph.

        Content and code move together; at the far end the network's loss on `target` is given back, so the end is
        `target` itself. `anchored` does the same at the near end: `code` is the photograph's own and the start is it.
        """
        target_code = self._own_code(target)
        content = work + share * (target - work)
        drawn = draw_any_size(self._networks, content, code + share * (target_code - code))
        drawn = drawn + share * (target - draw_any_size(self._networks, target, target_code))
        if anchored:
            drawn = drawn + (1 - share) * (work - draw_any_size(self._networks, work, code))
        return np.clip(drawn, 0, 1)

    @staticmethod
    def _finish(photo: Image.Image, work: Array, drawn: Array, colour: Colour) -> Image.Image:
        if colour == "photo":
            drawn = keep_photo_colour(drawn, work)
        result = enlarge(drawn, photo)
        if has_alpha(photo):
            result.putalpha(photo.convert("RGBA").getchannel("A"))
        return result


def _checked_code(code: Array) -> Array:
    array = np.asarray(code, dtype=np.float32).reshape(-1)
    if array.shape != (CODE_SIZE,) or not np.isfinite(array).all():
        raise ValueError(f"a style code is {CODE_SIZE} finite numbers, not {array.shape}")
    return array
