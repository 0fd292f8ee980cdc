"""The hands whose pictures are shown to the platform: pinned npm packages, and which of them training never sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Hand:
    """A set of pictures by one hand. `artist` is how the platform will call it; `trained`: whether it may be learnt."""

    package: str
    version: str
    artist: str
    licence: str
    trained: bool = True

    @property
    def slug(self) -> str:
        return self.package.rpartition("/")[2]

    @property
    def specifier(self) -> str:
        return f"{self.package}@{self.version}"


# The licences are those that each package's info.json states; a test of the fetched packages holds them against it.
HANDS: Final = (
    Hand("@iconify-json/noto", "1.2.9", "Noto", "Apache-2.0"),
    Hand("@iconify-json/noto-v1", "1.2.5", "Noto v1", "Apache-2.0"),
    Hand("@iconify-json/fluent-emoji-flat", "1.2.6", "Fluent Flat", "MIT"),
    Hand("@iconify-json/fxemoji", "1.2.2", "Firefox OS", "Apache-2.0"),
    Hand("@iconify-json/twemoji", "1.2.5", "Twemoji", "CC-BY-4.0", trained=False),
)
STRANGER: Final = next(hand for hand in HANDS if not hand.trained)
