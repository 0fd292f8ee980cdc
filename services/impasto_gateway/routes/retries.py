"""`/v1/jobs/retry` and `/v1/jobs/{id}/retry`: new jobs for those that failed or were canceled."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.backends.postgres.retrying import failed_jobs, retry_jobs
from impasto.backends.web.problems import documented
from impasto.identifiers import JobId
from impasto.jobs import JobRecord
from impasto.submission import MOST_JOBS
from impasto_gateway.parts import Submitter, SubmitTransaction, TheParts

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_Kind = Annotated[str, Field(max_length=100, pattern="^[a-z0-9._-]+$")]
_Code = Annotated[str, Field(max_length=100, pattern="^[a-z0-9_]+$")]


class RetryRequest(BaseModel):
    """Which jobs to try again: these, or those that failed with this code and were not retried yet."""

    model_config = ConfigDict(extra="forbid")

    jobs: list[JobId] | None = Field(None, min_length=1, max_length=MOST_JOBS)
    code: _Code | None = Field(None, description="Such as worker_lost.")
    kind: _Kind | None = Field(None, description="With a code: only jobs of this kind.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.jobs is None) == (self.code is None):
            raise ValueError("give either jobs or code")
        if self.jobs and self.kind:
            raise ValueError("kind goes with code")
        return self


class RetriedJobs(BaseModel):
    """The retries, in the order of the jobs; `more` says that others with that code are left."""

    items: list[JobRecord]
    more: bool = False


@router.post(
    "/{job_id}/retry", status_code=202, summary="Try a job again", operation_id="retry_job", responses=documented(409)
)
async def retry_job(
    job_id: JobId,
    caller: Submitter,
    connection: SubmitTransaction,
    the: TheParts,
    response: Response,
    after: BackgroundTasks,
) -> JobRecord:
    """A new job with the params of one that failed or was canceled. Asking again gives the same one."""
    retried = await retry_jobs(connection, [job_id])
    after.add_task(the.ringer.ring, caller.tenant_id, *retried.bells)
    response.headers["Location"] = f"/v1/jobs/{retried.jobs[0].id}"
    return retried.jobs[0]


@router.post(
    "/retry", status_code=202, summary="Try many jobs again", operation_id="retry_jobs", responses=documented(409)
)
async def retry_many(
    request: RetryRequest, caller: Submitter, connection: SubmitTransaction, the: TheParts, after: BackgroundTasks
) -> RetriedJobs:
    """Up to 1,000 jobs, all or none: those named, or the oldest that failed with a code and were not retried yet."""
    jobs, more = request.jobs or [], False
    if request.code is not None:
        jobs, more = await failed_jobs(connection, request.code, request.kind)
    retried = await retry_jobs(connection, jobs)
    after.add_task(the.ringer.ring, caller.tenant_id, *retried.bells)
    return RetriedJobs(items=retried.jobs, more=more)
