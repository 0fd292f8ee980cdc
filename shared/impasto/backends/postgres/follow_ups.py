"""Jobs that a success submits itself: row, event and bell are written in the commit of that success."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

from impasto.backends.postgres.inbox import INSERT
from impasto.jobs import ClaimedJob
from impasto.outcomes import FollowUp

_INSERT: Final = INSERT.format(tenant="%(tenant)s")


def insert_follow_up(connection: Connection[Any], job: ClaimedJob, follow_up: FollowUp) -> None:
    """Accepts the job for the tenant whose job has succeeded; the caller commits."""
    kind, params = follow_up.kind, follow_up.params.model_dump(mode="json")
    connection.execute(
        _INSERT,
        {
            "tenant": job.tenant_id,
            "id": follow_up.id,
            "kind": kind.name,
            "queue": kind.queue,
            "shape": kind.shape,
            "params": Jsonb(params),
            "priority": 0,
            "run_after": None,
            "run_limit_s": kind.run_limit_s,
            "finish_in_s": None,
            "start_in_s": None,
            "idempotency_key": None,
            "request_sha256": None,
            "traceparent": job.traceparent,
            "affinity": kind.affinity_of(params),
        },
    )
