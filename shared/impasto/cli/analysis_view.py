"""An analysis as a terminal shows it: swatches, bars, the hand and the nearest works."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from impasto.cli import words
from impasto.cli.session import Session

if TYPE_CHECKING:
    from impasto.kinds.analyse_artwork import AnalysedArtwork

_BAR = 20
_SWATCH_BAND = 56
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
# What the figures are called, in reading order. A figure that is not named here is not lost: --json has it.
_COMPOSITION = {
    "thirds": "subject on thirds",
    "balance": "balance",
    "negative_space": "quiet space",
    "focus": "focus",
    "symmetry_left_right": "mirrored left–right",
    "symmetry_top_bottom": "mirrored top–bottom",
}
_QUALITY = {
    "sharpness": "sharpness",
    "noise": "noise",
    "exposure": "exposure",
    "blockiness": "compression",
    "resolution": "resolution",
}


def draw(session: Session, found: AnalysedArtwork) -> None:
    """Draws the analysis on stdout."""
    sections = {
        "Palette": _palette(found.palette, session.out.color_system is not None),
        "Composition": _grid(_figures(found.composition, _COMPOSITION)),
        "Quality": _grid(_measures(found.quality)),
        "Hand": _style(found),
        "Tags": _tags(found.tags),
        "Nearest works": _neighbours(found),
    }
    for title, body in sections.items():
        if body is not None:
            session.print(Text(title, style="bold"))
            session.print(Padding(body, (0, 0, 0, 2)))
            session.print(Text())
    if found.nsfw >= 0.5:
        session.print(Text(f"likely not safe for work ({found.nsfw:.0%})", style="yellow"))


def _palette(palette: Mapping[str, Any], coloured: bool) -> Table | None:
    drawn = Table.grid(padding=(0, 2, 0, 0))
    swatches = [swatch for swatch in palette.get("swatches", []) if _HEX.fullmatch(str(swatch.get("hex", "")))]
    if swatches and coloured:
        band = Text()
        for swatch in swatches:
            band.append(" " * max(1, round(swatch["share"] * _SWATCH_BAND)), style=f"on {swatch['hex']}")
        drawn.add_row(band)
    for swatch in swatches:
        line = Text("████ " if coloured else "", style=swatch["hex"])
        line.append(f"{swatch['share']:4.0%}  ", style="default")
        line.append(f"{swatch['hex']}  ", style="dim")
        line.append(str(swatch["name"]), style="default")
        drawn.add_row(line)
    if said := _colour_words(palette):
        drawn.add_row(Text(said, style="dim"))
    return drawn if drawn.row_count else None


def _colour_words(palette: Mapping[str, Any]) -> str:
    said = [str(palette[name]) for name in ("harmony", "temperature_word") if palette.get(name)]
    figures = (("contrast", "contrast"), ("colourfulness", "colourfulness"))
    said += [f"{word} {palette[name]:.0%}" for name, word in figures if isinstance(palette.get(name), (int, float))]
    return " · ".join(said)


def _figures(values: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, float, str]]:
    known = ((word, values.get(name)) for name, word in names.items())
    return [(word, float(value), "") for word, value in known if isinstance(value, (int, float))]


def _measures(quality: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    rows = []
    for name, word in _QUALITY.items():
        measure = quality.get(name)
        if isinstance(measure, Mapping) and isinstance(measure.get("score"), (int, float)):
            rows.append((word, float(measure["score"]), str(measure.get("word", ""))))
    return rows


def _grid(rows: Iterable[tuple[str, float, str]]) -> Table | None:
    drawn = Table.grid(padding=(0, 2, 0, 0))
    for word, value, said in rows:
        drawn.add_row(Text(word), bar(value), Text(f"{value:.2f}", style="dim"), Text(said))
    return drawn if drawn.row_count else None


def bar(value: float) -> Text:
    """A bar of twenty cells for a value in 0..1."""
    full = round(_BAR * min(1.0, max(0.0, value)))
    return Text("━" * full, style="cyan") + Text("·" * (_BAR - full), style="bright_black")


def _style(found: AnalysedArtwork) -> Table | None:
    if found.style is None:
        return None
    drawn = Table.grid(padding=(0, 2, 0, 0))
    if found.style.unknown:
        drawn.add_row(Text("none that the checkpoint knows", style="yellow"))
    ranked = sorted(found.style.confidence.items(), key=lambda item: -item[1])
    for label, confidence in ranked[:5]:
        chosen = label == found.style.label and not found.style.unknown
        drawn.add_row(Text(label, style="bold" if chosen else ""), bar(confidence), Text(f"{confidence:.0%}"))
    return drawn


def _tags(tags: Mapping[str, float]) -> Text | None:
    if not tags:
        return None
    ranked = sorted(tags.items(), key=lambda item: -item[1])[:8]
    return Text(", ".join(f"{tag} {score:.0%}" for tag, score in ranked))


def _neighbours(found: AnalysedArtwork) -> Table | None:
    drawn = Table.grid(padding=(0, 2, 0, 0))
    for near in found.neighbours:
        said = words.short(near.caption or "untitled", 44)
        drawn.add_row(
            bar(near.similarity),
            f"{near.similarity:.2f}",
            Text(said),
            Text(near.artist, "dim"),
            Text(near.artwork, "cyan"),
        )
    return drawn if drawn.row_count else None
