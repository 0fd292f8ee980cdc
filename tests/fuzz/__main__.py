"""`python -m tests.fuzz --cases 10000 --seed 1`: asks, counts, and tells.

Written to `bench/results/fuzz.json`. Ends with 1 if an answer was 5xx, or one that the document does not have.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from impasto.testing.stacks import Stack
from tests.fuzz.running import SHUT_OUT, WITH_KINDS, Count, Round, run_round
from tests.fuzz.scene import whole_scene

RESULTS: Final = Path(__file__).parents[2] / "bench" / "results"
_SHOWN: Final = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="no request begins after so long")
    parser.add_argument("--a-route", type=int, default=20, help="cases of a route in each round")
    asked = parser.parse_args()
    console = Console()
    console.print(f"fuzz: {asked.cases} cases, seed {asked.seed}; starting the platform ...")
    began = time.monotonic()
    with whole_scene() as stack:
        count = run(stack, asked, console)
        count.faults += [f"a process ended: {process.log.name}" for process in stack.processes if not process.alive]
    if count.total < asked.cases:
        count.faults.append(f"{count.total} of {asked.cases} cases within {asked.minutes:g} minutes")
    show(count, console)
    _keep(count, asked, time.monotonic() - began)
    sys.exit(0 if count.good else 1)


def run(stack: Stack, asked: argparse.Namespace, console: Console) -> Count:
    """Rounds with the keys of two tenants in turn, then those that may shut out the one who asks."""
    count, stop_at = Count(), time.monotonic() + asked.minutes * 60
    keys, number = [stack.key("first"), stack.key("second")], 0
    with Live(console=console, refresh_per_second=2, transient=True) as live:

        def enough() -> bool:
            live.update(_progress(count, asked.cases, stop_at))
            return count.total >= asked.cases or time.monotonic() > stop_at

        def over() -> bool:
            live.update(_progress(count, asked.cases, stop_at))
            return False

        # Every border of every value once, then what is made up and what is linked.
        borders = Round(asked.seed, keys[0], 1, ("coverage",), without=WITH_KINDS)
        run_round(stack.url, borders, count, enough)
        while not enough() and not count.faults:
            run_round(stack.url, Round(asked.seed + number, keys[number % 2], asked.a_route), count, enough)
            number += 1
        for key in keys:
            run_round(stack.url, Round(asked.seed, key, asked.a_route, ("fuzzing",), SHUT_OUT), count, over)
    return count


def _progress(count: Count, cases: int, stop_at: float) -> Text:
    left_s = max(0.0, stop_at - time.monotonic())
    return Text(
        f"{count.total} of {cases} cases, {len(count.cases)} routes, {len(count.failures)} failures,"
        f" at most {left_s / 60:.0f} minutes more"
    )


def show(count: Count, console: Console) -> None:
    """Cases and statuses by route, then what failed."""
    table = Table("route", "cases", "answers")
    for route, cases in sorted(count.cases.items()):
        answers = ", ".join(f"{status} {number}" for status, number in sorted(count.statuses.get(route, {}).items()))
        table.add_row(escape(route), str(cases), answers)
    console.print(table)
    for failed in count.failures[:_SHOWN]:
        console.print(f"[red]{escape(failed.route)}[/] {failed.check} {failed.status}: {escape(failed.message)}")
        console.print(f"  {escape(failed.again)}", soft_wrap=True)
    for fault in count.faults[:_SHOWN]:
        console.print(f"[red]{escape(fault)}[/]")
    console.print(f"{count.total} cases, {len(count.failures)} failures: {'good' if count.good else 'not good'}")


def _keep(count: Count, asked: argparse.Namespace, wall_s: float) -> None:
    record: dict[str, Any] = {
        "cases": count.total,
        "seed": asked.seed,
        "wall_s": round(wall_s),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "by_route": {route: {str(s): n for s, n in sorted(count.statuses.get(route, {}).items())}
                     for route in sorted(count.cases)},
        "failures": [asdict(failed) for failed in count.failures],
        "faults": count.faults,
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "fuzz.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
