"""A day in the queue without waiting for it: the real SQL, driven by simulated workers, while rows' times are moved."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.queue import ClaimPolicy, Claims, PostgresQueue
from impasto.identifiers import new_id
from impasto.jobs import ClaimedJob, Shape
from impasto.kinds.kind import Result
from impasto.outcomes import Outcome
from impasto.workers import Holding

Pool = ConnectionPool[psycopg.Connection[Any]]
KIND = "test.stamp"


class Done(Result):
    """A result with nothing in it."""


@dataclass
class Stage:
    """A queue with tenants in it, whose clock is moved by hand.

    With `alone` it moves by hand only: on a slow machine jobs would seem to take longer than they were told to.
    """

    pool: Pool
    now_s: float = 0.0
    alone: bool = False
    _moved_at: float = field(default_factory=time.monotonic)

    def sql(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.pool.connection() as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def add(
        self,
        tenant: str,
        count: int = 1,
        *,
        priority: int = 0,
        shape: Shape = "pool",
        affinity: str = "",
        age_s: float = 0.0,
        kind: str = KIND,
        queue: str = "test",
    ) -> list[str]:
        """Jobs of that tenant, the first the oldest."""
        ids = [new_id("job") for _ in range(count)]
        self.sql("INSERT INTO tenants (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", [tenant, tenant])
        self.sql(
            """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, affinity, run_after, run_limit_s)
               SELECT id, %s, %s, %s, %s, '{}', %s, %s, now() - make_interval(secs => %s) + place * interval '1 us', 60
               FROM unnest(%s::text[]) WITH ORDINALITY AS given (id, place)""",
            [tenant, kind, queue, shape, priority, affinity, age_s, ids],
        )
        return ids

    def pass_time(self, seconds: float) -> None:
        """Everything that has a time was so much earlier; workers told just now that they live."""
        self.now_s += seconds
        before, self._moved_at = self._moved_at, time.monotonic()
        back = f"- make_interval(secs => {seconds - (self._moved_at - before if self.alone else 0.0)})"
        self.sql(
            f"""UPDATE jobs SET run_after = run_after {back}, claimed_at = claimed_at {back},
                    started_at = started_at {back} WHERE state IN ('queued', 'running')"""
        )
        self.sql(f"UPDATE tenant_shares SET used_at = used_at {back}")

    def worker(self, name: str = "w", places: int = 1, policy: ClaimPolicy | None = None, **rest: Any) -> Hand:
        """A worker that has made itself known."""
        queue = PostgresQueue(
            self.pool,
            worker=name,
            instance="1",
            queues=["test"],
            lease_s=1e6,
            policy=policy or ClaimPolicy(),
            **rest,
        )
        queue.register(host="h", pid=1, device="cpu", slots=places, places=places, kinds=[KIND])
        return Hand(self, name, queue, places)


@dataclass
class Hand:
    """A worker's slots, and the one checkpoint it has room for; `loads` counts how often it took another."""

    stage: Stage
    name: str
    queue: PostgresQueue
    places: int
    holds: str = ""
    loads: int = 0
    running: list[ClaimedJob] = field(default_factory=list)

    def claim(
        self, most: int = 1, shapes: Sequence[Shape] = ("engine", "pool", "run"), held: Collection[str] = ()
    ) -> Claims:
        claims = self.queue.claim_some(shapes, most=most, held=held)
        self.running += claims.jobs
        return claims

    def end(self, job: ClaimedJob) -> None:
        self.running.remove(job)
        assert PostgresFinisher(self.stage.pool).succeed(job, Outcome(Done()))

    def tell(self, *checkpoints: str) -> None:
        """Says that it lives and what it holds."""
        self.queue.renew([job.id for job in self.running], Holding(len(self.running), None, checkpoints))


@dataclass(frozen=True)
class Start:
    """That a job began: whose it was, when, and how long it had waited for that."""

    tenant: str
    at_s: float
    waited_s: float


def play(
    stage: Stage,
    hands: Sequence[Hand],
    *,
    run_s: float,
    arrivals: Sequence[tuple[float, Callable[[], object]]] = (),
    load_s: float = 0.0,
    warmly: bool = True,
    enough: Callable[[list[Start]], bool] = lambda _: False,
) -> list[Start]:
    """Serves what is there and what arrives, at times from now on, until all is done or `enough`.

    Without `warmly` nobody knows what anybody holds, and checkpoints are loaded as they come.
    """
    began_s, starts = stage.now_s, []
    # What happens next: (when, in which order, what).
    coming: list[tuple[float, int, Callable[[], object]]] = []
    for at_s, what in arrivals:
        heapq.heappush(coming, (at_s, len(coming), what))
    order = len(coming)
    while True:
        for hand in hands:
            while len(hand.running) < hand.places:
                claims = hand.claim(held=[hand.holds] if warmly and hand.holds else [])
                if not claims.jobs:
                    if claims.again_s is not None:
                        order += 1
                        heapq.heappush(coming, (stage.now_s - began_s + claims.again_s + 0.001, order, lambda: None))
                    break
                job = claims.jobs[0]
                cold = bool(job.affinity) and job.affinity != hand.holds
                hand.loads += cold
                hand.holds = job.affinity or hand.holds
                starts.append(Start(job.tenant_id, stage.now_s - began_s, job.waited_s or 0.0))
                order += 1
                ends_s = stage.now_s - began_s + run_s + (load_s if cold else 0.0)
                heapq.heappush(coming, (ends_s, order, lambda hand=hand, job=job: hand.end(job)))  # type: ignore[misc]
                if warmly:
                    hand.tell(*filter(None, [hand.holds]))
        if not coming or enough(starts):
            return starts
        at_s, _, what = heapq.heappop(coming)
        stage.pass_time(max(0.0, at_s - (stage.now_s - began_s)))
        what()
        while coming and coming[0][0] <= at_s:
            heapq.heappop(coming)[2]()
