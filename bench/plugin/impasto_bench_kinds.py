"""A plug-in with a job kind that does nothing: what is measured is everything around it."""

from __future__ import annotations

from typing import Any

from impasto.kinds.kind import Kind, Params, Result


class Noop(Params):
    """Nothing is asked for."""


class Done(Result):
    """Nothing was made."""


KIND = Kind(
    name="bench.noop", params=Noop, result=Done, queue="bench", shape="pool", run_limit_s=60, summary="Does nothing."
)


class _Handlers:
    """Made when a worker asks: the gateway loads the kind alone and must not import a worker's parts."""

    def __iter__(self) -> Any:
        from impasto.outcomes import Outcome
        from impasto_worker.handling import Handler

        return iter([Handler(KIND, lambda context, params: Outcome(Done()))])


HANDLERS = _Handlers()
