"""A job that is followed where it was started: progress and preview while it runs, then its pictures or its error."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from nicegui import ui

from impasto.client import AsyncClient
from impasto.client.jobs import failure_of
from impasto.errors import ImpastoError
from impasto.jobs import JobEvent, JobRecord, JobState, Progress
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, button, icon, link, words
from impasto_studio.pieces.jobs import ProgressLine, kind_name
from impasto_studio.pieces.states import fault, tell, while_open
from impasto_studio.words import say

OnEnd = Callable[[JobRecord], Awaitable[None] | None]
_PREVIEW_EVERY_S: Final = 0.4


class Following:
    """Shows a job in a place of the page until it has ended; `on_end` fills the place then, if it succeeded."""

    def __init__(self, place: ui.element, record: JobRecord, on_end: OnEnd, *, preview: bool = False) -> None:
        self._place, self._record, self._on_end = place, record, on_end
        self._client: AsyncClient = client()
        self._preview: ui.element | None = None
        self._previewed = 0.0
        place.clear()
        with place, box("following"):
            if preview:
                self._preview = _preview()
            with box("following-head"):
                words(kind_name(record.kind), "following-kind")
                link(say("job.open"), f"/jobs/{record.id}", look="plain-link")
            self._line = ProgressLine()
            self._line.show_job(record)
            self._stop = button(say("cancel"), self._cancel, look="quiet small", image="stop")
        while_open(self._follow())

    async def _cancel(self) -> None:
        try:
            await self._client.jobs.cancel(self._record.id)
        except ImpastoError as error:
            tell(error)
        else:
            self._stop.set_visibility(False)

    async def _follow(self) -> None:
        try:
            async for told in self._client.jobs.events(self._record.id):
                with self._place:
                    self._show(told)
            record = await self._client.jobs.get(self._record.id)
            with self._place:
                await self._end(record)
        except ImpastoError as error:
            with self._place:
                fault(error)

    def _show(self, told: JobEvent | Progress) -> None:
        if isinstance(told, Progress):
            self._line.show(told)
            self._show_preview()
        elif told.type == "job.started":
            self._line.show_job(self._record.model_copy(update={"state": JobState.RUNNING}))

    def _show_preview(self) -> None:
        if self._preview is None or time.monotonic() - self._previewed < _PREVIEW_EVERY_S:
            return
        self._previewed = time.monotonic()
        self._preview.props["src"] = f"/previews/{self._record.id}?at={self._previewed:.1f}"
        self._preview.update()

    async def _end(self, record: JobRecord) -> None:
        self._place.clear()
        if record.state is JobState.SUCCEEDED:
            waiting = self._on_end(record)
            if waiting is not None:
                await waiting
        elif record.state is JobState.CANCELED:
            words(say("job.was_canceled"), "quiet-note", "p")
        else:
            fault(failure_of(record))


def _preview() -> ui.element:
    """Empty until the first preview has come; a 404 leaves it so."""
    with box("preview"):
        with box("preview-wait"):
            icon("create")
        picture = ui.element("img").props('alt=""').classes("preview-picture")
        picture.on("load", js_handler="(event) => event.target.classList.add('seen')")
        picture.on("error", js_handler="(event) => event.target.classList.remove('seen')")
    return picture
