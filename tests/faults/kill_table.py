"""The long kill run, `make kills RUNS=20`: kill -9 at five points, many times each, and a table of how it went.

One platform for all runs: gateway, reconciler and one worker, which is replaced at once. Then, on another one, hosts
that nobody replaces: several at a time, each killed at another moment. Written to `bench/results/kills.json`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from impasto.backends.objects import S3Objects
from impasto.settings import Settings
from impasto.testing.databases import cloned_database, make_template
from impasto.testing.processes import Process, eventually
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings
from tests.asking import ended, submit

PLUGIN = Path(__file__).parents[1] / "plugin"
RESULTS = Path(__file__).parents[2] / "bench" / "results"


@dataclass
class Row:
    """What became of the jobs that were killed at one point."""

    point: str
    runs: int = 0
    ended_once: int = 0
    lost: int = 0
    doubled: int = 0
    recovery_p50_s: float = 0.0
    recovery_p95_s: float = 0.0
    recovery_max_s: float = 0.0


class Runs:
    """Kills, one after the other, on one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        stack.start_gateway()
        stack.start_reconciler()
        self.worker = self._start_worker()

    def run(self, point: str) -> tuple[list[str], float]:
        """One job, killed once at this point: its final events, and seconds from the kill to its next start."""
        job_id, gate, mark = held(
            self.stack, {"runner alone": "compute", "worker and runner": "compute"}.get(point, point)
        )
        eventually(mark.exists, f"the job reaches {point}")
        gate.unlink()
        killed = time.time()
        self._kill(point, int(mark.read_text()))
        return ends(self.stack, job_id), started_again(self.stack, job_id) - killed

    def _kill(self, point: str, process: int) -> None:
        if point == "runner alone":
            os.kill(process, signal.SIGKILL)
            return
        if point == "worker and runner":
            self.worker.kill()
            with suppress(ProcessLookupError):  # it ended with its worker, as it should
                os.kill(process, signal.SIGKILL)
        else:
            self.worker.kill()
        self.worker = self._start_worker()

    def _start_worker(self) -> Process:
        return self.stack.start_worker("killed", ["test"], slots=1)


