"""`impasto checkpoints list|show`."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli import chosen, tables, words
from impasto.cli.session import Session, command

# What is shown of an evaluation, and where it stands in the measures.
_TOLD = {"#ACCURACY": "accuracy", "#MACRO F1": "macro_f1"}
_DRAWN = {"#STYLE": "style.drawn", "#SCENES": "scenes_held_out.every", "#KID": "kid", "#COPIES": "copying.copy_rate"}


@click.group(short_help="List checkpoints and what was measured of them.")
def checkpoints() -> None:
    """List checkpoints and what was measured of them."""


@checkpoints.command("list", short_help="List checkpoints, newest first.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True)
@command
def list_(session: Session, limit: int) -> None:
    """List checkpoints, newest first."""
    found = list(session.client.checkpoints.list(limit=limit))
    if session.as_json:
        session.json(found)
        return
    rows = (
        (c.id, c.name, f"{c.family} {c.flavor}", "measured" if c.measured else "not yet", words.ago(c.created_at))
        for c in found
    )
    columns = ["ID", "NAME", "FAMILY", "MEASURED", "MADE"]
    tables.table(session, columns, rows, "no checkpoints; train one: impasto train DATASET")


@checkpoints.command(short_help="Show a checkpoint and its evaluations.")
@click.argument("checkpoint", metavar="CHECKPOINT")
@command
def show(session: Session, checkpoint: str) -> None:
    """Show CHECKPOINT (ckp_… or a name: the newest) and its evaluations."""
    found = session.client.checkpoints.get(chosen.checkpoint(session, checkpoint))
    if session.as_json:
        session.json(found)
        return
    facts = {
        "id": found.id,
        "name": found.name,
        "family": f"{found.family} {found.flavor}",
        "dataset version": found.dataset_version_id,
        "job": found.job_id,
        "made": words.ago(found.created_at),
        "weights": f"sha256:{found.weights_sha256}",
    }
    tables.facts(session, facts | tables.flat(found.config))
    shown = _TOLD if found.family == "style_classifier" else _DRAWN
    rows = [
        (
            e.id,
            e.dataset_version_id or "–",
            *(_value(e.measures, path) for path in shown.values()),
            words.ago(e.created_at),
        )
        for e in found.evaluations
    ]
    columns = ["EVALUATION", "DATASET VERSION", *shown, "MEASURED"]
    tables.table(session, columns, rows, f"not measured; next: impasto evaluate {found.id}")


def _value(measures: dict[str, Any], path: str) -> str:
    found: Any = measures
    for name in (*path.split("."), "value"):
        found = found.get(name) if isinstance(found, dict) else None
    return f"{found:.3f}" if isinstance(found, (int, float)) else "–"
