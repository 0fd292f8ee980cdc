"""What stands where a checkpoint is not drawn with because nobody has measured it: why, and a button that measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nicegui import ui

from impasto.checkpoints import Checkpoint
from impasto.errors import ImpastoError
from impasto.jobs import JobRecord
from impasto_studio.asking import submitting
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, busy, button, words
from impasto_studio.pieces.following import Following
from impasto_studio.pieces.results import show_results
from impasto_studio.pieces.states import tell
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.words import say

_KIND: Final = "evaluate.text_to_image"
# A large pipeline takes seconds or minutes a picture; as an import has it measured.
_LARGE: Final = {"seeds": 1, "max_prompts": 12, "steps": 20, "guidance": 5.0}
_NEWEST: Final = 50


class MeasureFirst:
    """Hidden until a checkpoint is shown that is not measured. `on_measured` is called once it is."""

    def __init__(self, canvas: ui.element, viewer: Viewer, on_measured: Callable[[str], None]) -> None:
        self._canvas, self._viewer, self._on_measured = canvas, viewer, on_measured
        self._checkpoint: Checkpoint | None = None
        with box("measure-first") as self._place:
            words(say("measure.note"), "quiet-note", "p")
            self._go = button(say("measure.go"), self._measure, look="primary wide")
        self._place.set_visibility(False)

    def show(self, checkpoint: Checkpoint) -> None:
        """For this checkpoint; hides itself if that is measured."""
        self._checkpoint = checkpoint
        self._place.set_visibility(not checkpoint.measured)

    async def _measure(self) -> None:
        checkpoint = self._checkpoint
        if checkpoint is None:
            return
        busy(self._go, True)
        try:
            record = await _under_way(checkpoint.id)
            if record is None:
                record = await client().transport.run(submitting(_KIND, params_of(checkpoint)))
        except ImpastoError as error:
            tell(error)
        else:
            Following(self._canvas, record, lambda ended: self._measured(ended, checkpoint.id))
        busy(self._go, False)

    def _measured(self, ended: JobRecord, identifier: str) -> None:
        words(say("measure.done"), "made-line", "p")
        show_results({"pictures": [(ended.result or {}).get("sheet")]}, self._viewer)
        self._on_measured(identifier)


def params_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """How it is measured: beside the works that were held back from it, if it says which."""
    version = {"dataset_version": checkpoint.dataset_version_id} if checkpoint.dataset_version_id else {}
    return {"checkpoint": checkpoint.id, **version, **(_LARGE if checkpoint.family == "diffusers" else {})}


async def _under_way(identifier: str) -> JobRecord | None:
    """The job that measures it already: an import brings one with it."""
    async for job in client().jobs.list(kind=_KIND, limit=_NEWEST):
        if not job.state.is_final and job.params.get("checkpoint") == identifier:
            return job
    return None
