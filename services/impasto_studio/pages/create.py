"""`/create`: new pictures, from words or from a picture."""

from __future__ import annotations

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto_studio.entrance import guard
from impasto_studio.pieces.basic import box
from impasto_studio.pieces.drawing import DrawForm
from impasto_studio.pieces.fields import segments
from impasto_studio.pieces.redrawing import RedrawForm
from impasto_studio.pieces.states import empty
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.shell import page, top
from impasto_studio.words import say


def register() -> None:
    """Makes the page known."""
    ui.page("/create")(_create)


async def _create(picture: str = "") -> RedirectResponse | None:
    if away := guard():
        return away
    with page("create", say("place.create")):
        viewer = Viewer()
        way = "redraw" if picture else "draw"
        with top(say("place.create"), say("create.note")):
            tabs = segments({"draw": say("create.draw"), "redraw": say("create.redraw")}, way, lambda: show())
        with box("bench"):
            tools, canvas = box("tools"), box("canvas")
    with tools:
        sides = {"draw": box("tools-side"), "redraw": box("tools-side")}
    with canvas:
        empty(say("create.empty"), say("create.empty.note"), "create")

    def show() -> None:
        for name, side in sides.items():
            side.set_visibility(name == tabs.value)

    show()
    with sides["draw"]:
        draw = DrawForm(canvas, viewer)
    with sides["redraw"]:
        redraw = RedrawForm(canvas, viewer)
    await ui.context.client.connected()
    await draw.load()
    await redraw.load(picture)
    return None
