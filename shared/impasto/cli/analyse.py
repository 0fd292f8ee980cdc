"""`impasto analyse`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from impasto.cli import chosen, outputs
from impasto.cli.checked import valid
from impasto.cli.session import Session, command
from impasto.cli.waiting import job_options, submit


@click.command(short_help="Tell a picture's palette, composition, hand and nearest works.")
@click.argument("picture")
@click.option("--checkpoint", help="Name the hand with this classifier: ckp_… or a name (the newest).")
@click.option("--neighbours", type=click.IntRange(0, 20), default=5, show_default=True, help="How many nearest works.")
@click.option("--allow-unmeasured", is_flag=True, help="Use a checkpoint that has no evaluation.")
@click.option("--out", metavar="FILE", help="Write the analysis sheet, a picture, here.")
@job_options
@command
def analyse(
    session: Session, picture: str, checkpoint: str | None, out: str | None, job: dict[str, Any], **options: Any
) -> None:
    """Analyse PICTURE (a file, an artwork's id or sha256:<digest>).

    \b
    impasto analyse print.png --checkpoint hands --out sheet.png
    """
    from impasto.kinds.analyse_artwork import AnalyseArtwork  # late: kinds take a while to load

    named = chosen.checkpoint(session, checkpoint) if checkpoint else None
    params = valid(AnalyseArtwork, picture=chosen.picture(session, picture), checkpoint=named, **options)
    submitted, result = submit(session, params, job)
    if result is None:
        return
    if out:
        outputs.fetch(session, result.sheet, Path(out).expanduser())
    if session.as_json:
        session.json({"job": submitted.id, "out": out, "result": result})
        return
    from impasto.cli.analysis_view import draw  # rich only when there is something to draw

    draw(session, result)
    if out:
        click.echo(out)
    else:
        session.note(f"as a picture: impasto artifact get {result.sheet.sha256} --out sheet.png")
