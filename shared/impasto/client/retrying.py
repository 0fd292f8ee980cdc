"""Retries: which outcomes are worth another try, and how long to wait first."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from impasto.client.flow import Answer, Broken, Flow, Open, Request, Sleep, T

_BUSY: Final = frozenset({429, 503})  # said before anything was done
_TORN: Final = frozenset({502, 504})  # a proxy lost the answer: the platform may have acted
_LONGEST_RETRY_AFTER_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential backoff with jitter: about 0.25 s, 0.5 s, 1 s ... up to 8 s between tries."""

    most: int = 4
    first_s: float = 0.25
    longest_s: float = 8.0

    def pause(self, tries: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds before the next try: half to all of the step, so that clients do not return in one wave."""
        return min(self.longest_s, self.first_s * 2.0**tries) * (0.5 + 0.5 * chance())


def with_retries(flow: Flow[T], retries: Retries) -> Flow[T]:
    """The same flow, whose requests are tried again where that is safe and may help; streams where they ask for it."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Request) or (isinstance(step, Open) and step.retried):
                got = yield from _tried(step, retries)
            else:
                got = yield step
            step = flow.send(got)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        flow.close()


def _tried(step: Request | Open, retries: Retries) -> Flow[Answer | Broken]:
    tries = 0
    while True:
        got: Answer | Broken = yield step
        asked = retry_after(got)
        if tries >= retries.most or not _worth_it(step, got) or asked > _LONGEST_RETRY_AFTER_S:
            return got
        yield Sleep(max(retries.pause(tries), asked))
        tries += 1


def _worth_it(request: Request | Open, got: Answer | Broken) -> bool:
    if isinstance(request, Open):
        # Somebody waits for the bytes, maybe with many more of their kind: not for a platform that is silent or busy.
        return isinstance(got, Broken) and not got.silent
    if isinstance(got, Broken):
        return request.patient and (request.repeatable or not got.sent)
    return got.status in _BUSY or (got.status in _TORN and request.repeatable)


def retry_after(got: Answer | Broken) -> float:
    """Seconds that the answer asks to wait: a number or a date (RFC 9110, section 10.2.3); 0 if it asks nothing."""
    text = got.headers.get("retry-after", "") if isinstance(got, Answer) else ""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
