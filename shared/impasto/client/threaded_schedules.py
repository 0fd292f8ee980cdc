"""The blocking client's schedules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from impasto.client import resources, schedules
from impasto.client.jobs import JobOptions
from impasto.client.schedules import When
from impasto.client.threaded_transport import Transport
from impasto.schedules import Schedule, ScheduleShown

if TYPE_CHECKING:
    from impasto.kinds.kind import Params


class Schedules:
    """Jobs that are submitted when their time has come."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, name: str, params: Params, when: When, options: JobOptions | None = None) -> ScheduleShown:
        """A schedule that is active from now on: `{"cron": "30 6 * * 1-5", "timezone": "Europe/Berlin"}`.

        Or `{"at": datetime(...)}`, which is due but once. `options` are those of each job, as `submit` takes them.
        """
        return self._transport.run(schedules.making(name, params, when, options or {}))

    def list(self, *, limit: int | None = None) -> Iterator[Schedule]:
        return self._transport.iterate(resources.pages(Schedule, "schedules", most=limit))

    def get(self, schedule_id: str) -> ScheduleShown:
        """With its next times and what became of the last."""
        return self._transport.run(resources.fetch(ScheduleShown, "schedules", schedule_id))

    def pause(self, schedule_id: str) -> ScheduleShown:
        return self._transport.run(schedules.moving(schedule_id, "pause"))

    def resume(self, schedule_id: str) -> ScheduleShown:
        return self._transport.run(schedules.moving(schedule_id, "resume"))

    def remove(self, schedule_id: str) -> None:
        """The jobs that it submitted stay."""
        self._transport.run(resources.remove("schedules", schedule_id))
