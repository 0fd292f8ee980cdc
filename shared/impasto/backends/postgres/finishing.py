"""The fenced finish: result, records, lineage and event in one commit, refused if the epoch is old."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from impasto.artifacts import ArtifactRef
from impasto.backends.postgres.advancing import advance_after_end
from impasto.backends.postgres.failures import FAILED
from impasto.backends.postgres.follow_ups import insert_follow_up
from impasto.backends.postgres.plain_ends import PlainEnds
from impasto.identifiers import new_id
from impasto.jobs import ClaimedJob
from impasto.lineage import Edge
from impasto.outcomes import CheckpointRecord, DatasetVersionRecord, EvaluationRecord, Outcome, Record

# Locks the row: nobody can take the job away between this statement and the commit.
# The end and the event that tells it, or neither.
_FENCE: Final = """
WITH ended AS (
    UPDATE jobs SET state = %(state)s, result = %(result)s, error = %(error)s, finished_at = now(), lease_until = NULL,
        last_event = last_event + 1
    WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'running'
    RETURNING tenant_id, id, last_event, pipeline_id
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.' || %(state)s, %(data)s FROM ended
)
SELECT pipeline_id FROM ended
"""


class PostgresFinisher:
    """Ends jobs. Every method answers whether the end was this attempt's to set.

    The steps of a pipeline that an end sets going are submitted in its commit; `ring` is told their queues after it.
    """

    def __init__(self, pool: ConnectionPool[Connection[Any]], ring: Callable[[str], None] = lambda queue: None) -> None:
        self._pool, self._ring = pool, ring
        self._plain = PlainEnds(pool)

    def succeed_soon(self, job: ClaimedJob, outcome: Outcome, told: Callable[[bool], None]) -> None:
        """As `succeed`, for an outcome that is plain, without waiting. `told` hears whether it is done.

        If not, `succeed` may do it by itself. `told` must not hold up whoever calls it: other ends wait.

        Raises:
            RuntimeError: no thread could be had.
        """
        self._plain.soon(job, _text_of(outcome), lambda answer: told(answer is True))

    def succeed(self, job: ClaimedJob, outcome: Outcome, *, by_itself: bool = False) -> bool:
        """Makes the outcome visible, whole, unless another attempt has the job by now.

        `by_itself`: in a commit of its own, although it is plain.
        """
        if outcome.is_plain and not by_itself and self._plain.succeed(job, _text_of(outcome)):
            return True
        with self._pool.connection() as connection:
            numbers = {r.id: _dataset_number(connection, job, r) for r in outcome.records if _is_version(r)}
            result = outcome.result.model_dump(mode="json")
            if numbers:
                result["number"] = next(iter(numbers.values()))[1]
            ended = _end(connection, job, "succeeded", {}, result=result)
            if ended is None:
                connection.rollback()
                return False
            _publish(connection, job, outcome.artifacts)
            for item in outcome.records:
                _insert_record(connection, job, item, numbers)
            _insert_edges(connection, job, outcome.edges)
            for follow_up in outcome.follow_ups:
                insert_follow_up(connection, job, follow_up)
            queues = ended.go_on(connection)
        self._ring_all(queues)
        return True

    def fail(self, job: ClaimedJob, error: dict[str, Any]) -> bool:
        """Ends the job as failed, for a reason that another attempt would not cure."""
        return self._end_without_result(job, "failed", error)

    def cancel(self, job: ClaimedJob) -> bool:
        """Ends the job as canceled, because it was asked to stop."""
        return self._end_without_result(job, "canceled", {"code": "canceled", "message": "canceled while it ran"})

    def _end_without_result(self, job: ClaimedJob, state: str, error: dict[str, Any]) -> bool:
        with self._pool.connection() as connection:
            ended = _end(connection, job, state, {"code": error["code"]}, error=error)
            if ended is None:
                return False
            queues = ended.go_on(connection)
        self._ring_all(queues)
        if state == "failed":
            FAILED.labels(job.kind, error["code"]).inc()
        return True

    def _ring_all(self, queues: list[str]) -> None:
        for queue in queues:  # a bell for each job: each sets one slot going
            self._ring(queue)


@dataclass(frozen=True, slots=True)
class _Ended:
    """The pipeline that the job belongs to."""

    pipeline_id: str | None

    def go_on(self, connection: Connection[Any]) -> list[str]:
        """Lets the pipeline go on; the last thing of a commit, since others wait for it from here on."""
        return advance_after_end(connection, self.pipeline_id) if self.pipeline_id else []


def _text_of(outcome: Outcome) -> str:
    return json.dumps(outcome.result.model_dump(mode="json"))


def _is_version(item: Record) -> bool:
    return isinstance(item, DatasetVersionRecord)


def _end(
    connection: Connection[Any], job: ClaimedJob, state: str, data: dict[str, Any], **values: dict[str, Any]
) -> _Ended | None:
    """None if the end was not this attempt's to set."""
    row = connection.execute(
        _FENCE,
        {
            "id": job.id,
            "epoch": job.epoch,
            "state": state,
            "data": Jsonb(data),
            "result": Jsonb(values["result"]) if "result" in values else None,
            "error": Jsonb(values["error"]) if "error" in values else None,
        },
        prepare=True,
    ).fetchone()
    return None if row is None else _Ended(*row)


