"""The long kill run, `make kills RUNS=20`: kill -9 at five points, many times each, and a table of how it went.

One platform for all runs: gateway, reconciler and two workers, of which the second only gets what the first loses
when nobody replaces that. Written to `bench/results/kills.json`.
"""

from __future__ import annotations

import argparse
import json
import os
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
        gate = Path(tempfile.mkdtemp(dir=self.stack.folder)) / "gate"
        gate.touch()
        pause_at = {"runner alone": "compute", "worker and runner": "compute"}.get(point, point)
        params = {"text": gate.parent.name, "gate": str(gate), "pause_at": pause_at}
        job_id = submit(self.stack, "test.stamp", params)["id"]
        mark = gate.with_suffix(f".{pause_at}")
        eventually(mark.exists, f"the job reaches {pause_at}")
        gate.unlink()
        killed = time.monotonic()
        self._kill(point, int(mark.read_text()))
        eventually(lambda: self.starts(job_id) >= 2, "the job starts again", 60)
        recovery_s = time.monotonic() - killed
        ended(self.stack, job_id, most_s=60)
        return self.ends(job_id), recovery_s

    def starts(self, job_id: str) -> int:
        query = "SELECT count(*) FROM job_events WHERE job_id = %s AND type = 'job.started'"
        return int(self.stack.sql(query, [job_id])[0][0])

    def ends(self, job_id: str) -> list[str]:
        """The final events of a job, with `doubled` for every edge of lineage beyond the first."""
        query = "SELECT type FROM job_events WHERE job_id = %s AND type IN ('job.succeeded', 'job.failed')"
        edges = int(self.stack.sql("SELECT count(*) FROM lineage_edges WHERE job_id = %s", [job_id])[0][0])
        return [row[0] for row in self.stack.sql(query, [job_id])] + ["doubled"] * (edges - 1)

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
    """The table: `runs` kills at each point, the points in turn."""
    rows = {point: Row(point) for point in POINTS}
    recoveries: dict[str, list[float]] = {point: [] for point in POINTS}
    with one_stack() as stack:
        all_runs = Runs(stack)
        for point in track(POINTS * runs, description="kill -9", console=Console(stderr=True)):
            ends, recovery_s = all_runs.run(point)
            row = rows[point]
            row.runs += 1
            row.ended_once += ends == ["job.succeeded"]
            row.lost += not ends
            row.doubled += len(ends) > 1
            recoveries[point].append(recovery_s)
            if ends != ["job.succeeded"]:
                tell(f"{point}: {ends}")
    for point, row in rows.items():
        row.recovery_p50_s = round(statistics.median(recoveries[point]), 2)
        row.recovery_max_s = round(max(recoveries[point]), 2)
    return list(rows.values())


def main() -> None:
    """Measures, prints the table, and exits with 1 if a job was lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    console = Console()
    rows = measure(parser.parse_args().runs, console.print)
    table = Table("killed at", "runs", "ended once", "lost", "doubled", "next start p50 s", "max s")
    for row in rows:
        table.add_row(*(str(value) for value in asdict(row).values()))
    console.print(table)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "kills.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(0 if all(row.ended_once == row.runs for row in rows) else 1)


if __name__ == "__main__":
    main()
