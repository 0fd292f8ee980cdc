"""`Prefer: wait=N` (RFC 7240, section 4.3): the answer comes when the job has ended, or after N seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Response

from impasto.jobs import JobRecord
from impasto_gateway.awakening import POLL_S, Awakener

MOST_S: Final = 60
_SELDOM_S: Final = 10.0
# Among other preferences, which are none of ours; a quoted value means the same.
_WAIT: Final = re.compile(r'(?:^|[,;])\s*wait\s*=\s*("?)(\d{1,9})\1\s*(?=$|[,;])', re.IGNORECASE)


def preferred_wait(header: str | None, response: Response) -> int | None:
    """Seconds to wait, at most 60, which the answer says; None if no or no readable wait is preferred."""
    found = _WAIT.search(header or "")
    seconds = min(int(found[2]), MOST_S) if found else 0
    if not seconds:
        return None
    response.headers["Preference-Applied"] = f"wait={seconds}"
    return seconds


async def until_ended(
    awakener: Awakener, job_id: str, most_s: float, look: Callable[[], Awaitable[JobRecord]]
) -> JobRecord:
    """The job once it has ended, or as it is after `most_s`. It is looked at when there is news, and holds nothing."""
    deadline, news = time.monotonic() + most_s, awakener.watch(job_id)
    try:
        while True:
            job = await look()
            left = deadline - time.monotonic()
            if job.state.is_final or left <= 0:
                return job
            # Seldom unasked, because news can be lost; often while Redis does not answer.
            await awakener.wait(news, min(_SELDOM_S if awakener.hears else POLL_S, left))
    finally:
        awakener.unwatch(job_id, news)
