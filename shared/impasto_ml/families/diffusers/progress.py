"""Stands where a pipeline shows its progress bar, which it opens right before the first step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType


class PausingBar:
    """Calls `begun` with the number of steps when the pipeline, all prepared, is about to make the first one."""

    def __init__(self, begun: Callable[[int], None]) -> None:
        self._begun = begun

    def __call__(self, iterable: Iterable[object] | None = None, total: int | None = None) -> PausingBar:
        assert total is not None
        self._begun(total)
        return self

    def __enter__(self) -> PausingBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return

    def update(self, steps: int = 1) -> None:
        """Nothing: steps are told by the callback."""
