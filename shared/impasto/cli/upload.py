"""`impasto upload`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from impasto.artworks import UploadResult
    from impasto.client import UploadProgress

_SHOWN_REFUSALS = 20


@click.command(short_help="Upload pictures or whole folders, with captions.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True), metavar="FOLDER|FILE...")
@click.option("--collection", help="A name to find these works by later.")
@click.option("--artist", help="Who made them, or whose hand they are in.")
@click.option("--licence", "--license", help="An SPDX identifier or a name, such as CC0-1.0.")
@click.option("--medium", help="Oil, woodcut, vector, photograph …")
@click.option("--title", help="The work's title.")
@click.option("--date", help="When it was made, as one would write it.")
@click.option("--subject", help="What it shows; datasets are split by this.")
@click.option("--caption", help="What is to be seen.")
@click.option("--consent", type=click.Choice(["granted", "denied", "not_needed"]), help="The maker's word on training.")
@click.option("--provenance", help="Where the files came from.")
@command
def upload(session: Session, paths: tuple[str, ...], **metadata: Any) -> None:
    """Upload pictures, or every picture in a folder and below it.

    Captions and other fields come from captions.jsonl or metadata.jsonl in a folder (one object a line with
    "file_name"), or from PICTURE.txt beside a picture. Options hold for every file that says nothing else.
    The same picture twice is one artwork. Exit status 1 if nothing was taken.

    \b
    impasto upload scans/ --collection prints --artist "Katsushika Hokusai" --licence CC0-1.0
    """
    given = {name: value for name, value in metadata.items() if value is not None}
    shown, on_progress = _progress(session)
    with shown:
        result = session.client.upload(paths, metadata=given, on_progress=on_progress)
    if session.as_json:
        session.json(result)
    else:
        _summary(session, result)
    if result.files and result.refused == len(result.files):
        raise click.exceptions.Exit(1)


def _summary(session: Session, result: UploadResult) -> None:
    refused = [verdict for verdict in result.files if verdict.verdict == "refused"]
    for verdict in refused[:_SHOWN_REFUSALS]:
        why = (verdict.error or {}).get("message", "refused")
        click.echo(f"{click.style('refused', fg='red')}  {verdict.file_name}: {why}", err=True)
    if len(refused) > _SHOWN_REFUSALS:
        session.note(f"and {len(refused) - _SHOWN_REFUSALS:,} more; --json lists them all")
    parts = [click.style(words.count(result.accepted, "artwork") + " accepted", fg="green")]
    parts += [f"{result.duplicate:,} known already"] if result.duplicate else []
    parts += [click.style(f"{result.refused:,} refused", fg="red")] if result.refused else []
    click.echo(", ".join(parts))
    if len(result.files) == 1 and (artwork := result.files[0].artwork):
        click.echo(artwork.id)


def _progress(session: Session) -> tuple[AbstractContextManager[Any], Callable[[UploadProgress], None]]:
    if not session.err.is_terminal:
        return nullcontext(), lambda p: session.note(f"{p.files_done:,} of {p.files:,}") if p.files > 1 else None
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bars = Progress(
        TextColumn("uploading"),
        BarColumn(24),
        TextColumn("{task.fields[files]}"),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=session.err,
        transient=True,
    )
    task = bars.add_task("", total=None, files="")

    def tell(p: UploadProgress) -> None:
        bars.update(task, total=p.size_bytes, completed=p.sent_bytes, files=f"{p.files_done:,}/{p.files:,}")

    return bars, tell