def _publish(connection: Connection[Any], job: ClaimedJob, artifacts: tuple[ArtifactRef, ...]) -> None:
    if not artifacts:
        return
    digests = [artifact.sha256 for artifact in artifacts]
    connection.execute(
        """UPDATE artifacts SET published_at = coalesce(published_at, now()), touched_at = now()
           WHERE tenant_id = %s AND sha256 = ANY(%s)""",
        [job.tenant_id, digests],
    )


def _dataset_number(connection: Connection[Any], job: ClaimedJob, item: Record) -> tuple[str, int]:
    """The dataset's id and the number of its next version; locks the dataset so that numbers have no gaps."""
    assert isinstance(item, DatasetVersionRecord)
    connection.execute(
        "INSERT INTO datasets (id, tenant_id, name) VALUES (%s, %s, %s) ON CONFLICT (tenant_id, name) DO NOTHING",
        [new_id("dst"), job.tenant_id, item.dataset],
    )
    row = connection.execute(
        "SELECT id FROM datasets WHERE tenant_id = %s AND name = %s FOR UPDATE", [job.tenant_id, item.dataset]
    ).fetchone()
    assert row is not None
    count = connection.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM dataset_versions WHERE dataset_id = %s", [row[0]]
    ).fetchone()
    assert count is not None
    return row[0], count[0]


def _insert_record(
    connection: Connection[Any], job: ClaimedJob, item: Record, numbers: dict[str, tuple[str, int]]
) -> None:
    match item:
        case DatasetVersionRecord():
            dataset_id, number = numbers[item.id]
            connection.execute(
                """INSERT INTO dataset_versions (id, tenant_id, dataset_id, number, manifest_sha256, samples, train,
                       validation, recipe, summary, job_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                [item.id, job.tenant_id, dataset_id, number, item.manifest_sha256, item.samples, item.train,
                 item.validation, Jsonb(item.recipe), Jsonb(item.summary), job.id],
            )  # fmt: skip
        case CheckpointRecord():
            connection.execute(
                """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config,
                       dataset_version_id, job_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                [item.id, job.tenant_id, item.name, item.family, item.flavor, item.weights_sha256,
                 Jsonb(item.config), item.dataset_version_id, job.id],
            )  # fmt: skip
        case EvaluationRecord():
            connection.execute(
                """INSERT INTO evaluations (id, tenant_id, checkpoint_id, dataset_version_id, measures, job_id)
                   VALUES (%s, %s, %s, %s, %s, %s)""",
                [item.id, job.tenant_id, item.checkpoint_id, item.dataset_version_id, Jsonb(item.measures), job.id],
            )


def _insert_edges(connection: Connection[Any], job: ClaimedJob, edges: tuple[Edge, ...]) -> None:
    if not edges:
        return
    connection.execute(
        """INSERT INTO lineage_edges (tenant_id, source, target, relation, job_id)
           SELECT %s, source, target, relation, %s FROM unnest(%s::text[], %s::text[], %s::text[])
               AS e (source, target, relation)
           ON CONFLICT DO NOTHING""",
        [job.tenant_id, job.id, [e.source for e in edges], [e.target for e in edges], [e.relation for e in edges]],
    )
