"""`impasto train`."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli import chosen, tables
from impasto.cli.checked import valid
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit


@click.command(short_help="Train a style classifier on a dataset.")
@click.argument("dataset")
@click.option("--name", default="style-classifier", show_default=True, help="The checkpoint's name.")
@click.option("--label", type=click.Choice(["artist", "medium"]), default="artist", help="What to tell apart.")
@click.option("--exclude", "exclude_labels", multiple=True, metavar="LABEL", help="Leave out, to measure 'unknown' on.")
@click.option("--flavor", type=click.Choice(["tiny", "base"]), default="base", show_default=True)
@click.option("--backbone", metavar="NAME", help="Learn on a pretrained backbone that the worker has.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=60, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option("--batch-size", type=click.IntRange(1, 4096), default=64, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@job_options
@command
def train(session: Session, dataset: str, job: dict[str, Any], **options: Any) -> None:
    """Train a style classifier on DATASET (a name: its latest version; or dsv_…).

    \b
    impasto train hands --label artist --name hands
    """
    from impasto.kinds.train_style_classifier import TrainStyleClassifier  # late: kinds take a while to load

    options["exclude_labels"] = list(options["exclude_labels"])
    params = valid(TrainStyleClassifier, dataset_version=chosen.dataset_version(session, dataset), **options)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    if session.as_json:
        session.json({"job": submitted.id, "result": result})
        return
    click.echo(result.checkpoint)
    tables.facts(
        session,
        {
            "classes": ", ".join(result.classes),
            "trained on": f"{result.train_samples:,} samples, {result.steps:,} steps",
            "loss": f"{_spark([loss for _, loss in result.loss])} {result.final_loss:.3f}",
        },
    )
    session.note(f"not measured yet; next: impasto evaluate {result.checkpoint}")


def _spark(values: list[float], width: int = 24) -> str:
    if not values:
        return ""
    thinned = [values[int(index * len(values) / width)] for index in range(min(width, len(values)))]
    low, high = min(thinned), max(thinned)
    return "".join("▁▂▃▄▅▆▇█"[int((value - low) / ((high - low) or 1) * 7)] for value in thinned)
