"""The process's edge: whatever goes wrong becomes a line a person can use, and an exit status."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from impasto.cli.root import root

INTERRUPTED = 130


def run() -> NoReturn:
    """Runs the command that the arguments name and ends the process."""
    try:
        root.main(prog_name="impasto")
    except BrokenPipeError:
        # Whoever read our output has enough (`impasto jobs list | head`): say nothing, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("IMPASTO_DEBUG"):
            raise
        click.secho("error: ", fg="red", bold=True, err=True, nl=False)
        click.echo(f"{type(error).__name__}: {error}", err=True)
        click.echo("  This is a fault in Impasto's command line. IMPASTO_DEBUG=1 shows where.", err=True)
    sys.exit(1)
