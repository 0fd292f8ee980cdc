"""`/jobs`: what is being done, what waits, and what was done."""

from __future__ import annotations

import asyncio
from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.errors import ImpastoError
from impasto.jobs import JobRecord, JobState
from impasto_studio.asking import Leaf, leafing
from impasto_studio.entrance import guard
from impasto_studio.feed import Feed
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, took
from impasto_studio.pieces.basic import box, link, words
from impasto_studio.pieces.fields import segments
from impasto_studio.pieces.jobs import kind_name, state_mark
from impasto_studio.pieces.rows import Clocks, Rows
from impasto_studio.pieces.states import bones, empty, fault, signed_out
from impasto_studio.shell import page, top
from impasto_studio.words import say

_STEP: Final = 60
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
    """The newest jobs, as many as somebody has asked for; only what has changed is drawn anew."""

    def __init__(self) -> None:
        states = {"": say("jobs.all"), **{state.value: say(f"state.{state.value}") for state in JobState}}
        with top(say("place.jobs"), say("jobs.note")):
            link(say("pipelines.title"), "/pipelines", look="button")
        self._state = segments(states, "", self._choose)
        self._place = box("rows-place")
        with self._place:
            bones(6, "bone row-bone")
        self._rows = Rows[JobRecord](self._place, lambda record: record.id, job_row)
        self._shown = _STEP
        self._busy = asyncio.Lock()

    async def load(self) -> None:
        """Asks for the newest jobs of the chosen state."""
        async with self._busy:
            query = {"state": str(self._state.value)} if self._state.value else {}

            async def ask(cursor: str | None, limit: int) -> Leaf[JobRecord]:
                found = leafing(JobRecord, "jobs", limit=limit, cursor=cursor, **query)
                return await client().transport.run(found)

            feed = Feed(ask)
            try:
                found = await feed.next(self._shown)
            except ImpastoError as error:
                refused = error
                if not signed_out(refused):
                    self._rows.instead(str(refused), lambda: fault(refused, self.load))
                return
            if found:
                self._rows.show(found, None if feed.ended else self._more)
            else:
                self._rows.instead("none" + self._state.value, self._nothing)

    async def _choose(self) -> None:
        self._shown = _STEP
        await self.load()

    async def _more(self) -> None:
        self._shown += _STEP
        await self.load()

    def _nothing(self) -> None:
        title = say("jobs.none_such" if self._state.value else "jobs.none")
        empty(title, say("jobs.none.note"), "jobs", (say("place.create"), "/create"))


def job_row(record: JobRecord, clocks: Clocks) -> ui.element:
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
        clocks.words(lambda: took(record.started_at, record.finished_at), "row-took")
        clocks.words(lambda: age(record.created_at), "row-age")
    return line
