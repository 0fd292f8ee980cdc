"""What an evaluation found, as a table: a figure a row, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from impasto.cli import tables
from impasto.cli.session import Session

if TYPE_CHECKING:
    from impasto.checkpoints import Measure
    from impasto.kinds.evaluate_checkpoint import EvaluatedCheckpoint
    from impasto.kinds.evaluate_text_to_image import EvaluatedTextToImage, SceneMeasures


def show_classifier(session: Session, result: EvaluatedCheckpoint) -> None:
    """Of a style classifier."""
    click.echo(f"{result.evaluation}  {result.samples:,} samples, {len(result.classes)} classes")
    measures = {
        "accuracy": result.accuracy,
        "macro F1": result.macro_f1,
        "calibration error": result.ece,
        "unknown AUROC": result.unknown_auroc,
        "always the largest class": result.majority_baseline,
        "colours alone": result.colour_baseline,
    }
    _table(session, measures | {f"under {name}": found.accuracy for name, found in result.perturbations.items()})


def show_drawing(session: Session, result: EvaluatedTextToImage) -> None:
    """Of a checkpoint that draws from words."""
    click.echo(f"{result.evaluation}  {result.drawn:,} pictures, {result.prompts} prompts, {len(result.styles)} styles")
    style, copying = result.style, result.copying
    measures: dict[str, Measure | None] = {}
    if style:
        measures |= {"style as asked": style.drawn, "the classifier on real works": style.real}
        measures |= {f"  {name}": found for name, found in style.by_style.items()}
    measures |= _scenes("never shown together", result.scenes_held_out)
    measures |= _scenes("shown together", result.scenes_seen)
    measures["distance to works (KID)"] = result.kid
    if copying:
        measures |= {"nearest learnt work": copying.nearest, "the same of held-out works": copying.real}
        measures["copies"] = copying.copy_rate
    measures |= {"spread by seed": result.spread.seeds, "spread by prompt": result.spread.prompts}
    _table(session, measures)
    drift = result.stability
    session.note(f"drawn again: {drift.again}/255 apart; drawn alone: {drift.alone}/255 apart")
    session.note(f"what was drawn: impasto artifact get {result.sheet.sha256} --out sheet.png")
    if result.copies:
        session.note(f"nearest to learnt works: impasto artifact get {result.copies.sha256} --out copies.png")


def _scenes(what: str, found: SceneMeasures | None) -> dict[str, Measure | None]:
    if found is None:
        return {}
    named = {"colour": found.colour, "shape": found.shape, "place": found.place, "all three": found.every}
    return {f"{name}, {what}": measure for name, measure in named.items()}


def _table(session: Session, measures: dict[str, Measure | None]) -> None:
    rows = [_row(name, measure) for name, measure in measures.items() if measure]
    tables.table(session, ["MEASURE", "#VALUE", "95 % INTERVAL", "#SAMPLES", ""], rows, "nothing was measured")


def _row(name: str, measure: Measure) -> tuple[Any, ...]:
    bar = "█" * round(20 * min(1.0, max(0.0, measure.value)))
    return name, f"{measure.value:.3f}", f"{measure.low:.3f} – {measure.high:.3f}", measure.count, bar
