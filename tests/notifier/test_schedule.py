"""The rule of retries by itself, the form of a trace's parent, and the warning of development."""

from __future__ import annotations

import logging

import pytest

from impasto.backends.gate import warn_if_anywhere
from impasto.traces import trace_parent
from impasto.webhooks import FORGIVEN_AFTER_S, JITTER, LONGEST_RETRY_AFTER_S, PAUSES_S, Reply, judge

_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_ten_attempts_go_over_seventy_five_hours() -> None:
    pauses = [judge(attempt, Reply(1, 500), jitter=0).again_in_s for attempt in range(1, 11)]
    assert pauses == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None]
    assert sum(pause or 0 for pause in pauses) == 272_105


@pytest.mark.parametrize("attempt", range(1, 10))
def test_up_to_a_tenth_is_added_and_never_the_same(attempt: int) -> None:
    pause = PAUSES_S[attempt]
    assert judge(attempt, Reply(1, 500), jitter=1).again_in_s == pytest.approx(pause * 1.1)
    found = [judge(attempt, Reply(1, error="timeout")).again_in_s or 0 for _ in range(50)]
    assert pause <= min(found) < max(found) <= pause * (1 + JITTER)


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_may_ask_for_a_longer_pause_of_up_to_a_day_and_not_for_a_shorter(status: int) -> None:
    for asked, given in ((1000.0, 1000.0), (1.0, 5.0), (1e9, LONGEST_RETRY_AFTER_S)):
        assert judge(1, Reply(1, status, retry_after_s=asked), jitter=0).again_in_s == given
    assert judge(1, Reply(1, 500, retry_after_s=1000), jitter=0).again_in_s == 5
    assert judge(10, Reply(1, status, retry_after_s=1000)).again_in_s is None


def test_success_and_gone_end_it_at_any_attempt() -> None:
    for attempt in range(1, 11):
        assert judge(attempt, Reply(1, 204)).delivered
        gone = judge(attempt, Reply(1, 410))
        assert (gone.gone, gone.again_in_s, gone.error) == (True, None, "endpoint_gone")


def test_a_failure_is_forgiven_only_after_more_than_any_pause() -> None:
    assert max(max(PAUSES_S) * (1 + JITTER), LONGEST_RETRY_AFTER_S) < FORGIVEN_AFTER_S


@pytest.mark.parametrize(
    "text",
    [
        None, "", "nonsense", "00-über-01", _TRACE.upper(), f"{_TRACE} ", f"{_TRACE}-more", _TRACE[:-1],
        f"ff{_TRACE[2:]}", f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", f"{_TRACE}\n",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_is_none(text: str | None) -> None:
    assert trace_parent(text) is None


def test_a_traceparent_is_kept_as_it_is() -> None:
    assert trace_parent(_TRACE) == _TRACE


def test_sending_to_anywhere_is_said_loudly_and_otherwise_nothing_is(caplog: pytest.LogCaptureFixture) -> None:
    warn_if_anywhere(False)
    assert caplog.records == []
    warn_if_anywhere(True)
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "IMPASTO_WEBHOOK_ALLOW_PRIVATE IS SET" in said.getMessage()
