"""What a job made, brought to a file and shown."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import words
from impasto.cli.pictures import show
from impasto.cli.session import Session

if TYPE_CHECKING:
    from impasto.artifacts import ArtifactRef
    from impasto.client import Job


def out_path(out: str | None, source: str, what: str) -> Path:
    """Where to write: `--out`, or `<source>-<what>.png` here, numbered so that nothing is overwritten unasked."""
    if out:
        return Path(out).expanduser()
    stem = Path(source).stem if Path(source).is_file() else source.removeprefix("sha256:")[:16]
    return unused(Path(f"{stem}-{what}.png"))


def as_path(text: str) -> Path:
    """A path as it was typed, with `~` for the home."""
    return Path(text).expanduser()


def unused(path: Path, taken: Container[Path] = ()) -> Path:
    """This place, or the same with a number where something lies already, or will lie because it is `taken`."""
    free, number = path, 1
    while free in taken or free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def picture_made(session: Session, job: Job[Any], result: Any, path: Path) -> None:
    """Downloads the picture of a result, says where it is and what it is, and shows it where the terminal can."""
    fetch(session, result.artifact, path)
    if session.as_json:
        session.json({"job": job.id, "out": str(path), "result": result})
        return
    show(path)
    click.echo(str(path))
    session.note(
        f"{result.width} × {result.height} px, {words.size(result.artifact.size_bytes)}, "
        f"computed in {words.span(result.compute_seconds)}; sha256:{result.artifact.sha256}"
    )


def fetch(session: Session, artifact: ArtifactRef, path: Path) -> None:
    """Downloads an artifact, checked against its digest."""
    session.client.artifacts.download(artifact.sha256, path)
