"""What the API tells of the platform's insides and of a running training, as far as the studio shows it.

Fields that a newer platform adds are passed over, and those that an older one lacks have a default.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AliasChoices, BaseModel, Field


class QueueRecord(BaseModel):
    """How full a queue is. `oldest_queued_s`: age of the job that waits longest."""

    name: str
    queued: int = 0
    running: int = 0
    oldest_queued_s: float | None = None
    workers: int = 0


class WorkerRecord(BaseModel):
    """A worker and its device. `memory_bytes` and `memory_used_bytes` are the device's."""

    name: str
    host: str = ""
    device: str = ""
    queues: list[str] = []
    slots: int = 0
    running: int = 0
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    checkpoints: list[str] = []
    seen_at: datetime | None = None
    alive: bool = True


class DeliveryRecord(BaseModel):
    """One attempt to send a webhook. `status`: what the endpoint answered, `ms`: how long it took.

    `error`: why it failed, in one word for programs; `next_at`: when it is or was due.
    """

    id: str
    endpoint_id: str
    type: str = Field(validation_alias=AliasChoices("type", "event_type"))
    attempt: int = 1
    state: str
    status: int | None = None
    ms: float | None = None
    error: str | None = None
    next_at: datetime | None = None
    created_at: datetime | None = None
