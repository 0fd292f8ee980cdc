"""Advances drawings: one batch of one checkpoint at a time, and survives what goes wrong in it."""

from __future__ import annotations

import logging
import time
from collections import Counter as Count
from collections.abc import Callable
from typing import Any, Final

from impasto.backends.telemetry.bound import bound
from impasto.faults import trace_of
from impasto_ml.families.memory import release
from impasto_ml.families.text_to_image import TextToImage
from impasto_worker.engine_calls import Call, Running, choose_batch
from impasto_worker.engine_roster import Roster, is_fatal
from impasto_worker.engine_widths import Widths
from impasto_worker.runner_child import is_out_of_memory

_LOG = logging.getLogger("impasto.engine")
_PREVIEW_EVERY_S: Final = 0.5
_PREVIEW_SHARE: Final = 0.05
_PREVIEW_MOST: Final = 16


class Steps:
    """What is done with the drawings that were admitted. `width`: how many go into one batch.

    `hear` is called between what takes its time; a call may leave in it, and its drawings with it.
    """

    def __init__(self, roster: Roster, width: int, hear: Callable[[], None]) -> None:
        self._roster, self._widths, self._hear = roster, Widths(width), hear
        self._stepped: dict[str, int] = {}
        self.count = self.drawn = 0
        self.widths: Count[int] = Count()

    def width_of(self, key: str) -> int:
        """The widest batch of this checkpoint that memory was not too small for."""
        return self._widths.of(key)

    def advance(self) -> None:
        """One step for a batch of the checkpoint that was drawn with longest ago; then finishes what is done."""
        if keys := {r.call.key for r in self._roster.running() if not r.drawing.done}:
            key = min(keys, key=lambda key: self._stepped.get(key, 0))
            self.count += 1
            self._stepped[key] = self.count
            calls = [call for call in self._roster if call.key == key and call.turn]
            batch = choose_batch(calls, self.width_of(key), self.count)
            self._step_surviving(batch)
            for call in {r.call for r in batch if r.call.turn}:
                call.tell()
                self._show(call)
        for running in self._roster.running():
            if running.drawing.done and running in running.call.turn:
                self._finish(running)
                self._hear()

    def _step_surviving(self, batch: list[Running]) -> None:
        before = [r.drawing.step for r in batch]
        try:
            self._step(batch)
        except Exception as error:  # noqa: BLE001  somebody's drawing is at fault
            # Those of a call that left meanwhile are nobody's.
            pairs = zip(batch, before, strict=True)
            rest = [r for r, step in pairs if r.drawing.step == step and r in r.call.turn]
            self._survive(error, rest, len(batch))

    def _step(self, batch: list[Running]) -> None:
        key, family = batch[0].call.key, self._roster.family(batch[0].call)
        if getattr(family, "in_turn", False):
            self._step_in_turn(family, batch)
        else:
            family.denoise_step([r.drawing for r in batch])
        self.widths[len(batch)] += 1
        self._widths.note_good(key, len(batch))

    def _step_in_turn(self, family: TextToImage[Any], batch: list[Running]) -> None:
        """Where nothing is gained by a batch, nobody waits for the whole of it to be heard."""
        for running in batch:
            if running in running.call.turn:
                family.denoise_step([running.drawing])
                self._hear()

    def _survive(self, error: Exception, rest: list[Running], width: int) -> None:
        """These were not advanced: finds whose fault it was, by what was lost or by drawing for each call apart.

        `width`: of the batch that failed; 0 if it was none, so that its width is not to blame.
        """
        if is_fatal(error):
            raise error
        if is_out_of_memory(error):
            self._lack_memory(rest, width)
            return
        calls = list(dict.fromkeys(r.call for r in rest))
        at_fault = list(dict.fromkeys(r.call for r in rest if r.drawing.lost))
        if len(calls) == 1 or at_fault:
            for call in at_fault or calls:
                self._roster.fail(call, error)
            return
        for call in calls:
            if mine := [r for r in rest if r.call is call and r in call.turn]:
                self._step_surviving(mine)

    def _finish(self, running: Running) -> None:
        call = running.call
        try:
            image = self._roster.family(call).finish(running.drawing)
        except Exception as error:  # noqa: BLE001  as in a step
            self._survive(error, [running], width=0)
            return
        call.turn.remove(running)
        call.finished += 1
        self.drawn += 1
        self._roster.writer.write(call, running.index, image)

    def _lack_memory(self, rest: list[Running], width: int) -> None:
        """Makes room as far as it can; what was lost, and whose job has not left for it, is begun again."""
        release(self._roster.device)
        if not self._roster.cache.evict_idle(self._roster.in_use()):
            only_tried = width > 0 and self._widths.note_lack(rest[0].call.key, width)
            if not only_tried:
                self._send_back()
        for running in [r for r in rest if r.drawing.lost and r in r.call.turn]:
            self._roster.begin_again(running)

    def _send_back(self) -> None:
        """The newest job leaves, and the others go on; one that is alone goes on with half of its drawings."""
        roster = self._roster
        drawn = [call for call in roster if call.turn]
        newest: Call = max(drawn, key=lambda call: call.arrived_at)
        if len(drawn) > 1 or len(newest.turn) == 1:
            roster.lack(newest)
            return
        for surplus in reversed(list(newest.turn)[len(newest.turn) // 2 :]):
            roster.begin_again(surplus)

    def _show(self, call: Call) -> None:
        """A preview now and then: at most twice a second, and never more than a twentieth of the time."""
        began = time.monotonic()
        if not call.order.previews or began < call.next_preview_at:
            return
        family = self._roster.family(call)
        try:
            images = {r.index: family.preview(r.drawing) for r in list(call.turn)[:_PREVIEW_MOST] if not r.drawing.done}
        except Exception as error:  # noqa: BLE001  nobody loses a picture for want of its preview
            with bound(**call.bound):
                _LOG.warning("a preview failed\n%s", trace_of(error))
            images = {}
        took_s = time.monotonic() - began
        call.next_preview_at = began + max(_PREVIEW_EVERY_S, took_s / _PREVIEW_SHARE)
        if images:
            self._roster.writer.preview(call, images)
