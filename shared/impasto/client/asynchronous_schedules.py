"""The asynchronous client's schedules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from impasto.client import resources, schedules
from impasto.client.asynchronous_transport import AsyncTransport
from impasto.client.jobs import JobOptions
from impasto.client.schedules import When
from impasto.schedules import Schedule, ScheduleShown

if TYPE_CHECKING:
    from impasto.kinds.kind import Params


class AsyncSchedules:
    """Jobs that are submitted when their time has come."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, name: str, params: Params, when: When, options: JobOptions | None = None) -> ScheduleShown:
        """A schedule that is active from now on: `{"cron": "30 6 * * 1-5", "timezone": "Europe/Berlin"}`.

        Or `{"at": datetime(...)}`, which is due but once. `options` are those of each job, as `submit` takes them.
        """
        return await self._transport.run(schedules.making(name, params, when, options or {}))

    def list(self, *, limit: int | None = None) -> AsyncIterator[Schedule]:
        return self._transport.iterate(resources.pages(Schedule, "schedules", most=limit))

    async def get(self, schedule_id: str) -> ScheduleShown:
        """With its next times and what became of the last."""
        return await self._transport.run(resources.fetch(ScheduleShown, "schedules", schedule_id))

    async def pause(self, schedule_id: str) -> ScheduleShown:
        return await self._transport.run(schedules.moving(schedule_id, "pause"))

    async def resume(self, schedule_id: str) -> ScheduleShown:
        return await self._transport.run(schedules.moving(schedule_id, "resume"))

    async def remove(self, schedule_id: str) -> None:
        """The jobs that it submitted stay."""
        await self._transport.run(resources.remove("schedules", schedule_id))
