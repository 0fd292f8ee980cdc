"""A group of commands that imports a command's module only when that command is called."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from impasto.errors import ImpastoError

PLUGINS = "impasto.commands"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is (its module has it by its own name) and what the help says of it."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """Sections of commands for the help, their modules loaded late; plug-ins register under `impasto.commands`."""

    def __init__(
        self, *, sections: Mapping[str, Mapping[str, Entry]], examples: Iterable[str], **attributes: Any
    ) -> None:
        super().__init__(**attributes)
        self.sections, self.examples = sections, tuple(examples)
        self._entries = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._entries, *(name for name in _plugins() if name not in self._entries)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return _plugins()[cmd_name].load() if cmd_name in _plugins() else None
        try:
            module = importlib.import_module(entry.module)
        except ModuleNotFoundError as error:
            raise click.ClickException(_missing(cmd_name, error)) from error
        found = getattr(module, "COMMANDS", {}).get(cmd_name) or getattr(module, cmd_name, None)
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        known = self._entries
        if not name.startswith("-") and name not in known and name not in _plugins():
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1, cutoff=0.5)
            better = f" Did you mean {near[0]!r}?" if near else " `impasto` lists them all."
            ctx.fail(f"There is no command {name!r}.{better}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ImpastoError as error:
            ctx.obj.fail(error)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            ctx.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, section in self.sections.items():
            with formatter.section(click.style(title, bold=True)):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in section.items()])
        more = [(name, _origin(point)) for name, point in _plugins().items() if name not in self._entries]
        if more:
            with formatter.section(click.style("Plug-ins", bold=True)):
                formatter.write_dl(more)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Commands first: they are what one looks for.
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(click.style("Examples", bold=True)):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        formatter.write_paragraph()
        formatter.write_text("`impasto COMMAND --help` tells more about each.")


def _plugins() -> dict[str, Any]:
    # Late: finding entry points reads the metadata of every installed package.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=PLUGINS)}


def _origin(point: Any) -> str:
    return f"From {point.dist.name}." if point.dist else "A plug-in."


def _missing(name: str, error: ModuleNotFoundError) -> str:
    extra = "embedded,server,worker" if name in {"up", "down", "reset", "doctor", "backup", "restore"} else "worker"
    return f"`impasto {name}` needs {error.name}, which is not installed here: pip install 'impasto[{extra}]'"
