"""`python -m impasto_worker worker|models ...`: the same commands as under `impasto`."""

from __future__ import annotations

import click

from impasto_worker.cli import models, worker

cli = click.Group("impasto_worker", commands={"worker": worker, "models": models})

if __name__ == "__main__":
    cli()
