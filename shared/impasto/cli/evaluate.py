"""`impasto evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from impasto.cli import chosen, tables
from impasto.cli.checked import valid
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit
from impasto.errors import InvalidInput

if TYPE_CHECKING:
    from impasto.checkpoints import Measure
    from impasto.kinds.evaluate_checkpoint import EvaluatedCheckpoint


@click.command(short_help="Measure a checkpoint on samples it has not seen.")
@click.argument("checkpoint")
@click.option("--dataset", help="A dataset's name or dsv_…; default: the one it was trained on (its held-back half).")
@click.option("--split", type=click.Choice(["validation", "train"]), default="validation", show_default=True)
@click.option("--perturbation-seeds", type=click.IntRange(1, 16), default=4, show_default=True)
@click.option("--max-perturbed", "max_perturbed_samples", type=click.IntRange(50, 100_000), default=400)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@job_options
@command
def evaluate(session: Session, checkpoint: str, dataset: str | None, job: dict[str, Any], **options: Any) -> None:
    """Measure CHECKPOINT (ckp_… or a name: the newest): accuracy, calibration, stability, with 95 % intervals.

    \b
    impasto evaluate hands
    """
    from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint  # late: kinds take a while to load

    checkpoint_id = chosen.checkpoint(session, checkpoint)
    version = chosen.dataset_version(session, dataset) if dataset else _trained_on(session, checkpoint_id)
    params = valid(EvaluateCheckpoint, checkpoint=checkpoint_id, dataset_version=version, **options)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    if session.as_json:
        session.json({"job": submitted.id, "result": result})
    else:
        _report(session, result)


def _trained_on(session: Session, checkpoint_id: str) -> str:
    version = session.client.checkpoints.get(checkpoint_id).dataset_version_id
    if version is None:
        raise InvalidInput("value_invalid", "the checkpoint does not say what it was trained on", hint="give --dataset")
    return version


def _report(session: Session, result: EvaluatedCheckpoint) -> None:
    click.echo(f"{result.evaluation}  {result.samples:,} samples, {len(result.classes)} classes")
    measures = {
        "accuracy": result.accuracy,
        "macro F1": result.macro_f1,
        "calibration error": result.ece,
        "unknown AUROC": result.unknown_auroc,
        "always the largest class": result.majority_baseline,
        "colours alone": result.colour_baseline,
    }
    measures |= {f"under {name}": found.accuracy for name, found in result.perturbations.items()}
    rows = [_row(name, measure) for name, measure in measures.items() if measure]
    tables.table(session, ["MEASURE", "#VALUE", "95 % INTERVAL", "#SAMPLES", ""], rows, "nothing was measured")


def _row(name: str, measure: Measure) -> tuple[Any, ...]:
    bar = "█" * round(20 * min(1.0, max(0.0, measure.value)))
    return name, f"{measure.value:.3f}", f"{measure.low:.3f} – {measure.high:.3f}", measure.count, bar
