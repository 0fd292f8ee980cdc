"""`impasto backup` and `impasto restore`: an operator's own, on the machine that reaches the servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from impasto.cli import words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from impasto.backup.saving import Show
    from impasto.embedded.layout import Layout

_data = click.option("--data", type=click.Path(file_okay=False), help="Data folder. Default: IMPASTO_DATA, .impasto.")
_folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command(short_help="Save the whole platform into a folder.")
@_folder
@click.option("--prune", is_flag=True, help="Remove objects from FOLDER that this backup does not need.")
@_data
@command
def backup(session: Session, folder: Path, prune: bool, data: str | None) -> None:
    """Save the database and every object into FOLDER, while the platform runs or while it is down.

    What FOLDER holds already is not copied again; a backup that was broken off is taken up. The embedded platform of
    the data folder, or the servers of IMPASTO_ADMIN_DATABASE_URL and IMPASTO_S3_ENDPOINT.
    """
    from impasto.backup import opened, save

    layout, port = _where(data)
    with _told(), opened(layout, port, os.environ, down=False) as place, _bar(session) as show:
        saved = save(place, folder.absolute(), show, prune=prune)
    if session.as_json:
        session.json(saved.manifest)
        return
    click.echo(
        f"{words.count(saved.manifest.objects, 'object')} and {saved.manifest.counts['jobs']:,} jobs saved in {folder}"
        f" ({saved.copied:,} copied now, {saved.copied_bytes / 1e6:,.1f} MB)"
    )
    session.note(
        "keep the keys of IMPASTO_WEBHOOK_SECRET_KEY elsewhere: a backup has the webhooks' secrets sealed only"
    )


@click.command(short_help="Bring a saved platform back.")
@_folder
@click.option("--replace", is_flag=True, help="Give up the platform that is there.")
@_data
@command
def restore(session: Session, folder: Path, replace: bool, data: str | None) -> None:
    """Bring back what `impasto backup` saved in FOLDER, into a platform without tenants, of which no part runs.

    API keys of before are valid again. Jobs that ran are queued again. Start the platform afterwards: impasto up.
    """
    from impasto.backup import opened
    from impasto.backup import restore as bring_back

    layout, port = _where(data)
    with _told(), opened(layout, port, os.environ, down=True) as place, _bar(session) as show:
        restored = bring_back(place, folder.absolute(), show, replace=replace)
        _forget_unknown_key(layout, place.admin_url)
    if session.as_json:
        session.json(
            {
                "manifest": restored.manifest.model_dump(mode="json"),
                "objects_put": restored.put,
                "jobs_requeued": restored.requeued,
                "webhooks_sealed_otherwise": restored.sealed_otherwise,
            }
        )
    else:
        click.echo(
            f"restored as of {restored.manifest.made_at}: {words.count(restored.put, 'object')} put,"
            f" {words.count(restored.requeued, 'job')} queued again"
        )
    if restored.sealed_otherwise:
        session.note(
            f"{words.count(restored.sealed_otherwise, 'webhook')} cannot be signed: set "
            "IMPASTO_WEBHOOK_SECRET_KEY to the key of before, or rotate their secrets"
        )


def _where(data: str | None) -> tuple[Layout, int]:
    from impasto.cli.platform import remembered_port
    from impasto.embedded.layout import Layout

    layout = Layout.at(data)
    return layout, remembered_port(layout)


def _forget_unknown_key(layout: Layout, admin_url: str) -> None:
    """The key that `impasto up` keeps was another platform's: without it, the next one makes a new one."""
    import psycopg

    from impasto.tenants import parse_key

    if not layout.api_key.exists():
        return
    parsed = parse_key(layout.api_key.read_text().strip())
    with psycopg.connect(admin_url) as connection:
        found = (
            parsed
            and connection.execute("SELECT 1 FROM api_keys WHERE id = %s AND secret_sha256 = %s", [*parsed]).fetchone()
        )
    if not found:
        layout.api_key.unlink()


@contextmanager
def _told() -> Iterator[None]:
    """A full or forbidden disk is a line for a person, and no fault of the command line."""
    from impasto.errors import Unavailable

    try:
        yield
    except OSError as error:
        raise Unavailable("storage_unavailable", f"{error.filename or 'the folder'}: {error.strerror}") from error


@contextmanager
def _bar(session: Session) -> Iterator[Show]:
    if not session.err.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description:<9}"), *columns, console=session.err, transient=True) as bars:
        task = bars.add_task("", total=None)

        def show(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total or None)

        yield show
