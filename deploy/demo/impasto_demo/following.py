"""Follows many jobs at once: each has a row on the board while it runs, and leaves its timeline when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from impasto.client import Job
from impasto.jobs import JobEvent, Progress
from impasto_demo.board import Board
from impasto_demo.outcome import JobTimeline

R = TypeVar("R")
_AT_ONCE: Final = 6
_ROWS: Final = 6


class Following:
    """Jobs that are being waited for. Jobs are submitted before; waiting for one never delays another."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="following")
        # Of its own: a row waits for its jobs, and must not take the threads that those need.
        self._rows = ThreadPoolExecutor(_ROWS, thread_name_prefix="following-rows")
        self.timelines: list[JobTimeline] = []

    def one(self, job: Job[R], title: str) -> R:
        """Waits with a row of its own. Raises JobFailed as `Job.wait` does."""
        with self._board.stage(title) as tell:

            def on_progress(progress: Progress) -> None:
                tell(progress.fraction or 0.0, 1.0, progress.message)

            result: R = self._wait(job, title, on_progress)
            return result

    def begin(self, job: Job[R], title: str) -> Future[R]:
        """Waits in the background with a row of its own."""
        return self._rows.submit(self.one, job, title)

    def many(self, jobs: Mapping[str, Job[Any]], title: str) -> Future[dict[str, Any]]:
        """Waits in the background with one row for all of them; results by the jobs' titles."""
        return self._rows.submit(self._all, dict(jobs), title)

    def close(self) -> None:
        """Stops waiting for what has not begun."""
        self._rows.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _all(self, jobs: dict[str, Job[Any]], title: str) -> dict[str, Any]:
        with self._board.stage(title) as tell:
            tell(0, len(jobs), f"0 of {len(jobs)}")
            waiting = {name: self._threads.submit(self._wait, job, name, None) for name, job in jobs.items()}
            results = {}
            for name, future in waiting.items():
                results[name] = future.result()
                tell(len(results), len(jobs), f"{len(results)} of {len(jobs)}")
        return results

    def _wait(self, job: Job[Any], title: str, on_progress: Any) -> Any:
        events: list[JobEvent] = []
        result = job.wait(on_progress=on_progress, on_event=events.append)
        self.timelines.append(timeline_of(job, title, events))
        return result


def timeline_of(job: Job[Any], title: str, events: list[JobEvent]) -> JobTimeline:
    """The times of a job that has ended. The last start counts: an attempt that was lost is time spent waiting."""
    record = job.record
    starts = [event for event in events if event.type == "job.started"]
    assert record.started_at is not None
    assert record.finished_at is not None
    return JobTimeline(
        job_id=job.id,
        kind=job.kind,
        title=title,
        queued_at=record.created_at,
        started_at=starts[-1].occurred_at if starts else record.started_at,
        finished_at=record.finished_at,
        attempts=record.attempts,
        worker=str(starts[-1].data.get("worker", "")) if starts else "",
    )
