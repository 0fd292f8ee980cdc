"""`/pipelines/{id}`: a pipeline as its steps, each with its state, how far it is or why it did not run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.errors import ImpastoError
from impasto.jobs import JobState, Progress
from impasto.pipelines.records import PipelineEvent, PipelineRecord, StepProgress, StepRecord
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, clock, took
from impasto_studio.pieces.basic import box, busy, button, words
from impasto_studio.pieces.jobs import kind_name, state_mark
from impasto_studio.pieces.rows import Clocks, Rows
from impasto_studio.pieces.states import attempt, bones, fault, tell, while_open
from impasto_studio.shell import page, top
from impasto_studio.words import say


def register() -> None:
    """Makes the page known."""
    ui.page("/pipelines/{pipeline_id}")(_pipeline)


async def _pipeline(pipeline_id: str) -> RedirectResponse | None:
    if away := guard():
        return away
    with page("jobs", say("pipelines.title")), box("pile") as column:
        bones(3, "bone row-bone")
    await ui.context.client.connected()

    async def fill() -> None:
        _Story(await client().pipelines.get(pipeline_id))

    await attempt(column, fill)
    return None


class _Story:
    """Head, steps and timeline. It is followed as long as the page is open, over every resume."""

    def __init__(self, record: PipelineRecord) -> None:
        self._record, self._client, self._number = record, client(), 0
        with top(record.name, record.id, (say("pipelines.title"), "/pipelines")):
            self._cancel = button(say("cancel"), self._stop, look="danger", image="stop")
            self._resume = button(say("pipelines.resume"), self._go_on, look="primary", image="again")
        self._facts = box("facts")
        words(say("pipelines.steps"), "heading")
        self._rows = Rows[StepRecord](box("rows-place"), lambda step: step.name, _row)
        with box("halves"), box("half"):
            words(say("job.timeline"), "heading")
            self._timeline = box("timeline", "ol")
        self._trouble = box("outcome")
        self._show(record)
        while_open(self._follow())

    def _show(self, record: PipelineRecord) -> None:
        self._record = record
        self._facts.clear()
        with self._facts:
            state_mark(record.state.value)
            for name, value in (
                (say("job.created"), age(record.created_at)),
                (say("job.took"), took(record.started_at, record.finished_at)),
            ):
                with box("fact", "span"):
                    words(name, "fact-name", "span")
                    words(value, tag="span")
        self._rows.show(record.steps)
        self._cancel.set_visibility(not record.state.is_final)
        self._resume.set_visibility(record.state in {JobState.FAILED, JobState.CANCELED})

    async def _follow(self) -> None:
        try:
            async for told in self._client.pipelines.events(self._record.id, self._number):
                with self._facts:
                    await self._hear(told)
        except ImpastoError as error:
            with self._trouble:
                fault(error)

    async def _hear(self, told: PipelineEvent | StepProgress) -> None:
        if isinstance(told, StepProgress):
            steps = [
                step.model_copy(update={"progress": told.progress}) if step.name == told.step else step
                for step in self._record.steps
            ]
            self._show(self._record.model_copy(update={"steps": steps}))
            return
        self._number = told.number
        with self._timeline:
            _event(told)
        self._show(await self._client.pipelines.get(self._record.id))

    async def _stop(self) -> None:
        await self._ask(self._cancel, lambda: self._client.pipelines.cancel(self._record.id))

    async def _go_on(self) -> None:
        if await self._ask(self._resume, lambda: self._client.pipelines.resume(self._record.id)):
            while_open(self._follow())

    async def _ask(self, pressed: ui.element, ask: Callable[[], Awaitable[PipelineRecord]]) -> bool:
        busy(pressed, True)
        try:
            self._show(await ask())
        except ImpastoError as error:
            tell(error)
            return False
        finally:
            busy(pressed, False)
        return True


def _row(step: StepRecord, clocks: Clocks) -> ui.element:
    """A step on a line; it leads to its job, once there is one."""
    with box("line step", "a" if step.job_id else "div") as line:
        if step.job_id:
            line.props["href"] = f"/jobs/{step.job_id}"
        state_mark(step.state.value)
        with box("row-name", "span"):
            words(step.name, "row-title", "span")
            words(kind_name(step.kind), "row-id", "span")
        with box("row-bar", "span"):
            if step.state.value == "running":
                _bar(step.progress)
        clocks.words(lambda: took(step.started_at, step.finished_at) if step.started_at else "", "row-took")
        if note := _note(step):
            words(note, "row-more", "span")
    return line


def _bar(progress: Progress | None) -> None:
    fraction = progress.fraction if progress else None
    with box("bar" if fraction is not None else "bar unknown", "span"):
        box("bar-fill", "span").style(f"width: {round(100 * fraction) if fraction is not None else 30}%")


def _note(step: StepRecord) -> str:
    if step.reason and step.state.is_final:
        return str(step.reason.get("message") or step.reason.get("code"))
    if step.progress and step.progress.message and step.state.value == "running":
        return step.progress.message
    if step.state.value != "waiting" or not step.needs:
        return ""
    waits = [say("pipelines.needs", steps=", ".join(step.needs))]
    if step.condition:
        waits.append(say("pipelines.if", condition=step.condition))
    return " · ".join(waits)


def _event(event: PipelineEvent) -> None:
    with box("event " + event.type.replace(".", "-"), "li"):
        words(clock(event.occurred_at), "event-time mono", "span")
        with box("event-words", "span"):
            named = say(f"event.{event.type}", missing=event.type)
            words(f"{event.step}: {named}" if event.step else named, tag="span")
            if code := event.data.get("code"):
                words(str(code), "event-data", "span")
