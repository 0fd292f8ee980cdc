"""`python -m tests.faults.chaos --jobs 1000 --faults 200 --seed 1`: breaks, waits, counts, and tells.

Written to `bench/results/chaos.json`. Ends with 1 if a job was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.faults.chaos.breaking import EVERY_S, OUTAGE_EVERY_S, Breaking, counted, plan
from tests.faults.chaos.load import Load
from tests.faults.chaos.scene import Scene, whole_scene
from tests.faults.chaos.verdict import Verdict, as_record, as_time, judge

RESULTS = Path(__file__).parents[3] / "bench" / "results"
_WAIT_S = 240.0
_LOOK_S = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="no fault begins after so long")
    parser.add_argument("--keep", type=Path, help="where the logs are copied to")
    asked = parser.parse_args()
    console = Console()
    console.print(f"chaos: {asked.jobs} jobs, {asked.faults} faults, seed {asked.seed}; starting the platform ...")
    began = time.monotonic()
    with whole_scene() as scene:
        try:
            verdict = run(scene, asked, console)
        finally:
            if asked.keep:
                _keep(scene, asked.keep)
    show(verdict, console)
    about = {
        "jobs_asked": asked.jobs,
        "faults_asked": asked.faults,
        "seed": asked.seed,
        "wall_s": round(time.monotonic() - began),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "chaos.json").write_text(json.dumps(as_record(verdict, about), indent=1) + "\n")
    sys.exit(0 if verdict.good else 1)


def run(scene: Scene, asked: argparse.Namespace, console: Console) -> Verdict:
    chance = random.Random(asked.seed)
    processes, outages = plan(asked.faults, chance)
    ledger = scene.stack.folder / "ledger"
    lasts_s = min(max(EVERY_S * len(processes), OUTAGE_EVERY_S * len(outages)), asked.minutes * 60)
    keys = dict(scene.stack.keys)
    load = Load(asked.jobs, lasts_s, random.Random(asked.seed + 1), scene.gateways, keys, str(ledger))
    breaking = Breaking(scene, chance)
    began = time.monotonic()
    next_at = began + EVERY_S
    load.start()
    stop_at = began + asked.minutes * 60
    looked_at, seen = 0.0, Counts()
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        while True:
            now = time.monotonic()
            scene.tend()
            breaking.tend()
            if outages and breaking.outage is None and now < stop_at:
                breaking.begin_outage(outages.pop())
            if processes and now >= next_at and now < stop_at:
                # One for which nobody is there now has its turn later.
                kind = next((kind for kind in dict.fromkeys(processes) if breaking.process_fault(kind)), None)
                if kind:
                    processes.remove(kind)
                next_at = now + EVERY_S
            if now - looked_at > 1:
                seen.look(scene)
                live.update(_progress(now - began, seen, load, breaking, len(processes) + len(outages)))
                looked_at = now
            over = (not processes and not outages and breaking.outage is None) or now > stop_at
            # Without any job left there is nobody to be hurt by what is left to break.
            if load.done and (over or seen.all_ended):
                break
            time.sleep(_LOOK_S)
        breaking.mend_all()
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline and not seen.all_ended:
            scene.tend()
            breaking.tend()
            seen.look(scene)
            live.update(_progress(time.monotonic() - began, seen, load, breaking, 0))
            time.sleep(0.5)
    for fault in breaking.faults:
        console.log(f"{as_time(fault.began_at)} {fault.kind} {fault.whom}", highlight=False)
    return judge(scene.stack, load.accepted, load.given_up, ledger, breaking.faults)


class Counts:
    """How many jobs are in which state, as far as the database tells."""

    def __init__(self) -> None:
        self.states: dict[str, int] = {}

    def look(self, scene: Scene) -> None:
        try:
            with psycopg.connect(scene.stack.settings.engine_database_url, connect_timeout=1) as connection:
                self.states = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        except psycopg.OperationalError:
            return

    @property
    def all_ended(self) -> bool:
        return not (self.states.get("queued", 0) + self.states.get("running", 0))


def _progress(passed_s: float, seen: Counts, load: Load, breaking: Breaking, left: int) -> Table:
    table = Table(title=f"{passed_s:.0f} s", title_justify="left", show_header=False)
    table.add_row("accepted", f"{len(load.accepted)} of {load.jobs}")
    table.add_row("jobs", "  ".join(f"{state} {count}" for state, count in sorted(seen.states.items())))
    table.add_row("away", breaking.outage.kind if breaking.outage and not breaking.outage.ended_at else "-")
    table.add_row("faults", f"{len(breaking.faults)}, {left} to come")
    for kind, count in sorted(counted(breaking.faults).items()):
        table.add_row(f"  {kind}", str(count))
    return table


def show(verdict: Verdict, console: Console) -> None:
    for complaint in verdict.complaints:
        console.print(f"[red]{complaint}", highlight=False)
    total = Table("accepted", "ended", "lost", "doubled", "late results refused", "faults", "most attempts")
    figures: tuple[Any, ...] = (
        verdict.accepted, verdict.ended, verdict.lost, verdict.doubled, verdict.late_refused, verdict.faults,
        verdict.most_attempts,
    )  # fmt: skip
    total.add_row(*map(str, figures))
    console.print(total)
    table = Table("to the next start after", "jobs", "p50 s", "p95 s", "max s")
    for kind, spread in verdict.recovery.items():
        table.add_row(kind, *(str(spread.get(key, "-")) for key in ("jobs", "p50_s", "p95_s", "max_s")))
    console.print(table)


def _keep(scene: Scene, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log in [*scene.stack.folder.glob("*.log"), *(scene.servers.folder / "logs").glob("*")]:
        (folder / log.name).write_bytes(log.read_bytes())


if __name__ == "__main__":
    main()
