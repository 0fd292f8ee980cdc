"""What was measured of a checkpoint that draws from words, told plainly, each figure with its interval."""

from __future__ import annotations

from typing import Final

from impasto.checkpoints import Measure
from impasto.kinds.evaluate_text_to_image import CopyingMeasures, EvaluatedTextToImage, SceneMeasures, StyleMeasures
from impasto_demo.from_words_outcome import FromWords
from impasto_demo.report.charts import intervals
from impasto_demo.report.markup import interval, percent, text

_FEW: Final = 60


def measured(words: FromWords) -> str:
    """Hands, scenes, copies and likeness."""
    found = words.evaluation
    parts = [
        _hands(found.style, words.after.styles) if found.style else "",
        _scenes(found.scenes_held_out) if found.scenes_held_out else "",
        _copies(found.copying) if found.copying else "",
        _likeness(found),
    ]
    return (
        f"<h3>What it is worth: {found.drawn:,} pictures of {found.prompts:,} prompts, drawn to be measured</h3>"
        f'<div class="pair told">{"".join(parts)}</div>'
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
    if style.drawn.count < _FEW:
        told += " So few pictures settle little."
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


def _copies(copying: CopyingMeasures) -> str:
    told = (
        f"The drawn pictures were held against all {copying.works:,} works that it learnt from, by the features of a "
        "picture network: 1 is the same. On the average the nearest of these is alike by "
        f"{_bounded(copying.nearest)}"
    )
    told += f"; for held-out works, which copy nothing, by {_bounded(copying.real)}." if copying.real else "."
    if copying.copy_rate:
        told += (
            f" {percent(copying.copy_rate.value)} of the pictures (95 %: {interval(copying.copy_rate)}) are nearer to "
            "a work than 99 % of the held-out works are."
        )
    return f"<div><h3>Does it copy?</h3><p>{told}</p></div>"


def _likeness(found: EvaluatedTextToImage) -> str:
    told = []
    if found.kid:
        told.append(f"From held-out works its pictures differ by {_bounded(found.kid)} (KID; 0 is alike).")
    if found.spread.prompts:
        told.append(f"Other words change a picture by {_bounded(found.spread.prompts)}, where 0 is not at all.")
    if found.spread.seeds:
        told.append(f"Another seed changes it by {_bounded(found.spread.seeds)}.")
    most = max(found.stability.again, found.stability.alone)
    differ = f"parts of a pixel differ by up to {most} of 255" if most else "no pixel differs"
    told.append(f"The same request drawn again, beside others and alone: {differ}.")
    return f"<div><h3>How like, how various, how steady?</h3><p>{' '.join(told)}</p></div>"


def _bounded(measure: Measure) -> str:
    return f"{measure.value:.2f} (95 %: {measure.low:.2f} to {measure.high:.2f})"
