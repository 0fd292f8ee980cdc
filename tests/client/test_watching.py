"""Watching goes on where the stream broke, and ends when the job does."""

from __future__ import annotations

from typing import Any

import pytest

from impasto.client.flow import Broken, NextChunk, Open, Request, Sleep
from impasto.client.watching import PATIENCE_S, waiting, watching
from impasto.errors import NotFound, Unavailable
from impasto.jobs import JobEvent, JobRecord, Progress
from tests.client.steps import JOB_ID, answer, event, job, perform, progress

_OPENED = answer({})
_CUT = Broken("cut", "http://x")
_SILENT = Broken("no answer in time", "http://x", silent=True)


def _last_event_ids(steps: list[Any]) -> list[str | None]:
    return [step.request.headers.get("Last-Event-ID") for step in steps if isinstance(step, Open)]


def test_events_and_progress_come_in_order_and_the_final_event_ends_it() -> None:
    chunks = [event(1, "job.queued") + event(2, "job.started"), progress(0.5), event(3, "job.succeeded")]
    _, steps, emitted = perform(watching(JOB_ID), [_OPENED, *chunks])
    assert [told.number if isinstance(told, JobEvent) else told.fraction for told in emitted] == [1, 2, 0.5, 3]
    assert len(steps) == 4


def test_a_broken_stream_is_taken_up_after_the_last_event() -> None:
    outcomes = [_OPENED, event(1, "job.queued"), _CUT, answer(job("running")), None]
    _, steps, emitted = perform(watching(JOB_ID), [*outcomes, _OPENED, event(1, "job.queued") + event(2, "job.failed")])
    assert _last_event_ids(steps) == [None, "1"]
    assert [told.number for told in emitted if isinstance(told, JobEvent)] == [1, 2], "none is told twice"
    assert [type(step) for step in steps] == [Open, NextChunk, NextChunk, Request, Sleep, Open, NextChunk]


def test_reading_starts_after_the_number_asked_for() -> None:
    _, steps, _ = perform(watching(JOB_ID, after=4), [_OPENED, event(5, "job.canceled")])
    assert _last_event_ids(steps) == ["4"]


def test_a_stream_that_ends_early_or_falls_silent_is_opened_again() -> None:
    outcomes = [_OPENED, b"", answer(job("running")), None, _OPENED, _SILENT, answer(job("running"))]
    _, steps, _ = perform(watching(JOB_ID), [*outcomes, _OPENED, event(1, "job.succeeded")])
    assert [type(step) for step in steps].count(Open) == 3
    assert [type(step) for step in steps].count(Sleep) == 1, "silence was waiting enough"


def test_without_any_stream_waiting_asks_until_the_record_is_final() -> None:
    refused = answer({}, 502)
    outcomes = [refused, answer(job("queued")), None, _CUT, answer(job("running")), None, refused, answer(job())]
    record, steps, _ = perform(waiting(JOB_ID), outcomes)
    assert record.state == "succeeded"
    assert [type(step) for step in steps].count(Sleep) == 2


def test_pauses_grow_while_no_stream_gets_through() -> None:
    rounds = [part for _ in range(6) for part in (_CUT, answer(job("running")), None)]
    _, steps, _ = perform(waiting(JOB_ID), [*rounds, _CUT, answer(job())])
    pauses = [step.seconds for step in steps if isinstance(step, Sleep)]
    assert pauses[-1] > 1.9
    assert all(pause <= 4 for pause in pauses)


def test_waiting_tells_progress_and_gives_the_final_record() -> None:
    told: list[Any] = []
    outcomes = [_OPENED, progress(0.25) + event(1, "job.succeeded"), answer(job(result={"a": 1}))]
    record, _, _ = perform(waiting(JOB_ID, None, told.append, told.append), outcomes)
    assert isinstance(record, JobRecord)
    assert [type(one) for one in told] == [Progress, JobEvent]


def test_an_unknown_job_is_an_error_at_once() -> None:
    with pytest.raises(NotFound):
        perform(watching(JOB_ID), [answer({"code": "not_found", "detail": "no"}, 404)])


def test_the_time_given_ends_the_waiting_and_says_that_the_job_goes_on() -> None:
    with pytest.raises(TimeoutError, match="goes on"):
        perform(waiting(JOB_ID, timeout_s=0.0), [_OPENED, b": still here\n\n"])


def test_a_short_time_is_not_outlasted_by_a_silent_stream() -> None:
    opened = next(iter(watching(JOB_ID, timeout_s=4.0)))
    assert isinstance(opened, Open)
    assert opened.request.read_s <= 2.0


def test_a_platform_that_stays_away_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 40))
    monkeypatch.setattr("impasto.client.watching.time.monotonic", lambda: next(clock))
    outcomes = [part for _ in range(100) for part in (_CUT, _CUT, None)]
    with pytest.raises(Unavailable):
        perform(watching(JOB_ID), outcomes)
    assert next(clock) < PATIENCE_S * 3


def test_the_final_record_ends_a_watch_whose_stream_never_opens() -> None:
    outcomes = [part for _ in range(3) for part in (_CUT, answer(job()), None)]
    _, _, emitted = perform(watching(JOB_ID), [*outcomes, _CUT, answer(job())])
    assert all(isinstance(told, JobRecord) for told in emitted)
