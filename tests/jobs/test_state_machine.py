"""Every order in which a job can be submitted, claimed, renewed, ended, lost and swept, on the real SQL.

Hypothesis plays tenants, workers, the reconciler, a Redis that forgets and a clock, and after each step all that is
promised must hold. IMPASTO_STATE_EXAMPLES says how many plays there are, IMPASTO_STATE_SEED which ones.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition, rule, run_state_machine_as_test

from impasto.artifacts import ArtifactRef
from impasto.identifiers import new_id
from impasto.lineage import Edge
from impasto.outcomes import FollowUp, Outcome
from impasto.settings import Settings
from impasto.workers import Holding
from tests.jobs.checks import check_all, check_bells
from tests.jobs.ground import QUEUE, Ground
from tests.jobs.known import RUNNER_LOSSES, WORKER_LOSSES, Attempt, Known
from tests.jobs.tenants import CAPS, KINDS, LEASE_S, NAMES, SHAPES, Done, Hand, Tenants, Words

# What the clock of the rows and that of the machine may differ by.
SLACK_S = 2.0
# Rounds within which everything that was accepted must have ended, once nothing more happens to it.
ROUNDS = 60


class QueueMachine(Tenants):
    """What workers do, and what happens to them."""

    attempts = Bundle("attempts")

    @rule(
        target=attempts,
        name=st.sampled_from(NAMES),
        shapes=st.sampled_from([SHAPES, SHAPES, ("pool",), ("engine",), ("run", "engine")]),
        most=st.integers(1, 3),
        hears=st.booleans(),
        pick=st.integers(0, 20),
    )
    def claims(self, name: str, shapes: tuple[str, ...], most: int, hears: bool, pick: int) -> Any:
        """Beside somebody who is in the middle of writing one of the jobs."""
        if hears:
            self.ground.hear()
        busy = self._picked(pick, [job.id for job in self.known.values() if job.state == "queued"])
        could = [job for job in self._claimable(shapes) if job.id != busy]
        with self.ground.busy(busy):
            made, again = self._claim(self.hands[name], shapes, most)
        # What is left to who holds its checkpoint, or is being written at this moment, is asked for again.
        assert made or again or not could, "went home while there was work"
        assert busy not in [attempt.job.id for attempt in made]
        return multiple(*made)

    @precondition(lambda self: self.holders)
    @rule(target=attempts, which=st.integers(0, 2), name=st.sampled_from(NAMES))
    def is_paused_while_another_takes_its_jobs(self, which: int, name: str) -> Any:
        """Beyond its lease, and the others go on."""
        paused = self.holders[which % len(self.holders)]
        for seconds in (20, 13):
            self.ground.pass_time(seconds)
            for hand in self.holders:
                if hand is not paused:
                    self._renew(hand)
        self._sweep()
        return self.claims_all(name=name, most=2)

    @rule(target=attempts, name=st.sampled_from(NAMES), most=st.integers(1, 4))
    def claims_all(self, name: str, most: int) -> Any:
        made: list[Attempt] = []
        while some := self._claim(self.hands[name], SHAPES, most)[0]:
            made += some
        return multiple(*made)

    def _picked(self, pick: int, among: list[str]) -> str | None:
        return among[pick] if pick < len(among) else None

    def _claimable(self, shapes: tuple[str, ...]) -> list[Known]:
        running = {
            tenant: sum(job.tenant == tenant and job.state == "running" for job in self.known.values())
            for tenant in CAPS
        }
        return [
            job
            for job in self.known.values()
            if job.state == "queued"
            and job.shape in shapes
            and running[job.tenant] < (len(self.known) + 1 if (cap := CAPS[job.tenant]) is None else cap)
        ]

    def _claim(self, hand: Hand, shapes: tuple[str, ...], most: int) -> tuple[list[Attempt], bool]:
        """What it got, and whether it is to ask again."""
        now = self.ground.now
        claims = hand.queue.claim_some(shapes, most, held=hand.checkpoints)  # type: ignore[arg-type]
        assert len(claims.jobs) <= (most if claims.jobs and claims.jobs[0].shape == "engine" else 1)
        made = []
        for job in claims.jobs:
            text = f"{job.id} {job.epoch} {hand.name} {hand.instance}".encode()
            artifact = ArtifactRef(
                sha256=hashlib.sha256(text).hexdigest(), media_type="text/plain", size_bytes=len(text)
            )
            attempt = Attempt(job, hand.name, hand.instance, artifact)
            self.known[job.id].start(attempt, now, LEASE_S)
            hand.held.append(attempt)
            made.append(attempt)
            if job.affinity:
                hand.checkpoints = (job.affinity,)
        return made, claims.again_s is not None

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 2))
    def renews(self, which: int) -> None:
        self._renew(self.holders[which % len(self.holders)])

    def _renew(self, hand: Hand) -> None:
        now = self.ground.now
        answer = hand.queue.renew(
            [attempt.job.id for attempt in hand.held], Holding(len(hand.held), None, hand.checkpoints)
        )
        kept = []
        for attempt in hand.held:
            known, renewed = self.known[attempt.job.id], answer.get(attempt.job.id)
            holds = renewed is not None and renewed.epoch == attempt.job.epoch
            assert holds == known.is_held_by(attempt), f"{attempt}: renewed {renewed}, known {known}"
            here = known.attempt is not None and known.attempt.instance == hand.instance
            assert (renewed is not None) == here, "renewed what somebody else has"
            if holds and renewed:
                kept.append(attempt)
                known.lease_until = now + LEASE_S
                assert renewed.cancel_requested == known.cancel_requested
                if known.finish_by is None or abs(known.finish_by - now) > SLACK_S:
                    assert renewed.deadline_missed == (known.finish_by is not None and known.finish_by < now)
        hand.held = kept

    @rule(
        target=Tenants.jobs,
        attempt=attempts,
        how=st.sampled_from(["succeed", "succeed", "fail", "cancel"]),
        follows=st.sampled_from([None, None, "pool", "run"]),
    )
    def finishes(self, attempt: Attempt, how: str, follows: str | None) -> Any:
        """Anybody who ever had it, in time or late, once or again."""
        known, job = self.known[attempt.job.id], attempt.job
        in_time = self._let_go(attempt)
        if how == "cancel" and in_time and not known.cancel_requested:
            how = "fail"
        if how == "succeed":
            return self._succeed(attempt, follows)
        if how == "fail":
            told = self.ground.finisher.fail(job, {"code": "time_limit", "message": "too long"})
        else:
            told = self.ground.finisher.cancel(job)
        assert told == in_time
        if in_time:
            known.end(*(("failed", "time_limit") if how == "fail" else ("canceled", "canceled")), self.ground.now)
        return multiple()

    @precondition(lambda self: self.holders)
    @rule(target=Tenants.jobs, which=st.integers(0, 2), follows=st.sampled_from([None, None, "pool"]))
    def finishes_its_newest(self, which: int, follows: str | None) -> Any:
        return self._succeed(self.holders[which % len(self.holders)].held[-1], follows)

    def _succeed(self, attempt: Attempt, follows: str | None = None) -> Any:
        known, job = self.known[attempt.job.id], attempt.job
        in_time = self._let_go(attempt)
        if not self.ground.artifacts.touch(job.tenant_id, attempt.artifact):
            self.ground.artifacts.stored(job.tenant_id, attempt.artifact)
        following = FollowUp(new_id("job"), KINDS[follows], Words(n=2)) if follows else None
        outcome = Outcome(
            Done(by=repr(attempt)),
            artifacts=(attempt.artifact,),
            edges=(Edge(source="pretrained:x@1", target=f"sha256:{attempt.artifact.sha256}", relation="content_of"),),
            follow_ups=(following,) if following else (),
        )
        assert self.ground.finisher.succeed(job, outcome) == in_time
        if not in_time:
            return multiple()
        known.end("succeeded", None, self.ground.now)
        known.winner = attempt
        if following is None:
            return multiple()
        self._know(following.id, known.tenant, following.kind.shape, "", None, None)
        return following.id

    @rule(
        attempt=attempts, cause=st.sampled_from(["drained", *sorted(RUNNER_LOSSES | (WORKER_LOSSES - {"worker_lost"}))])
    )
    def gives_back(self, attempt: Attempt, cause: str) -> None:
        self._give_back(attempt, cause)

    def _let_go(self, attempt: Attempt) -> bool:
        """Whoever ends an attempt renews it no more; whether it was still theirs to end."""
        hand = self.hands[attempt.worker]
        hand.held = [held for held in hand.held if held is not attempt]
        return self.known[attempt.job.id].is_held_by(attempt)

    def _give_back(self, attempt: Attempt, cause: str) -> None:
        known = self.known[attempt.job.id]
        in_time = self._let_go(attempt)
        moved = self.hands[attempt.worker].queue.give_back(attempt.job, cause)
        assert (moved is not None) == in_time
        if moved:
            known.lose(cause, self.ground.now)
            assert (moved.state, moved.code) == (known.state, known.code)

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 2), drains=st.booleans())
    def is_replaced(self, which: int, drains: bool) -> None:
        """A worker that was killed may have been paused alone: what it held may still be finished by it, in vain."""
        hand = self.holders[which % len(self.holders)]
        if drains:
            for attempt in list(hand.held):
                self._give_back(attempt, "drained")
            hand.queue.say_goodbye()
        now, name = self.ground.now, hand.name
        self.hands[name] = self._new_life(name)
        moved = self.hands[name].queue.give_back_predecessors()
        lost = [job for job in self.known.values() if job.attempt and job.attempt.worker == name]
        for job in lost:
            job.lose("worker_lost", now)
        assert {m.job_id: m.state for m in moved} == {job.id: job.state for job in lost}

    @property
    def holders(self) -> list[Hand]:
        return [hand for hand in self.hands.values() if hand.held]

    # --- time, Redis, the reconciler ---

    @rule(seconds=st.sampled_from([1, 4, 11, 16, 31, 200]))
    def time_passes(self, seconds: int) -> None:
        self.ground.pass_time(seconds)

    @rule(rings=st.sampled_from([0, 0, 1, 3]))
    def redis_forgets_or_rings_again(self, rings: int) -> None:
        if not rings:
            self.ground.redis.flushdb()
        for _ in range(rings):
            self.ground.bells.ring(QUEUE)

    @rule(pick=st.integers(0, 20))
    def is_swept(self, pick: int) -> None:
        """Beside somebody who is in the middle of writing one of the jobs."""
        busy = self._picked(pick, list(self.known))
        with self.ground.busy(busy):
            self._sweep(busy)

    def _sweep(self, busy: str | None = None) -> None:
        now = self.ground.now
        self.ground.sweeper.sweep()
        rows = {row["id"]: row for row in self.ground.look("SELECT id, state, error_code, epoch FROM jobs")}
        for known in self.known.values():
            if known.id == busy or known.ended:
                continue
            # A time that is near may count as past or not.
            early, late = _copy(known), _copy(known)
            early.sweep(now, now - SLACK_S)
            late.sweep(now, now + SLACK_S)
            row = rows[known.id]
            seen = (row["state"], row["error_code"])
            allowed = [after for after in (early, late) if (after.state, after.code) == seen]
            assert allowed, f"swept to {seen}, but {early.state} or {late.state} was due: {known}"
            self.known[known.id] = allowed[0]
        check_bells(self.ground)

    @invariant()
    def everything_is_as_promised(self) -> None:
        if hasattr(self, "known"):
            check_all(self.ground, self.known, CAPS)

    def teardown(self) -> None:
        """Whatever has happened: left to itself, and though Redis forgot every bell, everything ends."""
        if not hasattr(self, "known"):
            return
        self.ground.redis.flushdb()
        self.hands = {name: self._new_life(name) for name in NAMES}
        for _ in range(ROUNDS):
            if all(job.ended for job in self.known.values()):
                break
            self.ground.pass_time(12)
            self._sweep()
            while self.ground.hear():
                for hand in self.hands.values():
                    while made := self._claim(hand, SHAPES, 2)[0]:
                        for attempt in made:
                            self._succeed(attempt)
        check_all(self.ground, self.known, CAPS)
        waiting = [job for job in self.known.values() if not job.ended]
        note(f"{len(self.known)} jobs, {len(waiting)} did not end")
        assert not waiting, f"never ended: {waiting}"


def _copy(known: Known) -> Known:
    return replace(known, charges=list(known.charges))


@pytest.fixture
def ground(settings: Settings) -> Iterator[Ground]:
    made = Ground(settings)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.alone  # its model knows when things happened to a tenth of a second
@pytest.mark.timeout(3600)
def test_whatever_the_order_no_job_is_lost_or_done_twice(ground: Ground) -> None:
    class Machine(QueueMachine):
        pass

    Machine.ground = ground
    chosen = os.environ.get("IMPASTO_STATE_SEED")
    if chosen:
        seed(int(chosen))(Machine)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("IMPASTO_STATE_EXAMPLES", "40")),
            stateful_step_count=50,
            deadline=None,
            derandomize=not chosen,
            database=None,
            print_blob=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
