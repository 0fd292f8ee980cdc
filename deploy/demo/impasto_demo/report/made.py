"""The sections about what the platform made: redrawn photographs, an enlarged detail, analyses."""

from __future__ import annotations

from pathlib import Path

from impasto.builtin_styles import BUILT_IN
from impasto_demo.outcome import Analysis, Outcome, StylisedPicture
from impasto_demo.report.markup import figure, percent, section, text
from impasto_demo.report.pictures import colours, embedded, enlarged_plainly

_PLATE_PX = 560
_SHEET_PX = 1400


def redrawn(outcome: Outcome, folder: Path, number: int) -> str:
    """Each photograph, then what became of it."""
    rows = ""
    for name in dict.fromkeys(picture.photograph for picture in outcome.stylised):
        work = outcome.photographs[name]
        caption = f"<b>{text(work.title)}</b>The photograph, by {text(work.artist)}. {text(work.licence)}"
        first = figure(embedded(folder / work.path, _PLATE_PX), work.title, caption, extra=_strip(folder / work.path))
        others = (_plate(p, outcome, folder) for p in outcome.stylised if p.photograph == name)
        rows += f'<div class="plates">{first}{"".join(others)}</div>'
    seconds = [picture.result.compute_seconds for picture in outcome.stylised]
    about = (
        "In built-in styles, in the manner of a painting that was uploaded a moment before, and in a mix of both. "
        f"Computing took {min(seconds):.1f} to {max(seconds):.1f} s a picture. "
        "The line under each holds its main colours by share."
    )
    return section(number, "Redrawn", about, rows)


def enlarged(outcome: Outcome, folder: Path, number: int) -> str:
    """A detail, enlarged plainly and by the network."""
    made = outcome.enlargement
    plain = enlarged_plainly(folder / made.before, made.factor, 720)
    drawn = embedded(folder / made.after, 720)
    left = figure(plain, "enlarged by interpolation", f"<b>Interpolated</b>Bicubic, × {made.factor}")
    right = figure(
        drawn,
        "enlarged by the platform",
        f"<b>Enlarged by the platform</b>Real-ESRGAN, × {made.factor}, {made.result.width} × {made.result.height} px, "
        f"{made.result.compute_seconds:.1f} s",
    )
    about = (
        "The same crop of the same detail. The network draws in texture that is plausible, not remembered: a record "
        "should keep the original, and lineage does."
    )
    return section(number, "Enlarged", about, f'<div class="pair">{left}{right}</div>')


def analysed(outcome: Outcome, folder: Path, number: int) -> str:
    """The sheets that the analyses drew."""
    body = "".join(f'<div class="sheet">{_sheet(found, folder)}</div>' for found in outcome.analyses)
    about = (
        "Palette, composition, quality, hand and nearest works, as data and as a sheet. The drawing was kept out of "
        "the dataset; the photograph is by none of the hands, and the right answer to whose it is would be: unknown."
    )
    return section(number, "Analysed", about, body)


def _plate(picture: StylisedPicture, outcome: Outcome, folder: Path) -> str:
    described = dict(BUILT_IN)
    parts, thumbnails = [], ""
    whole = sum(weight for _, _, weight in picture.styles)
    for name, where, weight in picture.styles:
        share = f"{percent(weight / whole, 0)} " if len(picture.styles) > 1 else ""
        parts.append(f"{share}{text(name)}")
        if where == "artwork":
            uri = embedded(folder / outcome.paintings[name].path, 112)
            thumbnails += f'<img src="{uri}" alt="the style: {text(name)}">'
    if len(picture.styles) > 1:
        note = "A mix of a built-in style and a painting."
    elif picture.styles[0][1] == "artwork":
        note = "In the manner of an uploaded painting."
    else:
        note = text(described.get(picture.styles[0][0], ""))
    beside = f'<span class="from">{thumbnails}<span>{note}</span></span>' if thumbnails else note
    path = folder / picture.path
    caption = f"<b>{' + '.join(parts)}</b>{beside}"
    return figure(
        embedded(path, _PLATE_PX), " + ".join(name for name, _, _ in picture.styles), caption, extra=_strip(path)
    )


def _strip(path: Path) -> str:
    parts = "".join(f'<i style="--part:{share:.3f};background:{colour}"></i>' for colour, share in colours(path))
    return f'<div class="swatches">{parts}</div>'


def _sheet(found: Analysis, folder: Path) -> str:
    verdict = found.result.style
    said = "no hand was asked for"
    if verdict is not None:
        sure = max(verdict.confidence.values(), default=0.0)
        said = (
            "unknown, like none of the hands" if verdict.unknown else f"{text(verdict.label)} ({percent(sure, 0)} sure)"
        )
    truth = f"Truly by {text(found.truth)}." if found.truth else "Truly by none of the hands."
    caption = f"<b>{text(found.title)}: said to be {said}</b>{truth} {found.result.compute_seconds:.1f} s"
    return figure(embedded(folder / found.sheet, _SHEET_PX), f"analysis of {found.title}", caption)
