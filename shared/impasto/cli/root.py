"""`impasto` itself: the grouped help, and commands found by name without loading the others."""

from __future__ import annotations

import os
from typing import Any

import click

import impasto
from impasto.cli.lazy import Entry, LazyGroup
from impasto.cli.session import Session

_PLATFORM = "impasto.cli.platform"

SECTIONS: dict[str, dict[str, Entry]] = {
    "Start here": {
        "up": Entry(_PLATFORM, "Start the platform on this machine."),
        "down": Entry(_PLATFORM, "Stop it; data stays."),
        "reset": Entry(_PLATFORM, "Stop it and delete its data."),
        "doctor": Entry(_PLATFORM, "Say what is found here and what is missing."),
    },
    "Make": {
        "generate": Entry("impasto.cli.generate", "Draw pictures from words."),
        "stylise": Entry("impasto.cli.stylise", "Redraw a picture in a style or a mix of styles."),
        "upscale": Entry("impasto.cli.upscale", "Enlarge a picture by two or four."),
        "analyse": Entry("impasto.cli.analyse", "Tell a picture's palette, composition, hand and nearest works."),
    },
    "Teach": {
        "upload": Entry("impasto.cli.upload", "Upload pictures or whole folders, with captions."),
        "dataset": Entry("impasto.cli.dataset", "Prepare datasets and look at them."),
        "train": Entry("impasto.cli.train", "Train a style classifier on a dataset."),
        "train-to-draw": Entry("impasto.cli.train_to_draw", "Train a model that draws from words on a dataset."),
        "import": Entry("impasto.cli.importing", "Import a large pipeline or LoRA weights as a checkpoint."),
        "evaluate": Entry("impasto.cli.evaluate", "Measure a checkpoint on samples it has not seen."),
    },
    "Look": {
        "jobs": Entry("impasto.cli.jobs", "Submit, list, show, watch, cancel and retry jobs; their logs and events."),
        "pipelines": Entry("impasto.cli.pipelines", "Submit, list, show, watch, cancel and resume pipelines."),
        "schedules": Entry("impasto.cli.schedules", "Submit jobs at a time or by cron."),
        "artworks": Entry("impasto.cli.artworks", "List and show uploaded artworks."),
        "checkpoints": Entry("impasto.cli.checkpoints", "List checkpoints and what was measured of them."),
        "styles": Entry("impasto.cli.styles", "List styles and keep new mixes."),
        "lineage": Entry("impasto.cli.lineage", "Trace a thing to the works behind it, or on to what came of it."),
        "artifact": Entry("impasto.cli.artifact", "Fetch the bytes of an artifact."),
    },
    "Run": {
        "status": Entry(_PLATFORM, "Say what runs on this machine."),
        "logs": Entry(_PLATFORM, "Show the log of a part of the platform."),
        "backup": Entry("impasto.cli.backup", "Save the whole platform into a folder."),
        "restore": Entry("impasto.cli.backup", "Bring a saved platform back."),
        "top": Entry("impasto.cli.top", "Show queues and workers as they change."),
        "webhooks": Entry("impasto.cli.webhooks", "Say where events are sent, and see what was sent."),
        "usage": Entry("impasto.cli.usage", "Show what you use and what you may."),
        "tenants": Entry("impasto.cli.usage", "Look at tenants and set their limits."),
        "keys": Entry("impasto.cli.keys", "Create, list and revoke API keys."),
        "worker": Entry("impasto_worker.cli", "Run a worker on this machine's device."),
        "models": Entry("impasto_worker.cli", "Fetch and list pretrained weights."),
    },
}

EXAMPLES = (
    "impasto up",
    'impasto generate "a red heart, flat" --out heart.png',
    "impasto stylise photo.jpg --style blue-woodblock --out print.png",
    "impasto upload scans/ --collection prints --licence CC0-1.0",
    "impasto dataset prepare hands --collection prints",
    "impasto train hands && impasto jobs list",
    "impasto analyse print.png",
)


@click.command(cls=LazyGroup, sections=SECTIONS, examples=EXAMPLES, invoke_without_command=True)
@click.option("--url", metavar="ADDRESS", help="The platform's address. Default: IMPASTO_URL or .impasto/client.json.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout and everything else on stderr.")
@click.version_option(impasto.__version__, message="impasto %(version)s")
@click.pass_context
def root(context: click.Context, url: str | None, as_json: bool) -> None:
    """Impasto: large models for art, on your own machines.

    Every command that makes something submits a durable job and waits for it; Ctrl-C stops the waiting, never the job.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
    session: Session = context.ensure_object(Session)
    session.url, session.as_json = url, as_json
    context.call_on_close(session.close)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def command_names() -> dict[str, Any]:
    """Every built-in command and what the help says of it."""
    return {name: entry for section in SECTIONS.values() for name, entry in section.items()}
