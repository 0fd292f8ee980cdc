"""The state machine's tenants: they submit, cancel and try again, over the classes that the gateway uses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.postgres.jobs import request_cancel
from impasto.backends.postgres.queue import PostgresQueue
from impasto.backends.postgres.retrying import retry_jobs
from impasto.errors import Conflict, InvalidInput, NotFound
from impasto.kinds.kind import Kind, Params, Result
from impasto.submission import NewJob, new_job_id, submit, submit_all
from tests.jobs.ground import QUEUE, Ground
from tests.jobs.known import Attempt, Known

LEASE_S = 30.0
CAPS: dict[str, int | None] = {"tnt_a": None, "tnt_b": 2, "tnt_c": 1}
CHECKPOINTS = ("", "ckp_x", "ckp_y")
NAMES = ("w1", "w2", "w3")
SHAPES = ("engine", "pool", "run")


class Words(Params):
    """Params of any kind here."""

    n: int
    checkpoint: str = ""


class Done(Result):
    """Which attempt it was."""

    by: str


def _kind(shape: Any) -> Kind[Any, Any]:
    affinity = "checkpoint" if shape == "engine" else None
    return Kind(f"test.{shape}", Words, Done, QUEUE, shape, 3600, "", affinity)


KINDS = {shape: _kind(shape) for shape in SHAPES}


@dataclass
class Hand:
    """One life of a worker, and what it believes to hold."""

    name: str
    instance: str
    queue: PostgresQueue
    checkpoints: tuple[str, ...] = ()
    held: list[Attempt] = field(default_factory=list)


class Tenants(RuleBasedStateMachine):
    """What tenants do; `known` is what each job must be."""

    ground: Ground
    jobs = Bundle("jobs")

    @initialize(target=jobs, each=st.integers(0, 4), shape=st.sampled_from(SHAPES))
    def begin(self, each: int, shape: str) -> Any:
        self.ground.clear(CAPS)
        self.known: dict[str, Known] = {}
        self.keys: dict[tuple[str, str], tuple[bytes, list[str]]] = {}
        self.numbers = count(1)
        self.hands = {name: self._new_life(name) for name in NAMES}
        return multiple(*(self._submit_one(tenant, shape) for tenant in CAPS for _ in range(each)))

    def _submit_one(self, tenant: str, shape: str) -> str:
        new = NewJob(id=new_job_id(), kind=KINDS[shape], params=Words(n=0).model_dump())
        self._accept(tenant, [new])
        return self._know(new.id, tenant, shape, "", None, None).id

    def _new_life(self, name: str) -> Hand:
        instance = str(next(self.numbers))
        queue = PostgresQueue(self.ground.pool, worker=name, instance=instance, queues=[QUEUE], lease_s=LEASE_S)
        queue.register(host="h", pid=1, device="cpu", slots=4, places=4, kinds=[k.name for k in KINDS.values()])
        return Hand(name, instance, queue)

    # --- tenants ---

    @rule(
        target=jobs,
        tenant=st.sampled_from(sorted(CAPS)),
        shape=st.sampled_from(SHAPES),
        checkpoint=st.sampled_from(CHECKPOINTS),
        priority=st.integers(-2, 2),
        start_in_s=st.sampled_from([None, None, 20.0, 70.0]),
        finish_in_s=st.sampled_from([None, None, 40.0, 150.0]),
        key=st.sampled_from([None, None, "k1", "k2"]),
        how_many=st.sampled_from([1, 1, 1, 3]),
        rings=st.booleans(),
    )
    def submits(
        self,
        tenant: str,
        shape: str,
        checkpoint: str,
        priority: int,
        start_in_s: float | None,
        finish_in_s: float | None,
        key: str | None,
        how_many: int,
        rings: bool,
    ) -> Any:
        body = (shape, checkpoint, priority, start_in_s, finish_in_s, how_many)
        digest = hashlib.sha256(repr(body).encode()).digest()
        news = [
            NewJob(
                id=job_id,
                kind=KINDS[shape],
                params=Words(n=1, checkpoint=checkpoint).model_dump(),
                priority=priority,
                start_in_s=start_in_s,
                finish_in_s=finish_in_s,
                idempotency_key=key,
                request_sha256=digest,
            )
            for job_id in sorted(new_job_id() for _ in range(how_many))
        ]
        earlier = self.keys.get((tenant, key)) if key else None
        if earlier and earlier[0] != digest:
            with pytest.raises(InvalidInput, match="another body"):
                self._accept(tenant, news)
            return multiple()
        ids, bells = self._accept(tenant, news)
        if earlier:
            assert (ids, bells) == (earlier[1], []), "the same call again made something new"
            return multiple()
        for new in news:
            self._know(new.id, tenant, shape, new.kind.affinity_of(new.params), start_in_s, finish_in_s)
        if key:
            self.keys[tenant, key] = (digest, ids)
        assert bells, "accepted without a bell"
        if rings:
            self.ground.ring(tenant, bells)
        return multiple(*ids)

    def _accept(self, tenant: str, news: list[NewJob]) -> tuple[list[str], list[Any]]:
        if len(news) == 1:
            one = self.ground.as_tenant(tenant, lambda c: submit(PostgresInbox(c), news[0]))
            return [one.job.id], [one.bell] if one.bell else []
        some = self.ground.as_tenant(tenant, lambda c: submit_all(PostgresInbox(c), news))
        return [job.id for job in some.jobs], some.bells

    def _know(
        self, job_id: str, tenant: str, shape: str, affinity: str, start_in_s: float | None, finish_in_s: float | None
    ) -> Known:
        now = self.ground.now
        self.known[job_id] = Known(
            job_id,
            tenant,
            shape,
            affinity,
            start_in_s=start_in_s,
            finish_in_s=finish_in_s,
            start_by=None if start_in_s is None else now + start_in_s,
            finish_by=None if finish_in_s is None else now + finish_in_s,
        )
        return self.known[job_id]

    @rule(job_id=jobs, tenant=st.sampled_from([None, None, None, *sorted(CAPS)]))
    def cancels(self, job_id: str, tenant: str | None) -> None:
        known = self.known[job_id]
        asks = tenant or known.tenant
        record = self.ground.as_tenant(asks, lambda c: request_cancel(c, job_id))
        if asks != known.tenant or known.ended or known.cancel_requested:
            assert record is None
            return
        assert record is not None
        known.cancel_requested = True
        if known.state == "queued":
            known.end("canceled", "canceled", self.ground.now)
        assert record.state == known.state

    @rule(target=jobs, job_id=jobs, tenant=st.sampled_from([None, None, None, *sorted(CAPS)]), rings=st.booleans())
    def retries(self, job_id: str, tenant: str | None, rings: bool) -> Any:
        known = self.known[job_id]
        asks = tenant or known.tenant
        if asks != known.tenant or known.state not in {"failed", "canceled"}:
            with pytest.raises(NotFound if asks != known.tenant else Conflict):
                self.ground.as_tenant(asks, lambda c: retry_jobs(c, [job_id]))
            return multiple()
        answer = self.ground.as_tenant(asks, lambda c: retry_jobs(c, [job_id]))
        if known.retry:
            assert ([job.id for job in answer.jobs], answer.bells) == ([known.retry], [])
            return multiple()
        (made,) = answer.jobs
        known.retry = made.id
        self._know(made.id, known.tenant, known.shape, known.affinity, known.start_in_s, known.finish_in_s)
        if rings:
            self.ground.ring(asks, answer.bells)
        return made.id
