"""Events: what each type of a job's event holds, and a tenant's stream of all of them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, create_model

from impasto.jobs import EVENT_TYPES, JobEvent


class EventData(BaseModel):
    """Base of what an event holds. Fields that a newer platform adds are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class QueuedData(EventData):
    """Of `job.queued`."""

    kind: str = Field(description="The job's kind.")
    retry_of: str | None = Field(None, description="The job that this one tries again.")


class StartedData(EventData):
    """Of `job.started`."""

    attempt: int = Field(
        description="Counts from 1; one that was given back by a worker that was told to stop is not counted."
    )
    worker: str = Field(description="The name of the worker that took it.")


class CancelRequestedData(EventData):
    """Of `job.cancel_requested`: nothing."""


class RequeuedData(EventData):
    """Of `job.requeued`."""

    cause: Literal[
        "worker_lost",
        "database_lost",
        "runner_lost",
        "engine_lost",
        "engine_stopped",
        "out_of_memory",
        "memory_shared",
        "no_progress",
        "storage_lost",
        "drained",
        "restored",
    ] = Field(description="What became of the attempt.")
    attempt: int = Field(description="How many attempts are counted so far.")


class SucceededData(EventData):
    """Of `job.succeeded`: nothing; the result is the job's."""


class FailedData(EventData):
    """Of `job.failed`."""

    code: str = Field(description="One of [errors.md](errors.md); the job's `error` says more.")


class CanceledData(EventData):
    """Of `job.canceled`."""

    code: str | None = Field(None, description="`canceled`; null if the job was canceled before it started.")


EVENT_DATA: Final[dict[str, type[EventData]]] = {
    "job.queued": QueuedData,
    "job.started": StartedData,
    "job.cancel_requested": CancelRequestedData,
    "job.requeued": RequeuedData,
    "job.succeeded": SucceededData,
    "job.failed": FailedData,
    "job.canceled": CanceledData,
}
assert EVENT_DATA.keys() == EVENT_TYPES.keys()


def data_of(event: JobEvent) -> EventData:
    """What the event holds, typed; of a type that is not known here, as it came."""
    return EVENT_DATA.get(event.type, EventData).model_validate(event.data)


class TenantEvent(JobEvent):
    """An event among those of all jobs of a tenant. `position` is where a stream is taken up after it."""

    kind: str
    position: str


def _typed(name: str, data: type[EventData]) -> type[TenantEvent]:
    title = "".join(part.title() for part in re.split(r"[._]", name)) + "Event"
    return create_model(
        title,
        __base__=TenantEvent,
        __doc__=EVENT_TYPES[name],
        type=(Literal[name], ...),  # type: ignore[arg-type]  # the name is known at run time alone
        data=(data, ...),
    )


# For documents of interfaces: each type with its own data.
TYPED_EVENTS: Final[tuple[type[TenantEvent], ...]] = tuple(_typed(name, data) for name, data in EVENT_DATA.items())


class EventPosition(NamedTuple):
    """A place in the order of a tenant's events: the transaction's number, then the row's.

    Events are told only once every transaction with a smaller number has ended: what commits late comes later in this
    order than all that has been told, and is never skipped.
    """

    xid: int
    seq: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.seq}"


BEGINNING: Final = EventPosition(0, 0)
PositionText = Annotated[
    str, Field(pattern=r"^(0|now|\d{1,18}-\d{1,18})$", max_length=40, examples=["0", "now", "7412-93"])
]


def read_position(text: str) -> EventPosition | None:
    """The position that a text of the pattern above stands for; None for `now`."""
    if text == "now":
        return None
    xid, _, seq = text.partition("-")
    return EventPosition(int(xid), int(seq or 0))


def wants(event: TenantEvent, kinds: frozenset[str], types: frozenset[str]) -> bool:
    """Whether a reader who asked for these kinds and types wants it; one who named none wants all."""
    return (not kinds or event.kind in kinds) and (not types or event.type in types)