class LostHosts:
    """Hosts with one slot each that nobody replaces; one with room for all of their jobs, which comes last."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self.stack, self._chance, self._numbers = stack, chance, itertools.count(1)
        stack.start_gateway()
        stack.start_reconciler()

    def run(self, count: int) -> list[tuple[list[str], float]]:
        """As `Runs.run`, for `count` hosts that are lost within a renewal of their leases."""
        names = [f"host-{next(self._numbers)}" for _ in range(count)]
        hosts = {name: self.stack.start_worker(name, ["test"], slots=1) for name in names}
        jobs = [held(self.stack, "compute") for _ in hosts]
        for _, _, mark in jobs:
            eventually(mark.exists, "the job computes", 60)
        gates = {job_id: gate for job_id, gate, _ in jobs}
        other = self.stack.start_worker("survivor", ["test"], slots=count)
        holders = dict(self.stack.sql("SELECT worker, id FROM jobs WHERE state = 'running'"))
        killed = {}
        for name, host in hosts.items():
            time.sleep(self._chance.uniform(0, 2 * RENEWAL_S / count))
            gates[holders[name]].unlink()  # the next attempt is not held
            killed[holders[name]] = time.time()
            host.kill()
        found = [(ends(self.stack, job_id), started_again(self.stack, job_id) - at) for job_id, at in killed.items()]
        other.stop()
        return found


def held(stack: Stack, pause_at: str) -> tuple[str, Path, Path]:
    """A job that is held there until its gate is removed, and the mark that it makes then."""
    gate = Path(tempfile.mkdtemp(dir=stack.folder)) / "gate"
    gate.touch()
    params = {"text": gate.parent.name, "gate": str(gate), "pause_at": pause_at}
    return submit(stack, "test.stamp", params)["id"], gate, gate.with_suffix(f".{pause_at}")


def started_again(stack: Stack, job_id: str) -> float:
    """When its second attempt began."""
    query = """SELECT extract(epoch FROM occurred_at)::double precision FROM job_events
               WHERE job_id = %s AND type = 'job.started' ORDER BY number OFFSET 1 LIMIT 1"""
    return float(stack.sql(query, [job_id])[0][0])


def ends(stack: Stack, job_id: str) -> list[str]:
    """The final events of a job once it has ended, with `doubled` for every edge of lineage beyond the first."""
    ended(stack, job_id, most_s=120)
    query = "SELECT type FROM job_events WHERE job_id = %s AND type IN ('job.succeeded', 'job.failed')"
    edges = int(stack.sql("SELECT count(*) FROM lineage_edges WHERE job_id = %s", [job_id])[0][0])
    return [row[0] for row in stack.sql(query, [job_id])] + ["doubled"] * (edges - 1)


LOST = "host, not replaced"
AT_A_TIME = 5
RENEWAL_S = 10.0
POINTS = ("claimed", "compute", "uploaded", "runner alone", "worker and runner")


@contextmanager
def one_stack() -> Iterator[Stack]:
    """A stack on servers of its own."""
    sys.path.insert(0, str(PLUGIN))
    os.environ["PYTHONPATH"] = str(PLUGIN)
    with Servers() as servers, tempfile.TemporaryDirectory() as folder:
        make_template(servers.admin_url)
        with cloned_database(servers.admin_url) as urls:
            base = Settings.from_environment({
                "IMPASTO_DATABASE_URL": urls.api,
                "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
                "IMPASTO_REDIS_URL": servers.redis_url + "/0",
                "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
                "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
                "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
            })  # fmt: skip
            settings = stack_settings(base, Path(folder))
            S3Objects(settings).ensure_bucket()
            stack = Stack(settings, Path(folder))
            try:
                yield stack
            finally:
                stack.stop()


def measure(runs: int, tell: Callable[[str], None]) -> list[Row]:
    """The table: `runs` kills at each point, the points in turn; then as many lost hosts."""
    found: dict[str, list[tuple[list[str], float]]] = {point: [] for point in (*POINTS, LOST)}
    with one_stack() as stack:
        all_runs = Runs(stack)
        for point in track(POINTS * runs, description="kill -9", console=Console(stderr=True)):
            found[point].append(all_runs.run(point))
    with one_stack() as stack:
        hosts = LostHosts(stack, random.Random(1))
        for done in track(range(0, runs, AT_A_TIME), description="lost hosts", console=Console(stderr=True)):
            found[LOST] += hosts.run(min(AT_A_TIME, runs - done))
    for point, several in found.items():
        for said, _ in several:
            if said != ["job.succeeded"]:
                tell(f"{point}: {said}")
    return [_row(point, several) for point, several in found.items()]


def _row(point: str, found: list[tuple[list[str], float]]) -> Row:
    said, took = [said for said, _ in found], [seconds for _, seconds in found]
    return Row(
        point,
        runs=len(found),
        ended_once=said.count(["job.succeeded"]),
        lost=said.count([]),
        doubled=sum(len(one) > 1 for one in said),
        recovery_p50_s=round(statistics.median(took), 2),
        recovery_p95_s=round(statistics.quantiles(took, n=20, method="inclusive")[18] if len(took) > 1 else took[0], 2),
        recovery_max_s=round(max(took), 2),
    )


def main() -> None:
    """Measures, prints the table, and exits with 1 if a job was lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    console = Console()
    rows = measure(parser.parse_args().runs, console.print)
    table = Table("killed at", "runs", "ended once", "lost", "doubled", "next start p50 s", "p95 s", "max s")
    for row in rows:
        table.add_row(*(str(value) for value in asdict(row).values()))
    console.print(table)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "kills.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(0 if all(row.ended_once == row.runs for row in rows) else 1)


if __name__ == "__main__":
    main()
