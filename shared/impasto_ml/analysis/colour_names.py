"""A table of colour names for pictures, and the name nearest to a colour."""

from collections.abc import Sequence

import numpy as np

from impasto_ml.analysis.pixels import Array, to_oklab

COLOUR_NAMES: dict[str, str] = {
    "black": "000000", "soot": "1c1b1a", "charcoal": "36373a", "slate": "55606b", "iron grey": "5d5c5a",
    "grey": "808080", "ash": "a3a29d", "silver": "c0c2c4", "pearl": "e2e0da", "white": "ffffff",
    "ivory": "fbf6e4", "cream": "f5e9c8", "bone": "e6dcc6", "linen": "efe4d6", "parchment": "ded0ab",
    "sand": "d3bd8f", "khaki": "b2a270", "beige": "d8c7ab", "fawn": "b99a72", "taupe": "86776a",
    "mushroom": "a6978a", "umber": "5d4330", "raw umber": "7a5f3e", "sepia": "49301f", "chocolate": "4f2a18",
    "coffee": "6b4a35", "chestnut": "7d3e26", "mahogany": "581d16", "espresso": "2c1c15", "caramel": "b97738",
    "bronze": "94692e", "copper": "b2683f", "sienna": "9b4b26", "terracotta": "c3633f", "rust": "a63c16",
    "brick": "8f3527", "red": "ff0000", "signal red": "d61a1f", "vermilion": "e2421f", "scarlet": "f0301c",
    "crimson": "b4122f", "carmine": "8e0d22", "claret": "691526", "oxblood": "430c10", "maroon": "800000",
    "cherry": "c72a4b", "rose": "e06a84", "blush": "efbcb6", "shell pink": "f6d6cc", "pink": "ffb4c4",
    "hot pink": "ff4fa0", "salmon": "f48f78", "coral": "fb6f55", "dusty rose": "b9807f", "skin": "dda983",
    "peach": "fbc79c", "apricot": "f5a867", "orange": "ff8000", "tangerine": "f4801c", "burnt orange": "c4570f",
    "amber": "f6ac14", "saffron": "efbb2b", "mustard": "cb9b23", "ochre": "bf872c", "gold": "d4a72c",
    "honey": "dba23e", "straw": "e5d182", "naples yellow": "f4d98a", "lemon": "fdec46", "yellow": "ffff00",
    "cadmium yellow": "ffdc05", "chartreuse": "b6e01e", "lime": "8ed419", "olive": "77752b", "drab": "5c5636",
    "moss": "66753a", "sage": "9cab8c", "leaf green": "4c9233", "grass": "64a83e", "green": "008000",
    "bright green": "00ff00", "emerald": "10995c", "jade": "3fa278", "mint": "aee6c6", "sea green": "2f7f66",
    "bottle green": "0d4634", "forest": "23502b", "pine": "1c3a2c", "verdigris": "54a498", "celadon": "b3d0b5",
    "teal": "08797b", "turquoise": "32c8c0", "cyan": "00ffff", "aqua": "76dfe4", "petrol": "114c5c",
    "sky": "87c3ea", "powder blue": "b8d5e3", "ice": "dcecf2", "steel blue": "4b79a1", "denim": "3c5b86",
    "cerulean": "1f86c7", "azure": "2596f3", "cobalt": "184fae", "blue": "0000ff", "ultramarine": "241fa0",
    "royal blue": "3557d4", "navy": "0f1c4d", "prussian blue": "10304d", "midnight": "10142b", "indigo": "36206f",
    "periwinkle": "929be2", "cornflower": "6690e6", "lavender": "c8bfea", "lilac": "c4a0d2", "mauve": "a47a9f",
    "violet": "7c30b8", "purple": "800080", "plum": "682f5c", "aubergine": "341a33", "amethyst": "9561c4",
    "orchid": "cd6acb", "magenta": "ff00ff", "fuchsia": "d6208c", "raspberry": "a8174f", "wine": "581c34",
    "heather": "8d7d94", "blue grey": "7d8c9a", "warm grey": "9c948a", "green grey": "84908a",
    "tan": "a9876a", "walnut": "76543d", "cocoa": "80675a", "slate blue": "475572", "ink blue": "2a3550",
    "clay": "b98a76", "buff": "e0bf92", "cinnamon": "a4622f", "ink black": "0b0b0c",
    "seafoam": "94c4bc", "primrose": "e4e09a", "lake": "5b8fb3",
    "deep teal": "446a6d", "dove": "b9ada6", "nut": "967153",
}  # fmt: skip
"""Name to sRGB hex. The hues painters and printers mean by these words, set by eye; no standard is claimed."""

_NAMES = tuple(COLOUR_NAMES)
_REUSE_BEYOND = 0.06


def hex_to_rgb(code: str) -> tuple[int, int, int]:
    """The three bytes of `rrggbb`, with or without a leading #."""
    number = int(code.lstrip("#"), 16)
    return number >> 16, number >> 8 & 255, number & 255


_LAB: Array = to_oklab(
    np.array([hex_to_rgb(code) for code in COLOUR_NAMES.values()], dtype=np.float32) / np.float32(255)
)


def name_colours(lab: Array) -> list[str]:
    """The nearest name of each Oklab colour in `lab` (n, 3), earlier rows first.

    Two colours share a name only where no other one is as near as 0.06: a reader wants to tell swatches apart.
    """
    chosen: list[str] = []
    for colour in lab:
        distance = np.linalg.norm(_LAB - colour, axis=1)
        chosen.append(_pick(distance, chosen))
    return chosen


def _pick(distance: Array, taken: Sequence[str]) -> str:
    nearest = [int(index) for index in np.argsort(distance, kind="stable")]
    for index in nearest:
        if distance[index] > _REUSE_BEYOND:
            break
        if _NAMES[index] not in taken:
            return _NAMES[index]
    return _NAMES[nearest[0]]
