"""Webhook deliveries: each attempt, why it failed or when it is made, and sending once more."""

from __future__ import annotations

from nicegui import ui

from impasto.errors import ImpastoError
from impasto_studio.asking import listing, replaying
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, remaining
from impasto_studio.pieces.basic import box, button, words
from impasto_studio.pieces.jobs import state_mark
from impasto_studio.pieces.rows import Clocks
from impasto_studio.pieces.section import Nothing, Section
from impasto_studio.pieces.states import good, tell
from impasto_studio.records import DeliveryRecord
from impasto_studio.words import say

_MOST = 50


def deliveries() -> Section[DeliveryRecord]:
    """The newest of the tenant whose key this is: an operator's key sees no other tenant's."""

    async def ask() -> list[DeliveryRecord]:
        return await client().transport.run(listing(DeliveryRecord, "webhooks", "deliveries", limit=_MOST))

    async def replay(delivery: DeliveryRecord) -> None:
        try:
            await client().transport.run(replaying(delivery.id))
        except ImpastoError as error:
            tell(error)
            return
        good(say("delivery.replayed"))
        await section.load()

    def draw(delivery: DeliveryRecord, clocks: Clocks) -> ui.element:
        with _line(delivery, clocks) as line:
            button(say("delivery.replay"), lambda: replay(delivery), look="quiet small", image="again")
            if delivery.error:
                words(why(delivery.error), "row-more", "span")
        return line

    nothing = Nothing(
        "send",
        (say("delivery.none"), say("delivery.none.note")),
        (say("delivery.closed"), say("delivery.closed.note")),
    )
    section = Section("deliveries", ask, lambda delivery: delivery.id, draw, nothing)
    return section


def _line(delivery: DeliveryRecord, clocks: Clocks) -> ui.element:
    with box("line delivery") as line:
        state_mark(delivery.state)
        with box("row-name", "span"):
            words(delivery.type, "row-title", "span")
            words(delivery.endpoint_id, "row-id mono", "span")
        words(say("delivery.attempt", count=delivery.attempt), "row-took", "span")
        answer = [str(delivery.status or ""), f"{delivery.ms:.0f} ms" if delivery.ms is not None else ""]
        words(" · ".join(filter(None, answer)) or "–", "row-took wide", "span")
        clocks.words(lambda: when(delivery), "row-age")
    return line


def when(delivery: DeliveryRecord) -> str:
    """When it was made; of one that waits, when it will be tried."""
    if delivery.state != "waiting":
        return age(delivery.created_at)
    left = remaining(delivery.next_at)
    return say("delivery.next", time=left) if left else say("delivery.due")


def why(error: str) -> str:
    """What went wrong, for people; a new error by its own word."""
    return say(f"why.{error}", missing=error)
