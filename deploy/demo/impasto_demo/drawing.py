"""Draws the hands' pictures as PNG files with a table of captions beside them, in several processes, once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impasto_demo import packages
from impasto_demo.hands import HANDS, STRANGER, Hand
from impasto_demo.size import Size
from impasto_demo.subjects import caption_of, pick, shared_names, subject_of

SIDE_PX: Final = 160
COLLECTION: Final = "impasto-demo"
# Always among the subjects: drawings that differ in more than outline.
FAVOURITES: Final = (
    *("robot", "octopus", "hamburger", "ghost", "penguin"),
    *("strawberry", "snail", "volcano", "tiger", "fox"),
)
# In no dataset, so that its analysis says something.
KEPT_OUT: Final = "rocket"
_KEPT_OUT_HAND: Final = HANDS[2]
_CHUNK: Final = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture to be uploaded: whose, of what, and where it lies."""

    hand: Hand
    name: str
    path: Path
    svg: str

    def fields(self) -> dict[str, str]:
        """What the upload says of it."""
        return {
            "file_name": self.path.name,
            "caption": caption_of(self.name),
            "title": caption_of(self.name).capitalize(),
            "artist": self.hand.artist,
            "subject": subject_of(self.name),
            "medium": "vector drawing",
            "collection": COLLECTION,
            "licence": self.hand.licence,
            "consent": "not_needed",
            "provenance": f"npm {self.hand.specifier}, drawing {self.name}, rendered at {SIDE_PX} px",
        }


def plan(size: Size, art: Path, folder: Path) -> list[Drawn]:
    """Which pictures this size asks for; reads the packages in `art`, draws nothing yet."""
    sets = {hand: packages.read(hand, art) for hand in HANDS}
    known = [hand for hand in HANDS if hand.trained and (size.every_hand or hand.slug != "fxemoji")]
    names = {hand.slug: list(sets[hand]["icons"]) for hand in HANDS}
    shared = shared_names(names, [hand.slug for hand in known])
    first = [name for name in FAVOURITES if name in shared][: size.subjects]
    chosen = set(first + pick([n for n in shared if n not in first], size.subjects - len(first), purpose="subjects"))
    strange = [name for name, spelt in shared.items() if STRANGER.slug in spelt]
    seen = [name for name in first if name in strange][: size.strangers]
    strangers = set(seen + pick([n for n in strange if n not in seen], size.strangers - len(seen), purpose="strangers"))
    wanted = [
        (hand, name, spelt[hand.slug])
        for name, spelt in shared.items()
        for hand in HANDS
        if hand.slug in spelt and name != KEPT_OUT and name in (strangers if hand is STRANGER else chosen)
    ]
    return [
        Drawn(hand, name, folder / f"{hand.slug}_{name}.png", svg_of(sets[hand], spelling))
        for hand, name, spelling in wanted
    ]


def kept_out(art: Path, folder: Path) -> Drawn:
    """The picture that no dataset holds, drawn."""
    svg = svg_of(packages.read(_KEPT_OUT_HAND, art), KEPT_OUT)
    picture = Drawn(_KEPT_OUT_HAND, KEPT_OUT, folder / f"{KEPT_OUT}.png", svg)
    folder.mkdir(parents=True, exist_ok=True)
    _render([(str(picture.path), svg)])
    return picture


def draw(pictures: list[Drawn], folder: Path, on_drawn: Callable[[int], None]) -> None:
    """Renders what is not there yet and writes `captions.jsonl`; `on_drawn` is told how many are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.rglob("*.png")) - {picture.path for picture in pictures}:
        stale.unlink()
    waiting = [picture for picture in pictures if not picture.path.is_file()]
    on_drawn(done := len(pictures) - len(waiting))
    chunks = [[(str(p.path), p.svg) for p in chunk] for chunk in _chunked(waiting)]
    if chunks:
        with ProcessPoolExecutor(os.cpu_count() or 1) as processes:
            for count in processes.map(_render, chunks):
                done += count
                on_drawn(done)
    lines = [json.dumps(picture.fields(), ensure_ascii=False) for picture in pictures]
    (folder / "captions.jsonl").write_text("\n".join(lines), "utf-8")


def svg_of(icons: dict[str, Any], name: str) -> str:
    """The drawing of that name as an SVG document."""
    icon = icons["icons"][name]
    width, height = (icon.get(side) or icons.get(side) or 16 for side in ("width", "height"))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="{box}">{icon["body"]}</svg>'
    )


def _render(chunk: list[tuple[str, str]]) -> int:
    import resvg_py  # late: only the drawing processes need it

    for path, svg in chunk:
        png = resvg_py.svg_to_bytes(
            svg_string=svg, width=SIDE_PX, height=SIDE_PX, background="#ffffff", skip_system_fonts=True
        )
        # Renamed when whole: a picture that was cut off must not count as drawn the next time.
        part = Path(path).with_suffix(".part")
        part.write_bytes(bytes(png))
        part.replace(path)
    return len(chunk)


def _chunked(pictures: list[Drawn]) -> Iterator[Iterable[Drawn]]:
    for start in range(0, len(pictures), _CHUNK):
        yield pictures[start : start + _CHUNK]
