"""What a job's handler says, line by line while it runs; and where a queued job stands."""

from __future__ import annotations

import asyncio
from typing import Final

from impasto.client import AsyncClient
from impasto.errors import ImpastoError
from impasto.estimates import Interval
from impasto.jobs import JobRecord, JobState
from impasto.logs import MOST_LINES, LogLine
from impasto_studio.pieces.ages import clock, span
from impasto_studio.pieces.basic import box, words
from impasto_studio.pieces.states import fault
from impasto_studio.words import say

_LOOKS_EVERY_S: Final = 5.0


class JobLog:
    """Hidden until the first line has come; holds the last 200."""

    def __init__(self) -> None:
        with box("job-log") as self._place:
            words(say("job.log"), "heading")
            self._lines = box("log-lines mono", "ol")
        self._place.set_visibility(False)

    async def follow(self, client: AsyncClient, job_id: str) -> None:
        """Shows what is there and what comes, until the job has ended."""
        try:
            async for line in client.jobs.follow_log(job_id):
                with self._lines:
                    self._show(line)
        except ImpastoError as error:
            with self._place:
                fault(error)

    def _show(self, line: LogLine) -> None:
        self._place.set_visibility(True)
        with box(f"log-line {line.level}", "li"):
            words(clock(line.at), "event-time", "span")
            words(line.message, tag="span")
        shown = self._lines.default_slot.children
        if len(shown) > MOST_LINES:
            shown[0].delete()


class QueuePlace:
    """Why a queued job cannot start, or how many go before it and when it starts; nothing once it has started."""

    def __init__(self) -> None:
        self._place = box("queue-place quiet-note", "p")
        self.show(None)

    async def follow(self, client: AsyncClient, job_id: str) -> None:
        """Asks every few seconds while the job waits."""
        try:
            while (record := await client.jobs.get(job_id, estimate=True)).state is JobState.QUEUED:
                self.show(record)
                await asyncio.sleep(_LOOKS_EVERY_S)
        except ImpastoError:
            return  # whoever follows the job itself tells of it
        finally:
            self.show(None)

    def show(self, record: JobRecord | None) -> None:
        """As it was last seen."""
        self._place.clear()
        with self._place:  # also for the language of whoever looks
            text = _said(record) if record else ""
            words(text, tag="span")
        self._place.set_visibility(bool(text))


def _said(record: JobRecord) -> str:
    if record.waiting_for:
        missing = record.waiting_for
        return say(f"job.waits_for.{missing.missing}", queue=missing.queue, kind=missing.kind)
    if record.queue is None:
        return ""
    queue = record.queue
    told = [say("job.place", about=queue.position.about)]
    if queue.start_in_s:
        told.append(say("job.starts_in", time=_between(queue.start_in_s)))
    if queue.end_in_s:
        told.append(say("job.ends_in", time=_between(queue.end_in_s)))
    return " · ".join(told)


def _between(interval: Interval) -> str:
    low, high = span(interval.p10), span(interval.p90)
    return low if low == high else f"{low} – {high}"
