"""`/training`: every training, and a form that starts one."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from nicegui import ui
from starlette.responses import RedirectResponse

from impasto.datasets import Dataset
from impasto.errors import ImpastoError
from impasto.jobs import JobRecord
from impasto.kinds import all_kinds
from impasto_studio.asking import listing, submitting
from impasto_studio.entrance import guard
from impasto_studio.parts import client
from impasto_studio.pieces.ages import age, took
from impasto_studio.pieces.basic import box, busy, button, icon_button, words
from impasto_studio.pieces.fields import choice_field, number_field, text_field
from impasto_studio.pieces.jobs import kind_name, state_mark
from impasto_studio.pieces.rows import Clocks, Rows
from impasto_studio.pieces.states import attempt, bones, empty, fault, signed_out, tell
from impasto_studio.shell import page, top
from impasto_studio.words import say

# How long a training goes on is said in one of these, whichever its kind has.
_LENGTHS = ("steps", "epochs")
_AGAIN_S: Final = 3.0


def register() -> None:
    """Makes the page known."""
    ui.page("/training")(_training)


async def _training() -> RedirectResponse | None:
    if away := guard():
        return away
    with page("training", say("place.training")):
        form = _Form()
        with top(say("place.training"), say("training.note")):
            button(say("training.start"), form.open, look="primary", image="add")
        view = _List(form)
    await ui.context.client.connected()
    await view.load()
    # Only while the page is open: the timer ends with it.
    ui.timer(_AGAIN_S, view.load)
    return None


def training_kinds() -> list[str]:
    """Every kind that trains."""
    return [name for name in all_kinds() if name.startswith("train.")]


class _List:
    """The newest trainings of every kind; only what has changed is drawn anew."""

    def __init__(self, form: _Form) -> None:
        self._form = form
        place = box("rows-place")
        with place:
            bones(4, "bone row-bone")
        self._rows = Rows[JobRecord](place, lambda record: record.id, _row)
        self._busy = asyncio.Lock()

    async def load(self) -> None:
        """Asks for them."""
        async with self._busy:
            found: list[JobRecord] = []
            try:
                for kind in training_kinds():
                    found += await client().transport.run(listing(JobRecord, "jobs", limit=50, kind=kind))
            except ImpastoError as error:
                refused = error
                if not signed_out(refused):
                    self._rows.instead(str(refused), lambda: fault(refused, self.load))
                return
            if found:
                self._rows.show(sorted(found, key=lambda record: record.created_at, reverse=True))
            else:
                self._rows.instead("none", self._nothing)

    def _nothing(self) -> None:
        start = (say("training.start"), self._form.open)
        empty(say("training.none"), say("training.none.note"), "training", start)


def _row(record: JobRecord, clocks: Clocks) -> ui.element:
    with box("line", "a") as line:
        line.props["href"] = f"/training/{record.id}"
        state_mark(record.state.value)
        with box("row-name", "span"):
            words(str(record.params.get("name") or kind_name(record.kind)), "row-title", "span")
            words(kind_name(record.kind), "row-id", "span")
        series = record.progress.series if record.progress else {}
        loss = (record.result or {}).get("final_loss", series.get("loss"))
        words(f"{say('training.loss')} {loss:.3f}" if isinstance(loss, float) else "", "row-took wide", "span")
        clocks.words(lambda: took(record.started_at, record.finished_at), "row-took")
        clocks.words(lambda: age(record.created_at), "row-age")
    return line


class _Form:
    """The dialog that starts a training: which data, under what name, how long."""

    def __init__(self) -> None:
        with ui.dialog() as self._dialog, box("sheet"):
            with box("sheet-head"):
                words(say("training.start"), "heading")
                icon_button(say("close"), "close", self._dialog.close)
            self._place = box("form")

    async def open(self) -> None:
        """Shows it, with the data sets there are now."""
        self._dialog.open()
        self._place.clear()
        with self._place:
            bones(3, "bone line-bone")
        await attempt(self._place, self._fill)

    async def _fill(self) -> None:
        datasets = await client().transport.run(listing(Dataset, "datasets"))
        versions = {dataset.latest_version: dataset.name for dataset in datasets if dataset.latest_version}
        if not versions:
            empty(say("training.no_data"), say("training.no_data.note"), "library")
            return
        kinds = {kind: kind_name(kind) for kind in training_kinds()}
        self._kind = choice_field(say("training.kind"), kinds, next(iter(kinds)))
        self._data = choice_field(say("training.data"), versions, next(iter(versions)), note=say("training.data.note"))
        self._name = text_field(say("training.name"), "", note=say("training.name.note"))
        self._lengths = box()
        self._kind.on_value_change(self._show_length)
        self._show_length()
        self._go = button(say("training.go"), self._submit, look="primary wide")

    def _show_length(self) -> None:
        self._lengths.clear()
        fields = all_kinds()[self._kind.value].params.model_fields
        self._length_name = next((name for name in _LENGTHS if name in fields), "")
        if self._length_name:
            with self._lengths:
                default = fields[self._length_name].default
                usual = float(default) if isinstance(default, int) else 1000.0
                self._length = number_field(say(f"training.{self._length_name}"), usual, 1, 1_000_000)

    async def _submit(self) -> None:
        params: dict[str, Any] = {"dataset_version": self._data.value}
        if name := str(self._name.value or "").strip():
            params["name"] = name
        if self._length_name:
            params[self._length_name] = int(self._length.value or 1)
        busy(self._go, True)
        try:
            record = await client().transport.run(submitting(self._kind.value, params))
        except ImpastoError as error:
            tell(error)
            busy(self._go, False)
            return
        ui.navigate.to(f"/training/{record.id}")
