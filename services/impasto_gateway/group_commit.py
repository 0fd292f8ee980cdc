"""Accepts jobs that stand alone: those that a tenant sends while others of its are on their way go together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextvars import Context
from typing import Any, Final

from psycopg import AsyncConnection, DatabaseError
from psycopg_pool import AsyncConnectionPool

from impasto.backends.postgres.inbox import insert_alone
from impasto.backends.postgres.inbox_together import insert_together
from impasto.backends.postgres.pools import connection_of
from impasto.jobs import JobRecord
from impasto.submission import Bell, NewJob

_MOST: Final = 64

Accepted = tuple[JobRecord, Bell | None]


class GroupCommit:
    """The first of a tenant's is sent at once; what comes until its commit is the next commit's."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._waiting: dict[str, list[tuple[NewJob, asyncio.Future[Accepted | None]]]] = defaultdict(list)
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def accept(self, tenant_id: str, job: NewJob) -> Accepted | None:
        """The job and its bell, durable; None if its Idempotency-Key is taken.

        It refers to nothing and has no callback: `impasto.submission.stands_alone`.

        Raises:
            Unavailable: the database does not answer.
        """
        answer: asyncio.Future[Accepted | None] = asyncio.get_running_loop().create_future()
        self._waiting[tenant_id].append((job, answer))
        if tenant_id not in self._sending:
            # A task of its own: whoever came first may go away, and the others' jobs are accepted nevertheless.
            # It is nobody's request, so that what it tells is told of none.
            self._sending[tenant_id] = asyncio.create_task(self._send_all(tenant_id), context=Context())
        return await answer

    async def stop(self) -> None:
        """Waits for what is on its way."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _send_all(self, tenant_id: str) -> None:
        try:
            while waiting := self._waiting[tenant_id]:
                several, self._waiting[tenant_id] = waiting[:_MOST], waiting[_MOST:]
                await self._send(tenant_id, several)
        finally:
            del self._waiting[tenant_id], self._sending[tenant_id]

    async def _send(self, tenant_id: str, several: list[tuple[NewJob, asyncio.Future[Accepted | None]]]) -> None:
        try:
            accepted = await self._insert(tenant_id, [job for job, _ in several])
        except DatabaseError as error:
            if len(several) > 1:
                # One of them is at fault; by itself each is told its own.
                for each in several:
                    await self._send(tenant_id, [each])
                return
            _refuse(several, error)
        except BaseException as error:  # whatever it was, nobody may wait for ever
            _refuse(several, error)
            if not isinstance(error, Exception):
                raise
        else:
            for job, answer in several:
                if not answer.done():
                    answer.set_result(accepted.get(job.id))

    async def _insert(self, tenant_id: str, jobs: list[NewJob]) -> dict[str, Accepted]:
        async with connection_of(self._pool) as connection:
            if len(jobs) > 1:
                # By their keys: each waits for whoever inserts the same one, and two gateways must not wait crosswise.
                jobs = sorted(jobs, key=lambda job: job.idempotency_key or "")
                return await insert_together(connection, tenant_id, jobs)
            alone = await insert_alone(connection, tenant_id, jobs[0])
            return {jobs[0].id: alone} if alone else {}


def _refuse(several: list[tuple[NewJob, asyncio.Future[Accepted | None]]], error: BaseException) -> None:
    for _, answer in several:
        if not answer.done():
            answer.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
