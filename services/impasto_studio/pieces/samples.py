"""What a training drew at its steps: one slider through time."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from impasto.trainings import Sample
from impasto_studio.pieces.basic import box, picture, words
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.words import say


class Samples:
    """Hidden until there is a sample. Whoever looks at the newest step stays with the newest."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._steps: dict[int, str] = {}
        with box("samples") as self._place:
            with box("samples-head"):
                words(say("training.samples"), "heading")
                self._step = words("", "slider-value", "span")
            self._slider = ui.slider(min=0, max=1, step=1, value=0).props(
                f'snap aria-label="{say("training.samples")}"'
            )
            self._slider.on_value_change(self._draw)
            self._pictures = box("sample-wall")
        self._place.set_visibility(False)

    @property
    def last_step(self) -> int:
        """The step of the newest sample; 0 before there is one."""
        return max(self._steps, default=0)

    def add(self, found: list[Sample]) -> None:
        """Those of the steps that follow."""
        steps = self._steps | {sample.step: sample.sha256 for sample in found}
        at_end = not self._steps or int(self._slider.value) >= len(self._steps) - 1
        self._steps = steps
        self._place.set_visibility(True)
        self._slider.props["max"] = max(1, len(steps) - 1)
        self._slider.set_visibility(len(steps) > 1)
        self._slider.update()
        if at_end:
            self._slider.set_value(len(steps) - 1)
        self._draw()

    def _draw(self) -> None:
        if not self._steps:
            return
        step = list(self._steps)[min(int(self._slider.value), len(self._steps) - 1)]
        self._step.set_text(say("training.step", step=step))
        self._pictures.clear()
        with self._pictures:
            digest = self._steps[step]
            with box("result-picture", "button").props('type="button"') as made:
                picture(digest, say("training.sample", step=step))
            made.on("click", partial(self._viewer.open, f"sha256:{digest}"))
