"""`impasto upscale`."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli import chosen, outputs
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit


@click.command(short_help="Enlarge a picture by two or four.")
@click.argument("picture")
@click.option("--factor", type=click.Choice(["2", "4"]), default="4", show_default=True)
@click.option("--model", type=click.Choice(["photo", "illustration", "fast"]), default="fast", show_default=True)
@click.option("--out", metavar="FILE", help="Where to write the picture. Default: PICTURE-upscaled.png here.")
@job_options
@command
def upscale(session: Session, picture: str, factor: str, model: str, out: str | None, job: dict[str, Any]) -> None:
    """Enlarge PICTURE (a file, an artwork's id or sha256:<digest>), drawing in detail.

    \b
    impasto upscale sketch.png --factor 4 --model illustration
    """
    from impasto.kinds.generate_upscale import Upscale  # late: kinds take a while to load, `--help` needs none

    params = Upscale.model_validate(
        {"picture": chosen.picture(session, picture), "factor": int(factor), "model": model}
    )
    submitted, result = submit(session, params, job)
    if result is not None:
        outputs.picture_made(session, submitted, result, outputs.out_path(out, picture, "upscaled"))
