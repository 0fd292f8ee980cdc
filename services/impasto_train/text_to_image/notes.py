"""What a training notes on its way is kept at once: another worker goes on from it, and people watch it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from impasto.artifacts import digest_of, run_key
from impasto.errors import NotFound
from impasto.trainings import SeriesPoint, TrainingState
from impasto_worker.handling import JobContext
from impasto_worker.patience import patiently

T = TypeVar("T")

_LOG = logging.getLogger("impasto.train")


class Notes:
    """Keeps the notes of one attempt; runs in the worker's slot while the runner computes on."""

    def __init__(self, context: JobContext) -> None:
        self._context, self._job = context, context.job
        self._trainings, self._transfer = context.tools.trainings, context.tools.transfer

    def keep(self, note: dict[str, Any]) -> None:
        """Keeps one note of the computation."""
        match note["kind"]:
            case "series":
                points = [SeriesPoint.model_validate(point) for point in note["points"]]
                self._patiently(lambda: self._trainings.add_points(self._job, points))
            case "sample":
                artifact = self._context.put(Path(note["path"]))
                self._patiently(lambda: self._trainings.add_sample(self._job, note["step"], artifact))
            case "state":
                self._keep_state(note["step"], Path(note["path"]))
            case unknown:
                raise ValueError(f"nothing is known of notes of the kind {unknown!r}")

    def resumed(self) -> tuple[Path, int] | None:
        """The state that an earlier attempt left, as a file, and its step; None if it is gone or damaged."""
        if (state := self._trainings.state(self._job)) is None:
            return None
        path = self._context.folder / "resumed.safetensors"
        try:
            return self._transfer.fetch_state(state.key, state.sha256, path, self._context.check), state.step
        except NotFound:
            # The same steps give the same weights: what is lost is time.
            _LOG.warning("%s begins anew: its state of step %d is gone or damaged", self._job.id, state.step)
            return None

    def _patiently(self, action: Callable[[], T]) -> T:
        """The computation waits meanwhile: what it has to tell is not lost."""
        return patiently(action, self._context.check)

    def _keep_state(self, step: int, path: Path) -> None:
        sha256, size = digest_of(path)
        key = run_key(self._context.tenant_id, self._job.id, step, f"{self._job.epoch}.safetensors")
        self._transfer.keep_state(key, path, self._context.check)
        path.unlink()
        # Named only now that it is whole; what it replaces is not needed from here on.
        state = TrainingState(step=step, key=key, sha256=sha256, size_bytes=size)
        if (needless := self._patiently(lambda: self._trainings.keep(self._job, state))) is not None:
            self._transfer.drop_state(needless.key)
