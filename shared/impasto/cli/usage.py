"""`impasto usage` and `impasto tenants list|limits`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from impasto.cli import tables, words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from rich.console import RenderableType

    from impasto.quotas import TenantUsage

_BAR: Final = 20
_NEARLY: Final = 0.8
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@click.command(short_help="Show what you use and what you may.")
@command
def usage(session: Session) -> None:
    """Show the tenant's jobs, device time and storage beside their limits, and the rate of requests."""
    found = session.client.usage()
    if session.as_json:
        session.json(found)
    else:
        show(session, found)


@click.group(short_help="Look at tenants and set their limits.")
def tenants() -> None:
    """Look at tenants and set their limits. Needs a key with scope `operate`."""


@tenants.command("list", short_help="List tenants with what they use.")
@command
def list_(session: Session) -> None:
    """List tenants with what they use, of how much."""
    found = list(session.client.tenants.list())
    if session.as_json:
        session.json(found)
        return
    rows = ((t.id, t.name, *(_of(*pair) for pair in _pairs(t).values())) for t in found)
    tables.table(session, ["ID", "NAME", "#QUEUED", "#RUNNING", "#TODAY", "#STORAGE"], rows, "no tenants")


def _limit(kind: type[int] | type[float], units: bool = False) -> Callable[..., Any]:
    """Reads a number, `none`, and for bytes a unit."""

    def read(_: click.Context, option: click.Parameter, value: str | None) -> Any:
        text = (value or "").strip().lower()
        if value is None or text == "none":
            return None if value is None else text
        try:
            number = size_bytes(text) if units else kind(text)
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            wanted = "a number of bytes, such as 50GB," if units else "a number"
            raise click.BadParameter(f"{value!r} is neither {wanted} nor none", param=option)
        return number

    return read


@tenants.command(short_help="Show or set a tenant's limits.")
@click.argument("tenant", metavar="TENANT")
@click.option("--queued", callback=_limit(int), metavar="N", help="Jobs that may wait; more are refused.")
@click.option("--running", callback=_limit(int), metavar="N", help="Jobs that may run; more wait.")
@click.option(
    "--device-seconds-a-day",
    callback=_limit(float),
    metavar="N",
    help="Seconds that its jobs may hold slots in a day (UTC).",
)
@click.option("--storage", "storage_bytes", callback=_limit(int, units=True), metavar="SIZE", help="Such as 50GB.")
@click.option("--requests-per-s", callback=_limit(float), metavar="N", help="Requests a second of each of its keys.")
@click.option("--requests-burst", callback=_limit(int), metavar="N", help="Requests of a key at once.")
@command
def limits(session: Session, tenant: str, **given: Any) -> None:
    """Show a tenant's limits, or set those that are given; `none` takes one away. TENANT is its id or name."""
    changes = {name: None if value == "none" else value for name, value in given.items() if value is not None}
    found = session.client.tenants.limit(tenant, **changes) if changes else session.client.tenants.get(tenant)
    if session.as_json:
        session.json(found)
    else:
        show(session, found)


def show(session: Session, found: TenantUsage) -> None:
    """A line for each quota, with a bar where there is a limit."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for name, (used, limit, said) in _pairs(found).items():
        drawn.add_row(name, bar(used, limit), _of(used, limit, said))
    session.print(drawn)
    may = found.limits
    if may.requests_per_s and may.requests_burst:
        session.note(f"{may.requests_per_s:g} requests a second of each key, {may.requests_burst:,} at once")


def bar(used: float, limit: float | None) -> RenderableType:
    """How much of a limit is used; empty without one."""
    from rich.text import Text

    if limit is None:
        return Text("")
    share = min(1.0, used / limit) if limit else 1.0
    full = round(share * _BAR)
    colour = "red" if share >= 1 else "yellow" if share >= _NEARLY else "green"
    return Text.assemble(("█" * full, colour), ("░" * (_BAR - full), "dim"))


def size_bytes(text: str) -> int:
    """`50GB`, `1.5 tb`, `1000`: powers of a thousand.

    Raises:
        ValueError: it is none of these.
    """
    number = text.strip().lower().removesuffix("b").rstrip()
    unit = number[-1:] if number[-1:] in _UNITS and number[-1:].isalpha() else ""
    return round(float(number.removesuffix(unit)) * _UNITS[unit])


def _pairs(found: TenantUsage) -> dict[str, tuple[float, float | None, Any]]:
    used, may = found.used, found.limits
    return {
        "queued jobs": (used.queued, may.queued, _number),
        "running jobs": (used.running, may.running, _number),
        "device time today": (used.device_seconds_today, may.device_seconds_a_day, words.span),
        "storage": (used.storage_bytes, may.storage_bytes, words.size),
    }


def _of(used: float, limit: float | None, said: Any) -> str:
    return said(used) if limit is None else f"{said(used)} of {said(limit)}"


def _number(number: float) -> str:
    return f"{number:,.0f}"
