"""The section about drawing from words: before and after learning, how it was learnt, and whose works are behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto_demo.from_words_outcome import DrawnGrid, FromWords, SampleShown
from impasto_demo.outcome import Outcome
from impasto_demo.report.charts import curve
from impasto_demo.report.lineage import upward
from impasto_demo.report.markup import duration, facts, figure, section, text
from impasto_demo.report.pictures import embedded
from impasto_demo.report.words_measured import measured

_TITLE: Final = "Drawing from words"
_CELL_PX: Final = 160
_SHEET_PX: Final = 480
_MOST_POINTS: Final = 50
_PLACES: Final = {"train": "drawings learnt from", "validation": "drawings held out", "": "in no dataset"}


def drawn(outcome: Outcome, folder: Path, number: int) -> str:
    """All of it, or one sentence where the platform has nothing to begin with."""
    words = outcome.from_words
    if words is None:
        about = "This platform has no starter checkpoint to go on from, so nothing was drawn from words in this run."
        return section(number, _TITLE, about, "")
    learnt = words.training
    size = words.after.result.pictures[0].width
    about = (
        "The starter comes with the platform and draws in styles of its own. It went on learning from the drawings "
        f"above, {learnt.steps:,} steps in {duration(learnt.train_seconds)}, and was asked the same again, with the "
        f"same seed. It is a small network, its pictures have {size} px; none was chosen or mended.</p><p>Under a "
        "prompt stands whether this learning saw drawings of it. The starter was taught before, with drawings of many "
        "such things, so even what was held out here may not be new to it."
    )
    body = (
        f"<h3>Before: the starter, in its own styles</h3>{_grid(words.before, {}, folder)}"
        f"<h3>After: the new checkpoint, in the hands it was shown</h3>{_grid(words.after, words.places, folder)}"
        f"{_learning(words, folder)}{measured(words)}{_origin(words, folder)}"
    )
    return section(number, _TITLE, about, body)


def _grid(grid: DrawnGrid, places: dict[str, str], folder: Path) -> str:
    names = "".join(f"<span>{text(style)}</span>" for style in grid.styles)
    rows = "".join(
        _row(prompt, places.get(prompt), grid.styles, paths, folder)
        for prompt, paths in zip(grid.prompts, grid.paths, strict=True)
    )
    took = f"{len(grid.result.pictures)} pictures, {grid.result.compute_seconds:.1f} s of computing."
    return (
        f'<div class="contact drawn" style="--columns:{len(grid.styles)}"><div class="hand names"><b></b>'
        f'<div class="strip names">{names}</div></div>{rows}</div><p class="small took">{took}</p>'
    )


def _row(prompt: str, place: str | None, styles: list[str], paths: list[str], folder: Path) -> str:
    cells = "".join(
        f'<span><img src="{embedded(folder / path, _CELL_PX)}" alt="{text(prompt)}, drawn as {text(style)}"></span>'
        for style, path in zip(styles, paths, strict=True)
    )
    where = "" if place is None else f"<small>{_PLACES[place]}</small>"
    return f'<div class="hand"><div><b>“{text(prompt)}”</b>{where}</div><div class="strip">{cells}</div></div>'


def _learning(words: FromWords, folder: Path) -> str:
    learnt = words.training
    points, over = _thinned(words.loss)
    across = "Flow-matching loss by step" + (f", the mean of {over} steps a point" if over > 1 else "")
    pairs = [
        ("pictures learnt from", f"{learnt.pictures:,}"),
        ("hands", f"{len(words.after.styles)}"),
        ("steps", f"{learnt.steps:,}"),
        ("loss at the end", f"{learnt.final_loss:.3f}"),
    ]
    told = f"{facts(pairs)}<p class='small took'>The loss at the end is the mean of the last 50 steps, or of all.</p>"
    sheets = "".join(_sample(sample, words, folder) for sample in words.samples)
    return (
        f'<h3>While it learnt</h3><div class="pair"><div>{curve(points, across, "Loss by step of learning to draw")}'
        f"</div><div>{told}</div></div>"
        f'<div class="plates samples">{sheets}</div>'
        f'<p class="small took">Each sheet: a row a hand ({text(", ".join(words.after.styles))}), '
        f"a column a prompt ({text(', '.join(words.sample_prompts))}).</p>"
    )


def _sample(sample: SampleShown, words: FromWords, folder: Path) -> str:
    alt = f"{', '.join(words.sample_prompts)}: drawn after {sample.step} steps"
    return figure(embedded(folder / sample.path, _SHEET_PX), alt, f"<b>After {sample.step:,} steps</b>")


def _thinned(loss: list[tuple[int, float]]) -> tuple[list[tuple[int, float]], int]:
    """Means of so many steps that a curve of them can be read: a single step's loss is mostly chance."""
    over = max(1, -(-len(loss) // _MOST_POINTS))
    groups = [loss[start : start + over] for start in range(0, len(loss), over)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups], over


def _origin(words: FromWords, folder: Path) -> str:
    row, column = words.traced
    prompt, style = words.after.prompts[row], words.after.styles[column]
    name = f"“{prompt}”, drawn as {style}"
    picture = figure(embedded(folder / words.after.paths[row][column], _CELL_PX), name, f"<b>{text(name)}</b>")
    chain = upward(words.trace, {words.trace.root: name})
    return f'<h3>Where one of them came from</h3><div class="traced">{picture}<div>{chain}</div></div>'
