"""What a job kind is: its name, typed params and result, the queue that runs it and its limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from impasto.identifiers import PictureId
from impasto.jobs import Shape


class Params(BaseModel):
    """Base of every kind's params: unknown fields are an error, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Result(BaseModel):
    """Base of every kind's result."""

    model_config = ConfigDict(frozen=True)


_PICTURE: Final = get_args(PictureId)[1]
P = TypeVar("P", bound=Params)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class Kind(Generic[P, R]):
    """One type of work. `queue` is a promise: every worker of it can run every job in it.

    `affinity` is the field of the params that names the checkpoint a worker should hold already; for shape *engine*.
    `no_progress_s`: a computation that tells no progress for so long hangs; for kinds that tell some all the time.
    A job may ask for another time.
    `work` says how much there is to compute, in any unit: only jobs of like size tell how long another takes.
    """

    name: str
    params: type[P]
    result: type[R]
    queue: str
    shape: Shape
    run_limit_s: float
    summary: str
    affinity: str | None = None
    no_progress_s: float | None = None
    work: Callable[[Mapping[str, Any]], float] | None = None

    def affinity_of(self, params: Mapping[str, Any]) -> str:
        """The checkpoint that a worker of this job should hold; empty where it makes no difference."""
        return str(params.get(self.affinity) or "") if self.affinity and self.shape == "engine" else ""

    def size_of(self, params: Mapping[str, Any]) -> int | None:
        """The power of two of the work in these params; None where the kind does not say how much it is."""
        return int(math.log2(max(1.0, self.work(params)))) if self.work else None

    @property
    def picture_fields(self) -> frozenset[str]:
        """The fields of the params that hold `PictureId`: what they name has to be a picture."""
        return _picture_fields(self.params)


@cache
def _picture_fields(params: type[Params]) -> frozenset[str]:
    fields = params.model_fields.items()
    return frozenset(name for name, field in fields if _PICTURE in field.metadata or _holds_pictures(field.annotation))


def _holds_pictures(hint: Any) -> bool:
    return _PICTURE in getattr(hint, "__metadata__", ()) or any(map(_holds_pictures, get_args(hint)))
