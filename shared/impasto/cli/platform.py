"""`impasto up`, `down`, `reset`, `status`, `logs` and `doctor`: the platform on this machine."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from impasto.embedded import commanding
from impasto.embedded.layout import Layout
from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from impasto.embedded.state import State

DEFAULT_PORT = 8080
_data = click.option("--data", type=click.Path(file_okay=False), help="Data folder. Default: IMPASTO_DATA, .impasto.")


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the gateway. Default: the last one, or 8080.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait until everything is ready.")
@_data
def up(port: int | None, timeout: float, data: str | None) -> None:
    """Start the platform in the background and wait until it is ready."""
    layout = Layout.at(data)
    if (state := commanding.running(layout)) and state.ready:
        content = commanding.introduce(layout, state)
        asked = f" (not {port}: impasto down first)" if port and port != state.about["port"] else ""
        click.echo(f"already up at {content['url']}{asked}")
        return
    began = time.monotonic()
    try:
        state = _start(layout, port or remembered_port(layout), timeout)
    except ImpastoError as error:
        commanding.stop(layout)
        _fail(error)
    except KeyboardInterrupt:
        click.echo("\nit goes on starting in the background; stop it with: impasto down", err=True)
        sys.exit(130)
    _greet(layout, state, time.monotonic() - began)


@click.command()
@_data
def down(data: str | None) -> None:
    """Stop the platform; its data stays."""
    layout = Layout.at(data)
    try:
        click.echo("stopped" if commanding.stop(layout) else "nothing was running")
    except ImpastoError as error:
        _fail(error)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--models", is_flag=True, help="Remove the fetched models too.")
@_data
def reset(yes: bool, models: bool, data: str | None) -> None:
    """Stop the platform and remove everything it holds: artworks, jobs, checkpoints, keys."""
    layout = Layout.at(data)
    if not yes:
        click.confirm(f"Remove all data in {layout.data}?", abort=True)
    try:
        commanding.stop(layout)
        commanding.wipe(layout, keep_models=not models)
    except ImpastoError as error:
        _fail(error)
    click.echo(f"{layout.data} is empty" + ("" if models else " (fetched models were kept)"))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The state as JSON.")
@_data
def status(as_json: bool, data: str | None) -> None:
    """What runs: each part with its state, process and age. Exit code 1 when not everything does."""
    layout = Layout.at(data)
    state = commanding.running(layout)
    if as_json:
        click.echo(layout.state.read_text().strip() if state else '{"ready": false, "parts": {}}')
    elif state is None:
        click.echo("down; start it with: impasto up")
    else:
        from impasto.cli.parts_view import parts_table, show  # rich only when there is something to draw

        show(parts_table(state))
    sys.exit(0 if state and state.ready else 1)


@click.command()
@click.argument("part", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-n", "--lines", default=40, show_default=True, help="How many lines.")
@_data
def logs(part: str | None, follow: bool, lines: int, data: str | None) -> None:
    """The log of a part; without a name, which logs there are."""
    layout = Layout.at(data)
    known = sorted(path.stem for path in layout.logs.glob("*.log"))
    if part is None or part not in known:
        click.echo("logs: " + (" ".join(known) or f"none in {layout.logs}"))
        sys.exit(0 if part is None else 2)
    click.echo(commanding.last_lines(layout.log(part), lines))
    if follow:
        os.execvp("tail", ["tail", "-n0", "-F", str(layout.log(part))])  # noqa: S606  no shell


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@_data
def doctor(as_json: bool, data: str | None) -> None:
    """Look at this machine: servers, ports, disk, memory, GPU. Exit code 1 when something is in the way."""
    from impasto.embedded.doctor import examine  # asks every server for its version: not for the other commands

    layout = Layout.at(data)
    findings = examine(layout, remembered_port(layout), os.environ)
    if as_json:
        click.echo(json.dumps([finding.as_record() for finding in findings], indent=1))
    else:
        from impasto.cli.parts_view import findings_table, show

        show(findings_table(findings))
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _start(layout: Layout, port: int, timeout_s: float) -> State:
    from impasto.cli.parts_view import Starting  # rich is imported only when something has to be shown

    supervisor = None if commanding.running(layout) else commanding.launch(layout, port)
    with Starting() as starting:
        return commanding.wait_until_ready(layout, supervisor, starting.show, timeout_s)


def remembered_port(layout: Layout) -> int:
    """The port of the last `up`, so that `down` and `up` do not move the platform."""
    from urllib.parse import urlsplit

    from impasto.embedded.files import read_json

    known: dict[str, Any] = read_json(layout.client)
    variable = os.environ.get("IMPASTO_GATEWAY_PORT")
    return int(variable) if variable else urlsplit(str(known.get("url", ""))).port or DEFAULT_PORT


def _greet(layout: Layout, state: State, took_s: float) -> None:
    content = commanding.introduce(layout, state)
    here = _nearer(layout.api_key)
    click.echo(f"\nImpasto is up at {content['url']} after {took_s:.1f} s")
    click.echo(f"  API key   {content['api_key']}   (kept in {here})")
    click.echo(f"  API       {content['url']}/docs")
    click.echo(f"  studio    {_studio(state)}")
    failed = [name for name, part in state.parts.items() if not part.well]
    for name in failed:
        click.echo(f"  without   {name}; see impasto logs {name}", err=True)
    click.echo("  next      impasto upload PICTURES/*.jpg      stop with: impasto down")


def _studio(state: State) -> str:
    if "studio" not in state.parts:
        return "not installed; it needs: pip install 'impasto[studio]'"
    return f"http://127.0.0.1:{state.about['ports']['studio']}   (sign in with the API key)"


def _nearer(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _fail(error: ImpastoError) -> NoReturn:
    click.echo(f"✗ {error.message}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    sys.exit(1)
