"""`impasto keys create|list|revoke`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from impasto.cli import tables, words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from impasto.tenants import ApiKeyRecord


@click.group(short_help="Create, list and revoke API keys.")
def keys() -> None:
    """Create, list and revoke API keys. Needs a key with scope `admin`."""


@keys.command(short_help="Create a key.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "submit", "upload", "webhooks", "admin", "operate"]),
    default=("read", "submit", "upload"),
    show_default=True,
    help="What it may do; give it again for more.",
)
@click.option("--days", type=click.IntRange(1), help="How long it is valid. Default: until it is revoked.")
@command
def create(session: Session, name: str, scopes: tuple[Any, ...], days: int | None) -> None:
    """Create a key. It is shown once and cannot be shown again."""
    expires = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days else None
    made = session.client.keys.create(name, scopes, expires)
    if session.as_json:
        session.json(made)
        return
    click.echo(made.key)
    session.note(f"{made.record.name} may {', '.join(made.record.scopes)}; it is not shown again")


@keys.command("list", short_help="List keys.")
@command
def list_(session: Session) -> None:
    """List keys, without their secrets."""
    found = list(session.client.keys.list())
    if session.as_json:
        session.json(found)
        return
    rows = ((k.id, k.name, ", ".join(k.scopes), _standing(k), words.ago(k.created_at), _used(k)) for k in found)
    tables.table(session, ["ID", "NAME", "SCOPES", "STATE", "MADE", "LAST USED"], rows, "no keys")


@keys.command(short_help="Revoke a key.")
@click.argument("key_id", metavar="KEY_ID")
@command
def revoke(session: Session, key_id: str) -> None:
    """Revoke a key, by the id that `impasto keys list` shows; it stops working at once."""
    session.client.keys.revoke(key_id)
    if session.as_json:
        session.json({"revoked": key_id})
    else:
        click.echo(f"{key_id} is revoked")


def _standing(key: ApiKeyRecord) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at:
        return "expired" if key.expires_at <= datetime.now(UTC) else f"ends {words.ago(key.expires_at)}"
    return "valid"


def _used(key: ApiKeyRecord) -> str:
    return words.ago(key.last_used_at) if key.last_used_at else "never"
