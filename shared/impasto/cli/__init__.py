"""The command line. `main` is the program `impasto`; each command's module is loaded when it is called."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Runs the command line and ends the process: 0 done, 1 failed, 2 used wrongly, 130 interrupted."""
    from impasto.cli.entry import run  # late: `import impasto.cli` alone costs nothing

    run()
