"""What was measured of a checkpoint that draws from words, told plainly, each figure with its interval."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto.checkpoints import Measure
from impasto.kinds.evaluate_text_to_image import CopyingMeasures, EvaluatedTextToImage, SceneMeasures, StyleMeasures
from impasto_demo.from_words_outcome import FromWords
from impasto_demo.report.charts import intervals
from impasto_demo.report.markup import facts, figure, interval, percent, text
from impasto_demo.report.pictures import embedded

_SHEET_PX: Final = 520


def measured(words: FromWords, folder: Path) -> str:
    """Hands, scenes, copies and likeness."""
    found = words.evaluation
    left = _hands(found.style, words.after.styles) if found.style else ""
    right = _scenes(found.scenes_held_out) if found.scenes_held_out else ""
    copied = _copies(found.copying, words, folder) if found.copying else ""
    return (
        f"<h3>What it is worth: {found.drawn:,} pictures of {found.prompts:,} prompts, drawn to be measured</h3>"
        f'<div class="pair">{left}{right}</div>{copied}{facts(_likeness(found))}'
    )


def _hands(style: StyleMeasures, styles: list[str]) -> str:
    rows = [("All drawn", style.drawn, "")] + [(name, measure, "") for name, measure in style.by_style.items()]
    chance = 1 / max(2, len(style.by_style))
    told = (
        f"The classifier named the hand that was asked for in {percent(style.drawn.value, 0)} of "
        f"{style.drawn.count:,} pictures (95 %: {interval(style.drawn)}); guessing would give {percent(chance, 0)}, "
        "the dashed line."
    )
    if style.real:
        rows.append(("Real works", style.real, "beside"))
        told += f" Of real held-out works of the same size it names {percent(style.real.value, 0)} rightly."
    if apart := [name for name in styles if name not in style.by_style]:
        told += f" It never learnt {text(', '.join(apart))} and is not asked about that."
    return f"<div><h3>Is it the hand that was asked for?</h3><p>{told}</p>{intervals(rows, mark=chance)}</div>"


def _scenes(scenes: SceneMeasures) -> str:
    named = [("Colour", scenes.colour), ("Shape", scenes.shape), ("Place", scenes.place), ("All three", scenes.every)]
    rows = [(name, measure, "") for name, measure in named if measure]
    told = (
        "Asked for such as “a blue heart on the left”, in combinations that no lesson of the starter showed; a program "
        "that learnt nothing reads the picture. No drawing here teaches this: it is what is left of what the starter "
        "knew."
    )
    return f"<div><h3>Does it show what was asked?</h3><p>{told}</p>{intervals(rows)}</div>"


def _copies(copying: CopyingMeasures, words: FromWords, folder: Path) -> str:
    told = (
        f"The drawn pictures were held against all {copying.works:,} works that it learnt from, by the features of a "
        f"picture network: 1 is the same. The nearest work is {_bounded(copying.nearest)} near on the average"
    )
    told += f", and {_bounded(copying.real)} for held-out works, which cannot be copies." if copying.real else "."
    if copying.copy_rate:
        told += (
            f" {percent(copying.copy_rate.value)} of the pictures (95 %: {interval(copying.copy_rate)}) are nearer to "
            "a work than 99 % of the held-out works are."
        )
    sheet = ""
    if words.copies:
        sheet = figure(
            embedded(folder / words.copies, _SHEET_PX),
            "the drawn pictures that are nearest to works, beside those works",
            "The nearest of all, beside the works that they are near.",
        )
    return f'<div class="pair copied"><div><h3>Does it copy?</h3><p>{told}</p></div>{sheet}</div>'


def _likeness(found: EvaluatedTextToImage) -> list[tuple[str, str]]:
    pairs = []
    if found.kid:
        pairs.append(("distance to held-out works (KID; 0: alike)", _bounded(found.kid)))
    if found.spread.seeds:
        pairs.append(("how much a seed changes", _bounded(found.spread.seeds)))
    if found.spread.prompts:
        pairs.append(("how much the words change", _bounded(found.spread.prompts)))
    pairs.append(("largest change when drawn again, of 255", f"{found.stability.again}"))
    pairs.append(("when drawn alone", f"{found.stability.alone}"))
    return pairs


def _bounded(measure: Measure) -> str:
    return f"{measure.value:.2f} ({measure.low:.2f} to {measure.high:.2f})"
