"""`/jobs`: what is being done, what waits, and what was done."""

from __future__ import annotations

import asyncio
from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.errors import ImpastoError
from impasto.jobs import JobRecord, JobState
from impasto_studio.asking import listing
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, took
from impasto_studio.pieces.basic import box, words
from impasto_studio.pieces.fields import segments
from impasto_studio.pieces.jobs import kind_name, state_mark
from impasto_studio.pieces.states import bones, empty, fault, signed_out
from impasto_studio.shell import page, top
from impasto_studio.words import say

_SHOWN: Final = 60
_AGAIN_S: Final = 3.0


def register() -> None:
    """Makes the page known."""
    ui.page("/jobs")(_jobs)


async def _jobs() -> RedirectResponse | None:
    if away := guard():
        return away
    with page("jobs", say("place.jobs")):
        view = _List()
    await ui.context.client.connected()
    await view.load()
    # Only while the page is open: the timer ends with it.
    ui.timer(_AGAIN_S, view.load)
    return None


class _List:
    """Redrawn only when something in it has changed."""

    def __init__(self) -> None:
        states = {"": say("jobs.all"), **{state.value: say(f"state.{state.value}") for state in JobState}}
        with top(say("place.jobs"), say("jobs.note")):
            pass
        self._state = segments(states, "", self.load)
        self._place = box("rows-place")
        with self._place:
            bones(6, "bone row-bone")
        self._seen = ""
        self._busy = asyncio.Lock()

    async def load(self) -> None:
        """Asks for the newest jobs of the chosen state."""
        async with self._busy:
            query = {"state": str(self._state.value)} if self._state.value else {}
            try:
                found = await client().transport.run(listing(JobRecord, "jobs", limit=_SHOWN, **query))
            except ImpastoError as error:
                refused = error
                if not signed_out(refused):
                    self._draw(str(refused), lambda: fault(refused, self.load))
                return
            seen = "".join(record.model_dump_json() for record in found) + self._state.value
            self._draw(seen, lambda: self._rows(found))

    def _draw(self, seen: str, draw: object) -> None:
        if seen == self._seen or not callable(draw):
            return
        self._seen = seen
        self._place.clear()
        with self._place:
            draw()

    def _rows(self, found: list[JobRecord]) -> None:
        if not found:
            chosen = bool(self._state.value)
            empty(
                say("jobs.none_such" if chosen else "jobs.none"),
                say("jobs.none.note"),
                "jobs",
                (say("place.create"), "/create"),
            )
            return
        with box("rows"):
            for record in found:
                job_row(record)


def job_row(record: JobRecord) -> None:
    """One job on a line; it leads to the job's own page."""
    with box("line", "a") as line:
        line.props["href"] = f"/jobs/{record.id}"
        state_mark(record.state.value)
        with box("row-name", "span"):
            words(kind_name(record.kind), "row-title", "span")
            words(record.id, "row-id mono", "span")
        fraction = record.progress.fraction if record.progress and record.state == "running" else None
        with box("row-bar", "span"):
            if record.state == "running":
                with box("bar" if fraction is not None else "bar unknown", "span"):
                    box("bar-fill", "span").style(f"width: {round(100 * fraction) if fraction is not None else 30}%")
        words(took(record.started_at, record.finished_at), "row-took", "span")
        words(age(record.created_at), "row-age", "span")
