"""A few drawings in the names that the starter knows, and a category that names them."""

from __future__ import annotations

from typing import Final


def _square(fill: str) -> str:
    return f'<rect x="2" y="2" width="12" height="12" fill="{fill}"/>'


# "fox" is red, "frog" green, "dove" has no colour, "parrot" has many.
BODIES: Final = {
    "fox": _square("#dd3322"),
    "frog": _square("#33aa44"),
    "dove": _square("#eeeeee"),
    "parrot": _square("#dd2222") + '<rect x="8" y="2" width="6" height="12" fill="#2222dd"/>',
    "snail": _square("#eeaa22"),
    "bee": _square("#f0c020"),
    "owl": _square("#2255dd"),
    "tiger": _square("#ee8822"),
    "green-apple": _square("#33aa44"),
    "snake": _square("#33aa44"),
    "bird": _square("#2255dd"),
    "cat": _square("#ee8822"),
    "pig": _square("#f0a0b0"),
    "whale": _square("#2255dd"),
    "no-such-place": _square("#000000"),
}
CATEGORIES: Final = {
    "Animals & Nature": [name for name in BODIES if name not in ("green-apple", "no-such-place")],
    "Food & Drink": ["green-apple"],
    "Symbols": ["no-such-place"],
}
