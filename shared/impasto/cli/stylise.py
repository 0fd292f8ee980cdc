"""`impasto stylise`."""

from __future__ import annotations

from typing import Any

import click

from impasto.cli import chosen, outputs
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit


@click.command(short_help="Redraw a picture in a style or a mix of styles.")
@click.argument("picture")
@click.option(
    "--style",
    "styles",
    multiple=True,
    required=True,
    metavar="NAME|FILE|ID[=WEIGHT]",
    help="A built-in or kept style, a picture file, or an artwork's id; give it again to mix.",
)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="0 changes nothing.")
@click.option("--colour", type=click.Choice(["style", "photo"]), default="style", help="Whose colours to keep.")
@click.option("--max-side", "max_side_px", type=click.IntRange(64, 4096), default=1024, show_default=True, metavar="PX")
@click.option("--out", metavar="FILE", help="Where to write the picture. Default: PICTURE-stylised.png here.")
@job_options
@command
def stylise(
    session: Session, picture: str, styles: tuple[str, ...], out: str | None, job: dict[str, Any], **options: Any
) -> None:
    """Redraw PICTURE (a file, an artwork's id or sha256:<digest>) in one style or a mix.

    \b
    impasto stylise photo.jpg --style blue-woodblock
    impasto stylise photo.jpg --style ember=2 --style painting.png=1 --strength 0.7 --out print.png
    """
    picture_id = chosen.picture(session, picture)
    params = chosen.stylise_params(session, picture_id, styles, **options)
    submitted, result = submit(session, params, job)
    if result is not None:
        outputs.picture_made(session, submitted, result, outputs.out_path(out, picture, "stylised"))
