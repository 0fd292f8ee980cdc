"""What is tried again, how often and after how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from impasto.client.answers import send
from impasto.client.flow import Answer, Broken, NextChunk, Open, Request, Sleep
from impasto.client.retrying import Retries, retry_after, with_retries
from impasto.errors import Unavailable
from tests.client.steps import answer, perform

_REFUSED = Broken("no connection", "http://x", sent=False)
_CUT = Broken("cut", "http://x", sent=True)
_GET, _POST = Request("GET", "/v1"), Request("POST", "/v1/styles", repeatable=False)


def _run(request: Request, *outcomes: Any, most: int = 4) -> tuple[Any, list[Any]]:
    slept = [None] * 20
    coming = [step for outcome in outcomes for step in (outcome, *slept[:1])]
    value, steps, _ = perform(with_retries(send(request), Retries(most)), coming)
    return value, steps


@pytest.mark.parametrize("failure", [_REFUSED, _CUT, *(answer({}, status) for status in (429, 502, 503, 504))])
def test_a_passing_failure_is_tried_again_after_a_pause(failure: Answer | Broken) -> None:
    value, steps = _run(_GET, failure, answer({"ok": 1}))
    assert value.status == 200
    assert [type(step) for step in steps] == [Request, Sleep, Request]


@pytest.mark.parametrize(("failure", "again"), [(_REFUSED, True), (_CUT, False)])
def test_what_might_be_done_twice_is_tried_again_only_if_it_was_never_sent(failure: Broken, again: bool) -> None:
    if again:
        assert len(_run(_POST, failure, answer({}))[1]) == 3
    else:
        with pytest.raises(Unavailable):
            _run(_POST, failure, answer({}))


@pytest.mark.parametrize("status", [502, 504])
def test_a_lost_answer_is_not_asked_for_twice_where_that_could_double(status: int) -> None:
    with pytest.raises(Unavailable):
        _run(_POST, answer({"code": "storage_unavailable"}, status), answer({}))


def test_after_the_last_try_the_failure_is_raised() -> None:
    with pytest.raises(Unavailable) as raised:
        _run(_GET, *[_REFUSED] * 9, most=2)
    assert raised.value.code == "platform_unreachable"


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_a_refusal_is_final(status: int) -> None:
    request = with_retries(send(_GET), Retries())
    assert request.send(None) == _GET
    with pytest.raises(Exception, match="no"):
        request.send(answer({"code": "not_found", "detail": "no"}, status))


def test_an_impatient_request_is_not_tried_again_when_nothing_answers() -> None:
    with pytest.raises(Unavailable):
        _run(Request("POST", "/v1/artworks", patient=False), _REFUSED, answer({}))


def test_retry_after_is_honoured_and_an_hour_is_too_long() -> None:
    _, steps = _run(_GET, answer({}, 503, retry_after="7"), answer({}))
    assert steps[1].seconds == 7
    with pytest.raises(Unavailable):
        _run(_GET, answer({}, 503, retry_after="3600"), answer({}))


def test_retry_after_may_be_a_date() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < retry_after(Answer(503, {"retry-after": then})) <= 30
    assert retry_after(Answer(503, {"retry-after": "soon"})) == 0
    assert retry_after(Answer(503, {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"})) == 0


def test_pauses_double_to_a_limit_and_vary() -> None:
    retries = Retries()
    assert [retries.pause(tries, lambda: 1.0) for tries in range(7)] == [0.25, 0.5, 1, 2, 4, 8, 8]
    assert retries.pause(2, lambda: 0.0) == 0.5


def test_streams_are_left_to_the_flow_that_reads_them() -> None:
    def flow() -> Any:
        opened = yield Open(_GET)
        return opened, (yield NextChunk())

    value, steps, _ = perform(with_retries(flow(), Retries()), [_CUT, b"x"])
    assert value == (_CUT, b"x")
    assert [type(step) for step in steps] == [Open, NextChunk]


def _opening() -> Any:
    return (yield Open(_GET, retried=True))


@pytest.mark.parametrize("failure", [_REFUSED, _CUT])
def test_a_stream_that_asks_for_it_is_opened_again_after_a_break(failure: Broken) -> None:
    value, steps, _ = perform(with_retries(_opening(), Retries()), [failure, None, answer({"ok": 1})])
    assert value.status == 200
    assert [type(step) for step in steps] == [Open, Sleep, Open]


@pytest.mark.parametrize(
    "told", [Broken("no answer in time", "http://x", silent=True), answer({}, 429), answer({}, 503)]
)
def test_a_stream_is_not_opened_again_while_the_platform_is_silent_or_busy(told: Answer | Broken) -> None:
    assert perform(with_retries(_opening(), Retries()), [told])[0] == told
