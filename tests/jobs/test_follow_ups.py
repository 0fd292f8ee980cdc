"""Jobs that a success submits: accepted in its commit, with event and bell, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.queue import PostgresQueue
from impasto.identifiers import new_id
from impasto.kinds import Result, evaluate_text_to_image
from impasto.kinds.evaluate_text_to_image import EvaluateTextToImage
from impasto.outcomes import FollowUp, Outcome
from tests.jobs.conftest import Pool


class Done(Result):
    """Nothing more."""


def following() -> FollowUp:
    params = EvaluateTextToImage(checkpoint=new_id("ckp"), seeds=1)
    return FollowUp(new_id("job"), evaluate_text_to_image.KIND, params)


def test_a_follow_up_is_queued_with_its_event_and_its_bell(
    pool: Pool,
    queue_of: Callable[..., PostgresQueue],
    add_job: Callable[..., str],
    finisher: PostgresFinisher,
    state_of: Callable[[str], dict[str, Any]],
) -> None:
    first, follow_up = add_job(), following()
    job = queue_of().claim(["pool"])
    assert job is not None
    assert finisher.succeed(job, Outcome(Done(), follow_ups=(follow_up,)))
    row = state_of(follow_up.id)
    assert (row["state"], row["kind"], row["queue"], row["shape"], row["tenant_id"]) == (
        "queued", "evaluate.text_to_image", "evaluate", "run", "tnt_test",
    )  # fmt: skip
    assert EvaluateTextToImage.model_validate(row["params"]) == follow_up.params
    assert row["created_at"] == state_of(first)["finished_at"], "one transaction has one time"
    with pool.connection() as connection:
        told = connection.execute("SELECT number, type FROM job_events WHERE job_id = %s", [follow_up.id]).fetchall()
        bells = connection.execute("SELECT queue FROM outbox WHERE job_id = %s", [follow_up.id]).fetchall()
    assert (told, bells) == ([(1, "job.queued")], [("evaluate",)])


def test_an_attempt_that_comes_late_submits_nothing(
    pool: Pool,
    queue_of: Callable[..., PostgresQueue],
    add_job: Callable[..., str],
    finisher: PostgresFinisher,
) -> None:
    add_job()
    job, follow_up = queue_of().claim(["pool"]), following()
    assert job is not None
    with pool.connection() as connection:
        connection.execute("UPDATE jobs SET epoch = epoch + 1 WHERE id = %s", [job.id])
    assert not finisher.succeed(job, Outcome(Done(), follow_ups=(follow_up,)))
    with pool.connection() as connection:
        assert connection.execute("SELECT 1 FROM jobs WHERE id = %s", [follow_up.id]).fetchall() == []
        assert connection.execute("SELECT 1 FROM outbox WHERE job_id = %s", [follow_up.id]).fetchall() == []
