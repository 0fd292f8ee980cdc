"""`impasto styles list|create`."""

from __future__ import annotations

import click

from impasto.cli import chosen, tables, words
from impasto.cli.session import Session, command
from impasto.errors import InvalidInput


@click.group(short_help="List styles and keep new mixes.")
def styles() -> None:
    """List built-in and kept styles, and keep new mixes."""


@styles.command("list", short_help="List styles.")
@click.option("--kept", is_flag=True, help="Only your own.")
@command
def list_(session: Session, kept: bool) -> None:
    """List styles: the built-in ones first, then your own, newest first."""
    found = [style for style in session.client.styles.list() if not (kept and style.builtin)]
    if session.as_json:
        session.json(found)
        return
    rows = (
        (s.name, "built in" if s.builtin else f"v{s.version}", "" if s.builtin else s.id, words.short(_said(s), 80))
        for s in found
    )
    tables.table(session, ["NAME", "VERSION", "ID", "WHAT IT LOOKS LIKE"], rows, "no styles of your own yet")


@styles.command(short_help="Keep a mix under a name.")
@click.argument("name")
@click.option("--style", "parts", multiple=True, required=True, metavar="NAME|FILE|ID[=WEIGHT]")
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@command
def create(session: Session, name: str, parts: tuple[str, ...], strength: float) -> None:
    """Keep a mix of built-in styles and pictures under NAME; the same name again makes its next version.

    \b
    impasto styles create harbour --style blue-woodblock=2 --style painting.png
    """
    nothing = "sha256:" + "0" * 64  # only the mix is wanted
    mix = chosen.stylise_params(session, nothing, parts).mix
    if mix is None:
        raise InvalidInput("value_invalid", "a kept style cannot be part of a new one", field="style")
    style = session.client.styles.create(name, mix, strength)
    if session.as_json:
        session.json(style)
    else:
        click.echo(f"{style.name} v{style.version}  {style.id}")
        session.note(f"use it: impasto stylise PICTURE --style {style.name}")


def _said(style: object) -> str:
    description = getattr(style, "description", "")
    mix = getattr(style, "parameters", {}).get("mix", {})
    parts = {**mix.get("builtin", {}), **mix.get("artworks", {})} if isinstance(mix, dict) else {}
    return description or ", ".join(f"{name} {weight:g}" for name, weight in parts.items())
