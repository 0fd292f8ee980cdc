"""Captioned pictures on disk, ready to be learnt from: scaled, with their words as vectors, mapped and not read.

Memory holds four numbers a picture and a digest a caption; everything else stays in the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto_ml.data.squares import to_array
from impasto_ml.encoders.text import TextEncoder
from impasto_ml.encoders.words import Words, words_of
from impasto_ml.families.flowmini.config import MAX_TOKENS, TEXT_WIDTH

_FORM: Final = 2
_CHUNK: Final = 128
_SPOKEN: Final = 50_000


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, what may be said of it (at least one caption), its style if it has one, and how often it is drawn.

    Two examples with the same `drawing` are twins: one drawing in two styles, with every line at the same place.
    """

    picture: Image.Image
    captions: tuple[str, ...]
    style: str | None = None
    weight: float = 1.0
    drawing: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """`pictures` B x 3 x S x S, 0 to 255; `words` B x T x 384 with `keep` B x T; `styles` B, 0 for none.

    `twins` B x 3 x S x S: of some pictures their twin, of all others the picture itself.
    """

    pictures: NDArray[np.uint8]
    twins: NDArray[np.uint8]
    words: NDArray[np.float16]
    keep: NDArray[np.bool_]
    styles: NDArray[np.int64]


class CaptionedPictures:
    """Reads what `write_captioned` wrote. Raises ValueError for what an earlier version wrote."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "facts.json").read_text("utf-8"))
        if facts.get("form") != _FORM:
            raise ValueError("this table was written by another version")
        self.size_px: int = facts["size_px"]
        self.styles: tuple[str, ...] = tuple(facts["styles"])
        self._count: int = facts["count"]
        rows = np.load(folder / "rows.npz")
        self._style, self._first = rows["style"], rows["first"]
        self._heard, self._said, self._twin = rows["heard"], rows["said"], rows["twin"]
        self._chance = rows["weight"] / rows["weight"].sum()
        self._pictures = np.memmap(
            folder / "pictures.u8", np.uint8, "r", shape=(self._count, 3, self.size_px, self.size_px)
        )
        words = folder / "words.f16"
        # Nothing was said of any picture: there is nothing to map.
        said = np.memmap(words, np.float16, "r") if words.stat().st_size else np.zeros(0, np.float16)
        self._words = said.reshape(-1, TEXT_WIDTH)

    def __len__(self) -> int:
        return self._count

    def spoken(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the words, 384 numbers each; 0 and 1 where nothing is said."""
        if not len(self._words):
            return np.zeros(TEXT_WIDTH, np.float32), np.ones(TEXT_WIDTH, np.float32)
        # Evenly spread over the table, so that memory does not grow with it.
        some = self._words[:: max(1, len(self._words) // _SPOKEN)].astype(np.float32)
        return some.mean(0), some.std(0)

    def batch(self, size: int, dice: np.random.Generator, twins: float = 0.0) -> Batch:
        """`size` pictures drawn by their weights with replacement, each with one of its captions.

        `twins` is the chance that a picture that has a twin comes with it.
        """
        rows = dice.choice(self._count, size, p=self._chance)
        starts, stops = self._first[rows], self._first[rows + 1]
        captions = self._heard[starts + (dice.random(size) * (stops - starts)).astype(np.int64)]
        words, keep = self._padded(captions)
        pictures = self._pictures[rows]
        shown = self._pictures[np.where(dice.random(size) < twins, self._twin[rows], rows)] if twins else pictures
        return Batch(pictures, shown, words, keep, self._style[rows].astype(np.int64))

    def _padded(self, captions: NDArray[Any]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        starts, stops = self._said[captions], self._said[captions + 1]
        longest = int((stops - starts).max())
        words = np.zeros((len(captions), longest, TEXT_WIDTH), np.float16)
        keep = np.zeros((len(captions), longest), np.bool_)
        for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            words[row, : stop - start] = self._words[start:stop]
            keep[row, : stop - start] = True
        return words, keep


def write_captioned(
    folder: Path, examples: Iterable[Example], encoder: TextEncoder, *, size_px: int, styles: tuple[str, ...]
) -> CaptionedPictures:
    """Scales the pictures to squares of `size_px`, turns captions into vectors, and writes both as they come.

    Raises:
        ValueError: no examples, one of a style that is not in `styles`, or three of one drawing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = {style: index for index, style in enumerate(styles, 1)}
    style, weight, first, heard = [], [], [0], []
    twins = _Twins()
    with (folder / "pictures.u8").open("wb") as pictures, (folder / "words.f16").open("wb") as vectors:
        book = _CaptionBook(encoder, vectors)
        for example in examples:
            if example.style is not None and example.style not in rows:
                raise ValueError(f"{example.style!r} is none of the styles {', '.join(styles)}")
            pictures.write(to_array(example.picture, size_px).tobytes())
            style.append(rows[example.style] if example.style is not None else 0)
            weight.append(example.weight)
            twins.add(example.drawing)
            heard += [book.number(caption) for caption in example.captions]
            first.append(len(heard))
        book.flush()
    if not style:
        raise ValueError("there is nothing to learn from")
    np.savez(
        folder / "rows.npz",
        style=np.array(style, np.int16),
        weight=np.array(weight, np.float64),
        first=np.array(first, np.int64),
        heard=np.array(heard, np.int64),
        said=np.array(book.said, np.int64),
        twin=np.array(twins.rows, np.int64),
    )
    facts = {"form": _FORM, "size_px": size_px, "styles": list(styles), "count": len(style)}
    (folder / "facts.json").write_text(json.dumps(facts), "utf-8")
    return CaptionedPictures(folder)


class _Twins:
    """For each row its twin's row, or its own where it has none."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self._alone: dict[str, int] = {}
        self._paired: set[str] = set()

    def add(self, drawing: str | None) -> None:
        """The next row. Raises ValueError for the third of a drawing."""
        row = len(self.rows)
        self.rows.append(row)
        if drawing is None:
            return
        if drawing in self._paired:
            raise ValueError("a drawing has two styles at most")
        if (other := self._alone.pop(drawing, None)) is None:
            self._alone[drawing] = row
            return
        self.rows[row], self.rows[other] = other, row
        self._paired.add(drawing)


class _CaptionBook:
    """Gives each different caption a number, and writes its words in chunks."""

    def __init__(self, encoder: TextEncoder, out: Any) -> None:
        self._encoder, self._out = encoder, out
        self._numbers: dict[bytes, int] = {}
        self._waiting: list[str] = []
        self.said = [0]

    def number(self, caption: str) -> int:
        digest = hashlib.blake2b(caption.encode(), digest_size=16).digest()
        if (known := self._numbers.get(digest)) is not None:
            return known
        self._numbers[digest] = number = len(self._numbers)
        self._waiting.append(caption)
        if len(self._waiting) >= _CHUNK:
            self.flush()
        return number

    def flush(self) -> None:
        if not self._waiting:
            return
        spoken: Words = words_of(self._encoder, self._waiting, MAX_TOKENS)
        for vectors, count in zip(spoken.vectors, spoken.counts, strict=True):
            self._out.write(vectors[:count].astype(np.float16).tobytes())
            self.said.append(self.said[-1] + int(count))
        self._waiting.clear()
