"""`/training/{id}`: a training while it learns: its loss as a curve, and what it draws, step by step."""

from __future__ import annotations

from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.client.jobs import failure_of
from impasto.errors import ImpastoError, NotFound
from impasto.jobs import JobEvent, JobRecord, JobState, Progress
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, took
from impasto_studio.pieces.basic import box, button, link, words
from impasto_studio.pieces.curve import Curve
from impasto_studio.pieces.jobs import ProgressLine, kind_name, state_mark
from impasto_studio.pieces.samples import Samples
from impasto_studio.pieces.states import attempt, bones, fault, tell, while_open
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.shell import page, top
from impasto_studio.words import say

_LOOK_EVERY: Final = 8  # progress values between two looks for new points and samples


def register() -> None:
    """Makes the page known."""
    ui.page("/training/{job_id}")(_run)


async def _run(job_id: str) -> RedirectResponse | None:
    if away := guard():
        return away
    with page("training", say("place.training")), box("pile") as column:
        bones(3, "bone row-bone")
    await ui.context.client.connected()

    async def fill() -> None:
        run = _Run(await client().jobs.get(job_id))
        await run.load()

    await attempt(column, fill)
    return None


class _Run:
    """Head, progress, curve, samples."""

    def __init__(self, record: JobRecord) -> None:
        self._record, self._client, self._viewer = record, client(), Viewer()
        name = str(record.params.get("name") or kind_name(record.kind))
        with top(name, kind_name(record.kind), (say("place.training"), "/training")):
            link(say("job.open"), f"/jobs/{record.id}", look="button quiet")
            self._stop = button(say("cancel"), self._cancel, look="danger", image="stop")
        self._facts = box("facts")
        self._line = ProgressLine()
        self._outcome = box("outcome")
        words(say("training.loss"), "heading")
        self._curve = Curve()
        self._samples = Samples(self._viewer)
        self._heard = self._step = 0
        self._show(record)

    async def load(self) -> None:
        """What was measured and drawn until now; then whatever comes."""
        await self._look()
        while_open(self._follow())

    def _show(self, record: JobRecord) -> None:
        self._record = record
        self._facts.clear()
        with self._facts:
            state_mark(record.state.value)
            for name, value in (
                ("job.created", age(record.created_at)),
                ("job.took", took(record.started_at, record.finished_at)),
                ("training.data", str(record.params.get("dataset_version", "–"))),
            ):
                with box("fact", "span"):
                    words(say(name), "fact-name", "span")
                    words(value, tag="span")
        ended = record.state.is_final
        self._line.show_job(record)
        self._line.element.set_visibility(not ended)
        self._stop.set_visibility(not ended)
        self._outcome.clear()
        with self._outcome:
            if record.state is JobState.SUCCEEDED and (checkpoint := (record.result or {}).get("checkpoint")):
                words(say("training.made", checkpoint=checkpoint), "made-line", "p")
            elif record.state is JobState.CANCELED:
                words(say("job.was_canceled"), "quiet-note", "p")
            elif record.state is JobState.FAILED:
                fault(failure_of(record))

    async def _look(self) -> None:
        """Asks for what came since the last time; a platform that keeps no series or samples answers 404."""
        try:
            await self._measured()
            await self._drawn()
        except NotFound:
            pass
        if self._step == 0:
            self._curve.take(_told(self._record))

    async def _measured(self) -> None:
        # The platform tells so many at once and no more: asked again until there is nothing new.
        while points := await self._client.jobs.series(self._record.id, after=self._step):
            self._curve.take({point.step: point.points for point in points})
            self._step = points[-1].step

    async def _drawn(self) -> None:
        while found := await self._client.jobs.samples(self._record.id, after=self._samples.last_step):
            self._samples.add(found)

    async def _follow(self) -> None:
        try:
            async for told in self._client.jobs.events(self._record.id):
                with self._facts:
                    await self._hear(told)
            with self._facts:
                self._show(await self._client.jobs.get(self._record.id))
                await self._look()
        except ImpastoError as error:
            with self._outcome:
                fault(error)

    async def _hear(self, told: JobEvent | Progress) -> None:
        if isinstance(told, JobEvent):
            if not self._record.state.is_final:
                self._show(await self._client.jobs.get(self._record.id))
            return
        self._line.show(told)
        if told.step is not None and told.series:
            self._curve.add(told.step, told.series)
        self._heard += 1
        if self._heard % _LOOK_EVERY == 0:
            await self._look()

    async def _cancel(self) -> None:
        try:
            await self._client.jobs.cancel(self._record.id)
        except ImpastoError as error:
            tell(error)


def _told(record: JobRecord) -> dict[int, dict[str, float]]:
    """What the job itself says of its loss, if the platform keeps no series of it."""
    points = {int(step): {"loss": float(loss)} for step, loss in (record.result or {}).get("loss", [])}
    if record.progress and record.progress.step is not None and record.progress.series:
        points[record.progress.step] = record.progress.series
    return points
