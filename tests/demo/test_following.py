"""Times of a job, from its record and its events."""

from __future__ import annotations

from datetime import timedelta

from impasto.client import Job
from impasto.jobs import JobEvent, JobRecord
from impasto_demo.following import timeline_of
from tests.demo.outcomes import START


def test_the_last_start_counts_and_names_the_worker() -> None:
    record = JobRecord.model_validate(
        {"id": "job_1", "kind": "generate.stylise", "state": "succeeded", "params": {}, "attempts": 2,
         "cancel_requested": False, "created_at": START, "started_at": START + timedelta(seconds=1),
         "finished_at": START + timedelta(seconds=9)}
    )  # fmt: skip
    starts = [
        JobEvent(job_id="job_1", number=n, type="job.started", data={"worker": worker},
                 occurred_at=START + timedelta(seconds=s))
        for n, worker, s in ((2, "lost", 1), (4, "second", 5))
    ]  # fmt: skip
    times = timeline_of(Job(None, record), "A picture", starts)  # type: ignore[arg-type]  (nothing is asked)
    assert times.started_at == START + timedelta(seconds=5)
    assert (times.worker, times.attempts, times.title) == ("second", 2, "A picture")
