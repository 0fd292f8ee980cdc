"""`/jobs/{id}`: one job's story: its events as they happen, what was asked, what came of it."""

from __future__ import annotations

import json

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.client.jobs import failure_of
from impasto.errors import ImpastoError
from impasto.jobs import JobEvent, JobRecord, JobState, Progress
from impasto_studio.asking import submitting
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, clock, took
from impasto_studio.pieces.basic import box, busy, button, link, words
from impasto_studio.pieces.job_log import JobLog, QueuePlace
from impasto_studio.pieces.jobs import ProgressLine, kind_name, pictures_of, state_mark
from impasto_studio.pieces.results import show_results
from impasto_studio.pieces.states import attempt, bones, fault, tell, while_open
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.shell import page, top
from impasto_studio.words import say


def register() -> None:
    """Makes the page known."""
    ui.page("/jobs/{job_id}")(_job)


async def _job(job_id: str) -> RedirectResponse | None:
    if away := guard():
        return away
    with page("jobs", say("job.title")) as stage, box("pile") as column:
        bones(3, "bone row-bone")
    await ui.context.client.connected()

    async def fill() -> None:
        _Story(await client().jobs.get(job_id))

    await attempt(column, fill)
    assert stage
    return None


class _Story:
    """Head, progress, outcome, timeline; the timeline and the outcome grow as the job goes on."""

    def __init__(self, record: JobRecord) -> None:
        self._record, self._client, self._viewer = record, client(), Viewer()
        with top(kind_name(record.kind), record.id, (say("place.jobs"), "/jobs")):
            if record.kind.startswith("train."):
                link(say("training.open"), f"/training/{record.id}", look="button")
            self._cancel = button(say("cancel"), self._stop, look="danger", image="stop")
            self._again = button(say("resubmit"), self._resubmit, image="again")
            self._retry = button(say("again"), self._try_again, look="primary", image="again")
        self._facts = box("facts")
        self._queue = QueuePlace()
        self._line = ProgressLine()
        self._outcome = box("outcome")
        with box("halves"):
            with box("half"):
                words(say("job.timeline"), "heading")
                self._timeline = box("timeline", "ol")
            with box("half"):
                words(say("job.params"), "heading")
                with box("code", "pre"):
                    words(json.dumps(record.params, indent=2, ensure_ascii=False), tag="code")
        self._log = JobLog()
        self._show(record)
        while_open(self._follow())
        while_open(self._log.follow(self._client, record.id))
        if record.state is JobState.QUEUED:
            while_open(self._queue.follow(self._client, record.id))

    def _show(self, record: JobRecord) -> None:
        self._record = record
        self._facts.clear()
        with self._facts:
            state_mark(record.state.value)
            for name, value in (
                ("created", age(record.created_at)),
                ("took", took(record.started_at, record.finished_at)),
                ("attempts", str(record.attempts)),
            ):
                with box("fact", "span"):
                    words(say(f"job.{name}"), "fact-name", "span")
                    words(value, tag="span")
            if record.pipeline_id:
                link(say("pipelines.of_job"), f"/pipelines/{record.pipeline_id}")
            if record.retry_of:
                link(say("job.retry_of"), f"/jobs/{record.retry_of}")
        ended = record.state.is_final
        self._line.show_job(record)
        self._line.element.set_visibility(not ended)
        self._cancel.set_visibility(not ended)
        self._again.set_visibility(record.state is JobState.SUCCEEDED)
        self._retry.set_visibility(record.state in {JobState.FAILED, JobState.CANCELED})
        self._outcome.clear()
        if ended:
            with self._outcome:
                self._end(record)

    def _end(self, record: JobRecord) -> None:
        if record.state is JobState.CANCELED:
            words(say("job.was_canceled"), "quiet-note", "p")
            return
        if record.state is JobState.FAILED:
            fault(failure_of(record))
            return
        result = record.result or {}
        if pictures_of(result):
            show_results(result, self._viewer)
        with ui.element("details").classes("more"):
            words(say("job.result"), tag="summary")
            with box("code", "pre"):
                words(json.dumps(result, indent=2, ensure_ascii=False)[:20_000], tag="code")

    async def _follow(self) -> None:
        try:
            async for told in self._client.jobs.events(self._record.id):
                with self._facts:
                    await self._hear(told)
        except ImpastoError as error:
            with self._outcome:
                fault(error)

    async def _hear(self, told: JobEvent | Progress) -> None:
        if isinstance(told, Progress):
            self._line.show(told)
            return
        with self._timeline:
            _event(told)
        if not self._record.state.is_final:
            self._show(await self._client.jobs.get(self._record.id))

    async def _stop(self) -> None:
        busy(self._cancel, True)
        try:
            await self._client.jobs.cancel(self._record.id)
        except ImpastoError as error:
            tell(error)
            busy(self._cancel, False)

    async def _try_again(self) -> None:
        busy(self._retry, True)
        try:
            record = await self._client.jobs.retry(self._record.id)
        except ImpastoError as error:
            tell(error)
            busy(self._retry, False)
            return
        ui.navigate.to(f"/jobs/{record.id}")

    async def _resubmit(self) -> None:
        busy(self._again, True)
        try:
            record = await self._client.transport.run(submitting(self._record.kind, self._record.params))
        except ImpastoError as error:
            tell(error)
            busy(self._again, False)
            return
        ui.navigate.to(f"/jobs/{record.id}")


def _event(event: JobEvent) -> None:
    with box("event " + event.type.replace(".", "-"), "li"):
        words(clock(event.occurred_at), "event-time mono", "span")
        with box("event-words", "span"):
            words(say(f"event.{event.type}", missing=event.type), tag="span")
            told = ", ".join(f"{name} {value}" for name, value in event.data.items() if name != "kind")
            if told:
                words(told, "event-data", "span")
