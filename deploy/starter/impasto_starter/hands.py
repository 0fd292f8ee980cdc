"""The four sets of drawings that the starter learns from, each a style of its own, all under permissive licences."""

from __future__ import annotations

from typing import Final

from impasto_demo.hands import Hand

# `artist` is the name of the style. The licences are those that each package's info.json states.
STYLES: Final = (
    Hand("@iconify-json/noto", "1.2.9", "painted", "Apache-2.0"),
    Hand("@iconify-json/fluent-emoji-flat", "1.2.6", "flat", "MIT"),
    Hand("@iconify-json/fluent-emoji", "1.2.7", "soft", "MIT"),
    Hand("@iconify-json/fluent-emoji-high-contrast", "1.2.6", "ink", "MIT"),
)
STYLE_NAMES: Final = tuple(style.artist for style in STYLES)
# One hand's drawings, shaded and not: the same lines at the same places.
TWINS: Final = frozenset({"flat", "soft"})
