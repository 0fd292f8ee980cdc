"""`/pipelines`: jobs that feed one another, each pipeline on a line."""

from __future__ import annotations

import asyncio
from typing import Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.errors import ImpastoError
from impasto.pipelines.records import PipelineSummary, StepState
from impasto_studio.asking import Leaf, leafing
from impasto_studio.entrance import guard
from impasto_studio.feed import Feed
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, took
from impasto_studio.pieces.basic import box, words
from impasto_studio.pieces.jobs import state_mark
from impasto_studio.pieces.rows import Clocks, Rows
from impasto_studio.pieces.states import bones, empty, fault, signed_out
from impasto_studio.shell import page, top
from impasto_studio.words import say

_STEP: Final = 60
_AGAIN_S: Final = 3.0


def register() -> None:
    """Makes the page known."""
    ui.page("/pipelines")(_pipelines)


async def _pipelines() -> RedirectResponse | None:
    if away := guard():
        return away
    with page("jobs", say("pipelines.title")):
        view = _List()
    await ui.context.client.connected()
    await view.load()
    # Only while the page is open: the timer ends with it.
    ui.timer(_AGAIN_S, view.load)
    return None


class _List:
    """The newest pipelines, as many as somebody has asked for; only what has changed is drawn anew."""

    def __init__(self) -> None:
        with top(say("pipelines.title"), say("pipelines.note"), (say("place.jobs"), "/jobs")):
            pass
        place = box("rows-place")
        with place:
            bones(4, "bone row-bone")
        self._rows = Rows[PipelineSummary](place, lambda record: record.id, _row)
        self._shown = _STEP
        self._busy = asyncio.Lock()

    async def load(self) -> None:
        """Asks for the newest pipelines."""
        async with self._busy:

            async def ask(cursor: str | None, limit: int) -> Leaf[PipelineSummary]:
                return await client().transport.run(leafing(PipelineSummary, "pipelines", limit=limit, cursor=cursor))

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
                self._rows.instead("none", lambda: empty(say("pipelines.none"), say("pipelines.none.note"), "jobs"))

    async def _more(self) -> None:
        self._shown += _STEP
        await self.load()


def _row(record: PipelineSummary, clocks: Clocks) -> ui.element:
    ended = sum(count for state, count in record.steps_by_state.items() if state.is_final)
    whole = sum(record.steps_by_state.values())
    with box("line", "a") as line:
        line.props["href"] = f"/pipelines/{record.id}"
        state_mark(record.state.value)
        with box("row-name", "span"):
            words(record.name, "row-title", "span")
            words(record.id, "row-id mono", "span")
        with box("row-bar", "span"):
            if not record.state.is_final:
                with box("bar", "span"):
                    box("bar-fill", "span").style(f"width: {round(100 * ended / whole)}%")
            elif lost := record.steps_by_state.get(StepState.FAILED):
                words(say("pipelines.lost", count=lost), "row-queues", "span")
        clocks.words(lambda: took(record.started_at, record.finished_at), "row-took")
        clocks.words(lambda: age(record.created_at), "row-age")
    return line
