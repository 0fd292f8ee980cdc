"""`impasto artworks list|show`."""

from __future__ import annotations

import click

from impasto.cli import tables, words
from impasto.cli.pictures import show_bytes
from impasto.cli.session import Session, command


@click.group(short_help="List and show uploaded artworks.")
def artworks() -> None:
    """List and show uploaded artworks."""


@artworks.command("list", short_help="List artworks, newest first.")
@click.option("--collection", help="Only of this collection.")
@click.option("--artist", help="Only this artist's.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True)
@command
def list_(session: Session, collection: str | None, artist: str | None, limit: int) -> None:
    """List artworks, newest first."""
    found = list(session.client.artworks.list(collection=collection, artist=artist, limit=limit))
    if session.as_json:
        session.json(found)
        return
    rows = (
        (
            a.id,
            f"{a.width}×{a.height}",
            words.short(a.artist, 24),
            words.short(a.collection, 20),
            words.ago(a.created_at),
            words.short(a.caption or a.title or a.file_name),
        )
        for a in found
    )
    columns = ["ID", "#SIZE", "ARTIST", "COLLECTION", "UPLOADED", "CAPTION"]
    tables.table(session, columns, rows, "no artworks; upload some: impasto upload FOLDER")


@artworks.command(short_help="Show an artwork.")
@click.argument("artwork_id", metavar="ARTWORK")
@command
def show(session: Session, artwork_id: str) -> None:
    """Show an artwork's fields, and the picture where the terminal can."""
    artwork = session.client.artworks.get(artwork_id)
    if session.as_json:
        session.json(artwork)
        return
    show_bytes(lambda: session.client.artifacts.read(artwork.sha256))
    fields = artwork.model_dump(exclude={"created_at", "warnings", "width", "height", "size_bytes"})
    size = f"{artwork.width} × {artwork.height} px, {words.size(artwork.size_bytes)}"
    more = {"size": size, "uploaded": words.ago(artwork.created_at), "warnings": "; ".join(artwork.warnings)}
    tables.facts(session, fields | more)
