"""What the starter learns to draw: names of drawings, the words for them, and which pairs with a style are kept out."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Final

from impasto_starter.hands import STYLE_NAMES

_WHOLE_CATEGORIES: Final = ("Animals & Nature", "Food & Drink")
# Names of drawings; a line that starts with a hyphen leaves one of a whole category out.
_LIST: Final = Path(__file__).with_name("subjects.txt")
_WORDS: Final = {
    "magnifying-glass-tilted-left": "magnifying glass",
    "high-voltage": "lightning bolt",
    "hourglass-done": "hourglass",
    "smiling-face-with-sunglasses": "cool face",
    "smiling-face-with-heart-eyes": "face in love",
    "jack-o-lantern": "halloween pumpkin",
    "game-die": "dice",
    "wrapped-gift": "gift",
    "automobile": "car",
    "deciduous-tree": "tree",
    "evergreen-tree": "fir tree",
    "lady-beetle": "ladybird",
    "high-heeled-shoe": "high heel",
    "spouting-whale": "whale spouting water",
    "soft-ice-cream": "ice cream cone",
    "ear-of-corn": "corn",
    "hot-beverage": "cup of coffee",
    "black-large-square": "black square",
}


def pick_names(categories: dict[str, list[str]], drawn_by_all: set[str]) -> list[str]:
    """The drawings to learn, in alphabetical order, of those that every set has."""
    lines = _LIST.read_text("utf-8").splitlines()
    left_out = {line[1:] for line in lines if line.startswith("-")}
    others = {line for line in lines if not line.startswith(("-", "#"))}
    whole = {name for category in _WHOLE_CATEGORIES for name in categories[category]}
    return sorted((whole - left_out | others) & drawn_by_all)


def words_for(name: str) -> str:
    """A drawing's name as one would say it."""
    return _WORDS.get(name, name.replace("-", " "))


def held_out_style(name: str) -> str | None:
    """The style in which training never sees this drawing: of one in seven drawings, one style."""
    number = zlib.crc32(name.encode())
    return STYLE_NAMES[number // 7 % len(STYLE_NAMES)] if number % 7 == 0 else None


def captions_for(words: str, style: str, colour: str | None = None) -> tuple[str, ...]:
    """Ways to ask for this. A colour that the words do not name already comes in front of them."""
    what = f"{colour} {words}" if colour and not re.search(_COLOUR_WORDS, words) else words
    one = f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
    plain = (what, one) if colour else (words, what, one)
    return (*plain, f"{one}, {style}", f"{what}, {style} style")


_COLOUR_WORDS: Final = r"\b(red|orange|yellow|green|blue|purple|pink|black|brown|white|grey)\b"


def names_a_colour(words: str) -> bool:
    """Whether the words say a colour themselves."""
    return bool(re.search(_COLOUR_WORDS, words))
