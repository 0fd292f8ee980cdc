"""Everything that the starter is shown: drawings, copies of them in other colours, and scenes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from impasto_demo import packages
from impasto_demo.drawing import svg_of
from impasto_ml.data.scenes import draw as draw_scene
from impasto_ml.data.scenes import every_scene
from impasto_ml.training.captioned import Example
from impasto_starter.hands import STYLES, TWINS
from impasto_starter.recolouring import dominant_colour, other_colours, recoloured
from impasto_starter.subjects import captions_for, held_out_style, names_a_colour, pick_names, words_for

# Shares of what a batch holds.
_DRAWINGS: Final = 0.6
_RECOLOURED: Final = 0.15
_SCENES: Final = 0.25
_SCENE_COPIES: Final = 3


@dataclass(frozen=True, slots=True)
class Work:
    """One drawing of the art: what it shows, in which style."""

    name: str
    style: str
    picture: Image.Image

    @property
    def held_out(self) -> bool:
        return held_out_style(self.name) == self.style


def works(art: Path, size_px: int) -> list[Work]:
    """Every drawing, held out or not, rendered on white."""
    packages.fetch(STYLES, art)
    sets = {style: packages.read(style, art) for style in STYLES}
    metadata = art / "node_modules" / STYLES[0].package / "metadata.json"
    categories = json.loads(metadata.read_text("utf-8"))["categories"]
    names = pick_names(categories, set.intersection(*(set(icons["icons"]) for icons in sets.values())))
    return [
        Work(name, style.artist, _rendered(svg_of(icons, name), size_px))
        for name in names
        for style, icons in sets.items()
    ]


def lessons(drawn: list[Work], size_px: int) -> Iterator[Example]:
    """What training sees, weighted so that each kind has its share of every batch."""
    seen = [work for work in drawn if not work.held_out]
    copies = [(work, found) for work in seen if (found := _turnable(work))]
    colours = {(work.name, work.style): dominant_colour(work.picture) for work in seen if work.style != "ink"}
    for work in seen:
        said = colours.get((work.name, work.style))
        captions = captions_for(words_for(work.name), work.style)
        if said and not names_a_colour(words_for(work.name)):
            captions += captions_for(words_for(work.name), work.style, said[0])
        drawing = work.name if work.style in TWINS else None
        yield Example(work.picture, captions, work.style, _DRAWINGS / len(seen), drawing)
    turned = [(work, centre, to) for work, (colour, centre) in copies for to in other_colours(colour)]
    for work, centre, to in turned:
        captions = captions_for(words_for(work.name), work.style, to)
        drawing = f"{work.name}, {to}" if work.style in TWINS else None
        yield Example(recoloured(work.picture, centre, to), captions, work.style, _RECOLOURED / len(turned), drawing)
    scenes = [scene for scene in every_scene() if not scene.held_out]
    for scene in scenes:
        for seed in range(_SCENE_COPIES):
            captions = (scene.prompt, f"{scene.prompt}, {scene.manner}")
            weight = _SCENES / (len(scenes) * _SCENE_COPIES)
            yield Example(draw_scene(scene, size_px, seed), captions, scene.manner, weight)


def _turnable(work: Work) -> tuple[str, float] | None:
    """The dominant colour of a drawing that has one and is not called after it."""
    if work.style == "ink" or names_a_colour(words_for(work.name)):
        return None
    return dominant_colour(work.picture)


def _rendered(svg: str, size_px: int) -> Image.Image:
    import resvg_py  # late: only where pictures are drawn

    png = resvg_py.svg_to_bytes(
        svg_string=svg, width=size_px, height=size_px, background="#ffffff", skip_system_fonts=True
    )
    return Image.open(io.BytesIO(bytes(png))).convert("RGB")
