"""One run of the command line: where the platform is, how to print, and the client, made when it is first needed."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from impasto.errors import ImpastoError

# Everything heavy is imported by the method that needs it: most runs need one of these, `--help` none.
if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console, RenderableType

    from impasto.client import Client

# Scripts read whole lines: a table that is not shown on a terminal is never folded to 80 columns.
_WIDTH_IN_A_PIPE = 240


class Session:
    """Printing goes through here, so that `--json` keeps stdout pure."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.as_json = False
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The platform's client; two retries, since a person is waiting.

        Raises:
            ImpastoError: no address or key is known.
        """
        if self._client is None:
            from impasto.client import Client

            self._client = Client(self.url, retries=2)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    @functools.cached_property
    def out(self) -> Console:
        """What was asked for: stdout."""
        return _console(sys.stdout)

    @functools.cached_property
    def err(self) -> Console:
        """What is told on the way: stderr."""
        return _console(sys.stderr)

    def json(self, value: BaseModel | dict[str, Any] | list[Any]) -> None:
        """One JSON document on stdout."""
        click.echo(json.dumps(_plain(value), ensure_ascii=False, indent=2))

    def print(self, drawn: RenderableType) -> None:
        """Something drawn by rich, on stdout; in a pipe without the spaces that pad it."""
        if self.out.is_terminal:
            self.out.print(drawn)
            return
        with self.out.capture() as captured:
            self.out.print(drawn)
        for line in captured.get().splitlines():
            click.echo(line.rstrip())

    def note(self, text: str) -> None:
        """A line on stderr, dimmed."""
        click.secho(text, err=True, dim=True)

    def fail(self, error: ImpastoError) -> None:
        """One clear line, every fault of the request, and the hint; as JSON too if that was asked for."""
        if self.as_json:
            self.json({"error": error.as_record()})
        click.secho("error: ", fg="red", bold=True, err=True, nl=False)
        click.echo(error.message, err=True)
        faults = error.data.get("errors") or []
        for fault in faults if len(faults) > 1 else []:
            click.echo(f"  {fault.get('field')}: {fault.get('message')}", err=True)
        if isinstance(error.data.get("limit"), list):
            click.echo(f"  there are: {', '.join(map(str, error.data['limit']))}", err=True)
        if error.hint:
            click.secho(f"  hint: {error.hint}", err=True, fg="cyan")
        if error.code in {"internal_error"} and (request_id := error.data.get("request_id")):
            click.echo(f"  request {request_id}", err=True)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command `--json` and hands it the session."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout and everything else on stderr.")
    @click.pass_context
    @functools.wraps(function)
    def run(context: click.Context, /, as_json: bool, **values: Any) -> Any:
        session: Session = context.ensure_object(Session)
        session.as_json = session.as_json or as_json
        return function(session, **values)

    return run


def _console(stream: Any) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDTH_IN_A_PIPE)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
