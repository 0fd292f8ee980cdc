"""`impasto train-to-draw`."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli import chosen, outputs, tables, words
from impasto.cli.checked import valid
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit


@click.command(name="train-to-draw", short_help="Train a model that draws from words on a dataset.")
@click.argument("dataset")
@click.option("--name", default="text-to-image", show_default=True, help="The checkpoint's name.")
@click.option("--base", default="starter", show_default=True, metavar="ID|NAME|none", help="Where to go on from.")
@click.option(
    "--flavor", type=click.Choice(["tiny", "small-32", "small-64"]), default="small-64", help="Without a base."
)
@click.option("--style", type=click.Choice(["artist", "medium", "none"]), default="artist", show_default=True)
@click.option("--steps", type=click.IntRange(1, 1_000_000), default=600, show_default=True)
@click.option("--batch-size", type=click.IntRange(1, 1024), default=32, show_default=True)
@click.option(
    "--learning-rate", type=click.FloatRange(0, 0.1, min_open=True), help="Default: 4e-4 from a base, or 1e-3."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--sample", "sample_prompts", multiple=True, metavar="PROMPT", help="Drawn on the way; may be repeated.")
@click.option("--sample-every", type=click.IntRange(10), default=100, show_default=True, metavar="STEPS")
@click.option("--out", metavar="FILE", help="Also fetch the last sheet of samples.")
@job_options
@command
def train_to_draw(
    session: Session, dataset: str, base: str, out: str | None, job: dict[str, Any], **options: Any
) -> None:
    """Train a model of your own on DATASET (a name: its latest version; or dsv_…). It learns each artist as a style.

    \b
    impasto train-to-draw prints --name my-hand --sample "a boat" --out samples.png
    impasto generate "a boat" --checkpoint my-hand --allow-unmeasured
    """
    from impasto.kinds.train_text_to_image import TrainTextToImage  # late: kinds take a while to load

    options["sample_prompts"] = list(options["sample_prompts"])
    start = None if base == "none" else base if base == "starter" else chosen.checkpoint(session, base)
    version = chosen.dataset_version(session, dataset)
    params = valid(TrainTextToImage, dataset_version=version, base=start, **options)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    if out and result.samples:
        outputs.fetch(session, result.samples[-1].artifact, outputs.unused(outputs.as_path(out)))
    if session.as_json:
        session.json({"job": submitted.id, "result": result})
        return
    click.echo(result.checkpoint)
    tables.facts(
        session,
        {
            "styles": ", ".join(result.styles) or "none",
            "trained on": f"{result.pictures:,} pictures, {result.steps:,} steps in {words.span(result.train_seconds)}",
            "loss": f"{result.final_loss:.4f}",
        },
    )
    session.note(f"not measured yet; next: impasto evaluate {result.checkpoint}")


COMMANDS = {"train-to-draw": train_to_draw}
