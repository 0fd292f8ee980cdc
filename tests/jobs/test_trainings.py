"""What a running training leaves: counted only from the attempt that holds the job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from impasto.artifacts import ArtifactRef
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.queue import PostgresQueue
from impasto.backends.postgres.trainings import PostgresTrainings
from impasto.jobs import ClaimedJob
from impasto.trainings import SeriesPoint, TrainingState
from tests.jobs.conftest import Pool


@pytest.fixture
def trainings(pool: Pool) -> PostgresTrainings:
    return PostgresTrainings(pool)


@pytest.fixture
def attempts(add_job: Callable[..., str], queue_of: Callable[..., PostgresQueue]) -> tuple[ClaimedJob, ClaimedJob]:
    """An attempt that lost its job, and the one that has it now."""
    add_job()
    queue = queue_of()
    old = queue.claim(["pool"])
    assert old is not None
    queue.give_back(old, "runner_lost")
    new = queue.claim(["pool"])
    assert new is not None
    assert (new.id, new.epoch > old.epoch) == (old.id, True)
    return old, new


def point(step: int, loss: float) -> SeriesPoint:
    return SeriesPoint(step=step, points={"loss": loss})


def state(step: int, epoch: int) -> TrainingState:
    return TrainingState(step=step, key=f"ten/runs/job/{step}/{epoch}.safetensors", sha256="ab" * 32, size_bytes=9)


def stored(pool: Pool, job: ClaimedJob, digest: str) -> ArtifactRef:
    """An artifact that nothing shows yet."""
    artifact = ArtifactRef(sha256=digest * 64, media_type="image/png", size_bytes=3)
    artifacts = PostgresArtifacts(pool)
    artifacts.touch(job.tenant_id, artifact)
    artifacts.stored(job.tenant_id, artifact)
    return artifact


def rows(pool: Pool, query: str) -> list[tuple[Any, ...]]:
    with pool.connection() as connection:
        return connection.execute(query).fetchall()


def test_points_of_an_old_attempt_change_nothing(
    pool: Pool, trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    old, new = attempts
    trainings.add_points(new, [point(1, 0.5), point(2, 0.4)])
    trainings.add_points(old, [point(2, 9.0), point(3, 9.0)])
    found = rows(pool, "SELECT step, points->>'loss' FROM job_series ORDER BY step")
    assert found == [(1, "0.5"), (2, "0.4")]


def test_a_step_that_is_told_anew_takes_the_place_of_the_first(
    pool: Pool, trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    _, new = attempts
    trainings.add_points(new, [point(1, 0.5)])
    trainings.add_points(new, [point(1, 0.25), point(2, 0.125)])
    assert rows(pool, "SELECT step, points->>'loss' FROM job_series ORDER BY step") == [(1, "0.25"), (2, "0.125")]


def test_a_sample_of_an_old_attempt_is_neither_kept_nor_shown(
    pool: Pool, trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    old, new = attempts
    mine, late = stored(pool, new, "a"), stored(pool, old, "b")
    trainings.add_sample(new, 20, mine)
    trainings.add_sample(old, 20, late)
    trainings.add_sample(old, 40, late)
    assert trainings.samples(new) == [(20, mine)]
    shown = rows(pool, "SELECT sha256 FROM artifacts WHERE published_at IS NOT NULL")
    assert shown == [(mine.sha256,)]


def test_a_state_of_an_old_attempt_is_refused_and_handed_back_to_be_removed(
    trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    old, new = attempts
    assert trainings.keep(new, state(10, 2)) is None
    late = state(90, 1)
    assert trainings.keep(old, late) == late
    assert trainings.state(new) == state(10, 2)


def test_a_newer_state_hands_back_the_one_that_it_replaces(
    trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    _, new = attempts
    assert trainings.keep(new, state(10, 2)) is None
    assert trainings.keep(new, state(20, 2)) == state(10, 2)
    assert trainings.state(new) == state(20, 2)


def test_after_its_end_a_job_takes_nothing_more(
    pool: Pool, trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob], finisher: PostgresFinisher
) -> None:
    _, new = attempts
    trainings.keep(new, state(10, 2))
    assert finisher.fail(new, {"code": "internal_error", "message": "it ends"})
    trainings.add_points(new, [point(1, 0.5)])
    trainings.add_sample(new, 20, stored(pool, new, "a"))
    assert trainings.keep(new, state(20, 2)) == state(20, 2)
    assert rows(pool, "SELECT count(*) FROM job_series") == rows(pool, "SELECT count(*) FROM job_samples") == [(0,)]


def test_the_next_attempt_finds_the_state_and_samples_of_the_one_before(
    pool: Pool, trainings: PostgresTrainings, add_job: Callable[..., str], queue_of: Callable[..., PostgresQueue]
) -> None:
    add_job()
    first = queue_of().claim(["pool"])
    assert first is not None
    sheet = stored(pool, first, "a")
    trainings.keep(first, state(10, first.epoch))
    trainings.add_sample(first, 10, sheet)
    queue_of().give_back(first, "runner_lost")
    second = queue_of("other").claim(["pool"])
    assert second is not None
    assert trainings.state(second) == state(10, first.epoch)
    assert trainings.samples(second) == [(10, sheet)]


def test_a_state_kept_twice_is_not_called_needless(
    trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    new = attempts[1]
    assert trainings.keep(new, state(10, new.epoch)) is None
    assert trainings.keep(new, state(10, new.epoch)) is None


def test_losses_of_workers_are_counted_anew_from_each_state(
    pool: Pool, trainings: PostgresTrainings, attempts: tuple[ClaimedJob, ClaimedJob]
) -> None:
    new = attempts[1]
    with pool.connection() as connection:
        connection.execute("UPDATE jobs SET worker_losses = 4")
    trainings.keep(new, state(10, new.epoch))
    assert rows(pool, "SELECT worker_losses FROM jobs") == [(0,)]
