"""`impasto artifact get`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from impasto.cli.pictures import show
from impasto.cli.session import Session, command
from impasto.errors import InvalidInput


@click.group(short_help="Fetch the bytes of an artifact.")
def artifact() -> None:
    """Fetch artifacts: everything that was uploaded or made, by its SHA-256."""


@artifact.command(short_help="Write an artifact to a file or to stdout.")
@click.argument("sha256")
@click.option("--out", required=True, metavar="FILE|-", help="Where to write; - is stdout.")
@command
def get(session: Session, sha256: str, out: str) -> None:
    """Fetch the artifact SHA256 (bare or sha256:<digest>); what comes is checked against the digest."""
    if out == "-":
        if session.as_json or sys.stdout.isatty():
            raise InvalidInput("value_invalid", "bytes do not go to a terminal or beside JSON", hint="give --out FILE")
        sys.stdout.buffer.write(session.client.artifacts.read(sha256))
        return
    path = session.client.artifacts.download(sha256, Path(out).expanduser())
    if session.as_json:
        session.json({"out": str(path), "size_bytes": path.stat().st_size})
        return
    show(path)
    click.echo(str(path))
