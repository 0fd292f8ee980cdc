"""A printed page as a canvas: positions in page px, type, hairlines, bars and pictures, drawn at twice the size."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from impasto_ml.data.pictures import flatten

PAPER, INK, GREY, HAIR = "#f8f6f1", "#22211f", "#837f76", "#d9d4c8"
TRACK, MAT = "#e5e0d4", "#efece4"
ACCENT = "#b4472d"

_SCALE = 2
"""Everything is drawn twice as large and reduced at the end: Pillow's shapes have no smooth edges of their own."""

Anchor = Literal["left", "right", "middle"]
_ANCHORS: dict[Anchor, str] = {"left": "ls", "right": "rs", "middle": "ms"}


@dataclass(frozen=True)
class Box:
    """A rectangle in page px."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + self.height

    def inset(self, by: float) -> "Box":
        """The box without `by` px on each side."""
        return Box(self.x + by, self.y + by, self.width - 2 * by, self.height - 2 * by)


class Page:
    """A page of `width` x `height` px with a font; `font_path` names a font file for texts outside Latin script."""

    def __init__(self, width: int, height: int, font_path: str | None = None) -> None:
        self._size = (width, height)
        self._font_path = font_path
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def finish(self) -> Image.Image:
        """The page at its own size."""
        return self._image.resize(self._size, Image.Resampling.BOX)

    def text(
        self, x: float, baseline: float, words: str, size: float = 14, colour: str = INK, anchor: Anchor = "left"
    ) -> None:
        """One line of type on a baseline."""
        place = (round(x * _SCALE), round(baseline * _SCALE))
        self._draw.text(place, words, fill=colour, font=self._font(size), anchor=_ANCHORS[anchor])

    def heading(self, x: float, baseline: float, words: str, width: float) -> None:
        """A small spaced-out title over a hairline of `width`."""
        position = x
        for letter in words.upper():
            self.text(position, baseline, letter, 11.5, GREY)
            position += self.measure(letter, 11.5) + 1.6
        self.line(x, baseline + 11, x + width, baseline + 11)

    def measure(self, words: str, size: float) -> float:
        """The width of a line of type in page px."""
        return float(self._font(size).getlength(words)) / _SCALE

    def fitted(self, words: str, size: float, width: float) -> str:
        """`words`, cut with an ellipsis where they are wider than `width`."""
        if self.measure(words, size) <= width:
            return words
        while words and self.measure(words + "…", size) > width:
            words = words[:-1]
        return words.rstrip() + "…"

    def wrapped(self, words: str, size: float, width: float, most: int) -> list[str]:
        """`words` in at most `most` lines of `width`, the last one cut with an ellipsis if they do not fit."""
        lines = [""]
        for word in words.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.measure(longer, size) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        if len(lines) > most:
            lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
        return [self.fitted(line, size, width) for line in lines]

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: str = HAIR, width: float = 1) -> None:
        """A straight line."""
        ends = [(round(x0 * _SCALE), round(y0 * _SCALE)), (round(x1 * _SCALE), round(y1 * _SCALE))]
        self._draw.line(ends, fill=colour, width=round(width * _SCALE))

    def fill(self, box: Box, colour: str, radius: float = 0, outline: str | None = None) -> None:
        """A rectangle, with round corners of `radius`."""
        corners = [round(v * _SCALE) for v in (box.x, box.y, box.right, box.bottom)]
        if corners[2] - corners[0] < 1 or corners[3] - corners[1] < 1:
            return
        shape = (corners[0], corners[1], corners[2] - 1, corners[3] - 1)
        self._draw.rounded_rectangle(shape, radius * _SCALE, fill=colour, outline=outline, width=_SCALE)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """A filled circle."""
        self._draw.ellipse([round(v * _SCALE) for v in (x - radius, y - radius, x + radius, y + radius)], fill=colour)

    def ring(self, x: float, y: float, radius: float, colour: str, width: float = 2) -> None:
        """A circle's outline."""
        corners = [round(v * _SCALE) for v in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(corners, outline=colour, width=round(width * _SCALE))

    def bar(self, box: Box, share: float, colour: str = INK) -> None:
        """A horizontal gauge filled to `share` in 0..1."""
        radius = box.height / 2
        self.fill(box, TRACK, radius)
        if share > 0.005:
            self.fill(Box(box.x, box.y, max(box.height, box.width * min(1.0, share)), box.height), colour, radius)

    def picture(self, picture: Image.Image, box: Box, across: float = 0.0, down: float = 0.0) -> Box:
        """A picture as large as fits into `box`; the free room is split by `across` and `down` (0 start, 1 end).

        Returns:
            the rectangle it covers.
        """
        source = flatten(picture)
        scale = min(box.width / source.width, box.height / source.height)
        width, height = max(1, round(source.width * scale)), max(1, round(source.height * scale))
        x, y = box.x + (box.width - width) * across, box.y + (box.height - height) * down
        resized = source.resize((width * _SCALE, height * _SCALE), Image.Resampling.LANCZOS, reducing_gap=3.0)
        self._image.paste(resized, (round(x * _SCALE), round(y * _SCALE)))
        return Box(x, y, width, height)

    def veil(self, box: Box, lines: list[tuple[float, float, float, float]], strength: float) -> None:
        """White hairlines over a picture, given in shares of `box`, at opacity `strength`, each with a dark shadow."""
        layer = Image.new("RGBA", self._image.size)
        draw = ImageDraw.Draw(layer)
        for shift, colour in ((1, (0, 0, 0)), (0, (255, 255, 255))):
            for x0, y0, x1, y1 in lines:
                ends = [
                    (round((box.x + x * box.width) * _SCALE) + shift, round((box.y + y * box.height) * _SCALE) + shift)
                    for x, y in ((x0, y0), (x1, y1))
                ]
                draw.line(ends, fill=(*colour, round(255 * strength * (0.55 if shift else 1))), width=_SCALE)
        self._image.paste(layer, (0, 0), layer)

    def _font(self, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return _load_font(self._font_path, round(size * _SCALE, 1))


@lru_cache(maxsize=64)
def _load_font(path: str | None, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(path, size)
