"""Jobs that a success submits itself: row, event and bell are written in the commit of that success."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

from impasto.backends.postgres.inbox import INSERT, values_of
from impasto.jobs import ClaimedJob
from impasto.outcomes import FollowUp
from impasto.submission import NewJob

_INSERT: Final = INSERT.format(tenant="%(tenant)s")


def insert_follow_up(connection: Connection[Any], job: ClaimedJob, follow_up: FollowUp) -> None:
    """Accepts the job for the tenant whose job has succeeded; the caller commits."""
    new = NewJob(
        id=follow_up.id,
        kind=follow_up.kind,
        params=follow_up.params.model_dump(mode="json"),
        traceparent=job.traceparent,
    )
    connection.execute(_INSERT, {"tenant": job.tenant_id, **values_of(new)})
