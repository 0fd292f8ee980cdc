"""The command: shows a running platform real art, and writes a page about what came of it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console

from impasto import Client, ImpastoError
from impasto.errors import AccessDenied, Unavailable
from impasto_demo.board import Board
from impasto_demo.journey import Journey
from impasto_demo.outcome import Outcome
from impasto_demo.packages import NoPackages
from impasto_demo.report.page import write_report
from impasto_demo.size import FAST, FULL

_NO_PLATFORM = """[bold]No platform answers here.[/bold] {reason}

  make up        starts one on this machine, in this folder
  make demo      then runs this again

A platform elsewhere: set IMPASTO_URL and IMPASTO_API_KEY."""


def main() -> int:
    """0: the report is written; 1: something failed; 2: there is no platform to show."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    data = Path(os.environ.get("IMPASTO_DATA") or ".impasto")
    art = Path(os.environ["ART"]) if os.environ.get("ART") else None
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--fast", action="store_true", help="a few hundred pictures, under three minutes")
    size.add_argument("--full", action="store_true", help="several thousand pictures (the default)")
    parser.add_argument("--folder", type=Path, default=data / "demo", help="default: .impasto/demo")
    parser.add_argument("--art", type=Path, default=art, help="a folder where npm put the pinned packages before")
    chosen = parser.parse_args()
    fast = chosen.fast or (not chosen.full and os.environ.get("FAST", "") not in {"", "0"})
    console = Console()
    try:
        client = Client(retries=1)
        client.about()
    except (Unavailable, AccessDenied) as error:
        console.print(_NO_PLATFORM.format(reason=error))
        return 2
    try:
        return _show(client, chosen.folder.resolve(), chosen.art, console, fast=fast)
    except NoPackages as error:
        console.print(f"[red]The art is missing.[/red] {error}")
    except ImpastoError as error:
        console.print(f"[red]{error.code}[/red] {error}" + (f"\n{error.hint}" if error.hint else ""))
        if job := error.data.get("job_id"):
            console.print(f"The whole story: impasto jobs show {job}")
    except KeyboardInterrupt:
        console.print("Stopped watching. Jobs that were submitted go on: `impasto jobs list`.")
    return 1


def _show(client: Client, folder: Path, art: Path | None, console: Console, *, fast: bool) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "made").mkdir(exist_ok=True)
    with client, Board(console) as board:
        outcome = Journey(client, board, FAST if fast else FULL, folder, art or folder / "art").run()
        with board.stage("Write the report"):
            page = write_report(outcome, folder)
    _tell(outcome, console)
    console.print(f"\n  {page}", soft_wrap=True, highlight=False)
    return 0


def _tell(outcome: Outcome, console: Console) -> None:
    measured = outcome.evaluation
    accuracy, error = measured.accuracy, measured.ece
    console.print()
    console.print(
        f"  [bold]{accuracy.value:.1%}[/bold] of {accuracy.count:,} held-out pictures: the right hand named "
        f"(95 %: {accuracy.low:.1%} to {accuracy.high:.1%}; by colour alone {measured.colour_baseline.value:.1%})"
    )
    console.print(f"  [bold]{error.value:.3f}[/bold] calibration error (ECE; {error.low:.3f} to {error.high:.3f})")
    if outcome.from_words and (style := outcome.from_words.evaluation.style):
        drawn, bound = style.drawn, f"; of real works so small {style.real.value:.1%}" if style.real else ""
        console.print(
            f"  [bold]{drawn.value:.1%}[/bold] of {drawn.count:,} pictures drawn from words: the hand that was asked "
            f"for named (95 %: {drawn.low:.1%} to {drawn.high:.1%}{bound})"
        )
    console.print(f"  [bold]{outcome.seconds:.0f} s[/bold] for {len(outcome.timelines)} jobs and all around them")
