"""The form that draws from words: prompt, styles, seeds, steps, how literally, how much of the style."""

from __future__ import annotations

import random
import re
from typing import Any, Final

from nicegui import ui

from impasto.checkpoints import STARTER, Checkpoint
from impasto.errors import ImpastoError, NotFound
from impasto.jobs import JobRecord
from impasto_studio.asking import listing, submitting
from impasto_studio.parts import client
from impasto_studio.pieces.basic import box, busy, button, icon_button, words
from impasto_studio.pieces.fields import choice_field, long_field, slider_field, text_field
from impasto_studio.pieces.following import Following
from impasto_studio.pieces.measuring import MeasureFirst
from impasto_studio.pieces.results import show_results
from impasto_studio.pieces.states import attempt, bones, empty, tell
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.words import say

KIND: Final = "generate.text_to_image"
_NOT_DRAWING: Final = frozenset({"style_classifier", "diffusers_adapter"})
_MOST_SEEDS: Final = 16
_HIGHEST_SEED: Final = 2**31


class DrawForm:
    """Filled by `load`, once the page is there; what it makes is shown on the canvas."""

    def __init__(self, canvas: ui.element, viewer: Viewer) -> None:
        self._canvas, self._viewer = canvas, viewer
        self._place = box("form")
        with self._place:
            bones(4, "bone line-bone")

    async def load(self) -> None:
        """Asks which checkpoints draw from words."""
        await attempt(self._place, self._fill)

    async def _fill(self) -> None:
        found = [checkpoint for checkpoint in await _checkpoints() if draws(checkpoint)]
        if not found:
            empty(say("draw.none"), say("draw.none.note"), "create")
            return
        self._checkpoints = {checkpoint.id: checkpoint for checkpoint in found}
        self._prompt = long_field(say("draw.prompt"), placeholder=say("draw.prompt.example"))
        self._checkpoint = choice_field(say("draw.checkpoint"), self._names(), found[0].id)
        self._checkpoint.on_value_change(self._choose)
        self._styles = box("chips")
        self._chosen: set[str] = set()
        with box("seed-row"):
            self._seeds = text_field(say("draw.seeds"), "1, 2, 3, 4", note=say("draw.seeds.note"))
            icon_button(say("draw.dice"), "dice", self._throw)
        self._steps = slider_field(say("draw.steps"), 10, 1, 50, 1)
        self._guidance = slider_field(say("draw.guidance"), 2.5, 1, 12, 0.5)
        self._style_guidance = slider_field(say("draw.style_guidance"), 5.0, 1, 12, 0.5)
        self._go = button(say("draw.go"), self._submit, look="primary wide", image="create")
        self._measure_first = MeasureFirst(self._canvas, self._viewer, self._measured)
        self._choose()

    def _names(self) -> dict[str, str]:
        found = self._checkpoints.values()
        names = {checkpoint.id: checkpoint.name or checkpoint.id for checkpoint in found}
        return names | {c.id: say("draw.unmeasured", name=names[c.id]) for c in found if not c.measured}

    def _choose(self) -> None:
        """What belongs to the chosen checkpoint: its styles, and the button that draws or the one that measures."""
        chosen = self._checkpoints[self._checkpoint.value]
        self._show_styles()
        self._go.set_visibility(chosen.measured)
        self._measure_first.show(chosen)

    def _measured(self, identifier: str) -> None:
        """Drawn with from now on, without a new page: what was typed stays."""
        self._checkpoints[identifier] = self._checkpoints[identifier].model_copy(update={"measured": True})
        self._checkpoint.set_options(self._names(), value=self._checkpoint.value)
        self._choose()

    def _show_styles(self) -> None:
        self._styles.clear()
        self._chosen.clear()
        styles = styles_of(self._checkpoints[self._checkpoint.value])
        with self._styles:
            if styles:
                words(say("draw.styles"), "field-label", "span")
            for style in styles:
                chip = box("chip", "button").props('type="button" aria-pressed="false"')
                with chip:
                    words(style, tag="span")
                chip.on("click", lambda chip=chip, style=style: self._toggle(chip, style))

    def _toggle(self, chip: ui.element, style: str) -> None:
        self._chosen ^= {style}
        chosen = style in self._chosen
        chip.classes(add="on" if chosen else "", remove="" if chosen else "on")
        chip.props["aria-pressed"] = "true" if chosen else "false"
        chip.update()

    def _throw(self) -> None:
        count = len(seeds_of(str(self._seeds.value))) or 4
        self._seeds.set_value(", ".join(str(random.randrange(_HIGHEST_SEED)) for _ in range(count)))  # noqa: S311  not a secret

    async def _submit(self) -> None:
        prompts = [line.strip() for line in str(self._prompt.value or "").splitlines() if line.strip()]
        seeds = seeds_of(str(self._seeds.value or ""))
        if not prompts or not seeds:
            ui.notify(say("draw.prompt.missing") if not prompts else say("draw.seeds.missing"), classes="note-fault")
            return
        params: dict[str, Any] = {
            "checkpoint": self._checkpoint.value, "prompts": prompts, "styles": sorted(self._chosen), "seeds": seeds,
            "steps": int(self._steps.value), "guidance": float(self._guidance.value),
            "style_guidance": float(self._style_guidance.value),
        }  # fmt: skip
        busy(self._go, True)
        try:
            record = await client().transport.run(submitting(KIND, params))
        except ImpastoError as error:
            tell(error)
        else:
            Following(self._canvas, record, lambda ended: self._show(ended, prompts), preview=True)
        busy(self._go, False)

    def _show(self, ended: JobRecord, prompts: list[str]) -> None:
        result = ended.result or {}
        captions = [caption_of(made, prompts) for made in result.get("pictures", [])]
        show_results({"pictures": result.get("pictures", [])}, self._viewer, captions)


async def _checkpoints() -> list[Checkpoint]:
    try:
        return await client().transport.run(listing(Checkpoint, "checkpoints"))
    except NotFound:
        return []


def draws(checkpoint: Checkpoint) -> bool:
    """Whether it makes pictures of words: what does not is known by its family."""
    return checkpoint.id == STARTER or checkpoint.family not in _NOT_DRAWING


def styles_of(checkpoint: Checkpoint) -> list[str]:
    """Names of the styles it has learnt."""
    config = checkpoint.config
    inner = config.get("config")
    styles = config.get("styles") or (inner.get("styles") if isinstance(inner, dict) else None) or []
    return [str(style) for style in styles]


def seeds_of(text: str) -> list[int]:
    """The numbers in a text, each once, at most sixteen."""
    return list(dict.fromkeys(int(number) for number in re.findall(r"\d{1,18}", text)))[:_MOST_SEEDS]


def caption_of(made: dict[str, Any], prompts: list[str]) -> str:
    """What a picture of the result is of."""
    index = made.get("prompt")
    prompt = prompts[index] if isinstance(index, int) and index < len(prompts) else ""
    seed = say("draw.seed", seed=made.get("seed"))
    return " · ".join(filter(None, (prompt, str(made.get("style") or ""), seed)))
