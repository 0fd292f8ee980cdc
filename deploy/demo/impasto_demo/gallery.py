"""Hangs photographs and paintings: uploads each with what is known of it."""

from __future__ import annotations

from pathlib import Path

from impasto import Client
from impasto.client.upload import only_artwork
from impasto_demo.drawing import COLLECTION
from impasto_demo.outcome import Work
from impasto_demo.paintings import FIELDS
from impasto_demo.photographs import Photograph


def hang_photographs(client: Client, files: dict[Photograph, Path], folder: Path) -> dict[str, Work]:
    """The works by the photographs' names. Raises InvalidInput if one is refused."""
    return {photograph.name: hang(client, file, photograph.fields, folder) for photograph, file in files.items()}


def hang_paintings(client: Client, files: dict[str, Path], folder: Path) -> dict[str, Work]:
    """The works by their titles. Raises InvalidInput if one is refused."""
    works = {}
    for title, file in files.items():
        caption = f"{title.lower()}, painted by a program"
        told = {"title": title, "caption": caption, "collection": f"{COLLECTION}-paintings"}
        works[title] = hang(client, file, FIELDS | told, folder)
    return works


def hang(client: Client, file: Path, fields: dict[str, str], folder: Path) -> Work:
    """Uploads one picture; the work's path is relative to `folder`. Raises InvalidInput if it is refused."""
    return Work(
        artwork_id=only_artwork(client.upload(file, metadata=fields)),
        title=fields["title"],
        artist=fields["artist"],
        licence=fields["licence"],
        path=file.relative_to(folder).as_posix(),
    )
