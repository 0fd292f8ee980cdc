"""What the page shows of the hands: who they are, and the same subjects as each of them drew them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto_demo import packages
from impasto_demo.drawing import FAVOURITES, Drawn
from impasto_demo.hands import HANDS
from impasto_demo.outcome import ContactRow, HandShown
from impasto_demo.subjects import pick

_SHOWN: Final = 10


def hands(pictures: list[Drawn], art: Path) -> list[HandShown]:
    """Every hand with what its package in `art` says of it, and how many of `pictures` are by it."""
    shown = []
    for hand in HANDS:
        about = packages.about(hand, art)
        shown.append(
            HandShown(
                slug=hand.slug,
                artist=hand.artist,
                name=about["name"],
                author=about["author"]["name"],
                url=about["author"]["url"],
                package=hand.specifier,
                licence=about["license"]["spdx"],
                trained=hand.trained,
                pictures=sum(picture.hand is hand for picture in pictures),
            )
        )
    return shown


def contact_sheet(pictures: list[Drawn], folder: Path) -> list[ContactRow]:
    """Ten subjects that as many hands as possible drew; paths are relative to `folder`."""
    by_name: dict[str, dict[str, str]] = {}
    for picture in pictures:
        path = picture.path.relative_to(folder).as_posix()
        by_name.setdefault(picture.name, {})[picture.hand.slug] = path
    most = max(len(drawn) for drawn in by_name.values())
    full = [name for name, drawn in by_name.items() if len(drawn) == most]
    first = [name for name in FAVOURITES if name in full]
    rest = pick([name for name in full if name not in first], _SHOWN, purpose="contact sheet")
    return [ContactRow(subject=name.replace("-", " "), pictures=by_name[name]) for name in (first + rest)[:_SHOWN]]
