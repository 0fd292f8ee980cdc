"""`/v1/pipelines`: submit, list, look at, cancel, resume."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, BackgroundTasks, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg import AsyncConnection

from impasto.backends.postgres.inbox import PostgresInbox
from impasto.backends.postgres.pipeline_changes import (
    NewPipeline,
    cancel_its_jobs,
    insert_pipeline,
    new_pipeline_id,
    request_pipeline_cancel,
    resume_pipeline,
)
from impasto.backends.postgres.pipelines import list_pipelines, pipeline_by_id, pipeline_by_key
from impasto.backends.postgres.pools import tenant_transaction
from impasto.backends.postgres.quotas import check_submission
from impasto.backends.web.problems import documented
from impasto.errors import NotFound
from impasto.identifiers import PipelineId
from impasto.kinds import all_kinds
from impasto.pipelines.checking import CHECKS, CheckedStep, Faulty, check
from impasto.pipelines.records import (
    PipelinePlan,
    PipelineRecord,
    PipelineRequest,
    PipelineState,
    PipelineSummary,
    PlannedStep,
)
from impasto.pipelines.references import dotted
from impasto.submission import refuse_another_body, refuse_unusable, request_digest
from impasto_gateway.estimating import estimate_of
from impasto_gateway.job_requests import check_key
from impasto_gateway.parts import (
    Cursor,
    Limit,
    Page,
    ReadTransaction,
    Submitter,
    SubmitTransaction,
    TheParts,
    page,
)

router = APIRouter(prefix="/v1/pipelines", tags=["pipelines"])
_PLANNED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": PipelinePlan, "description": "With `dry_run`: what would run; nothing was kept."}
}


@router.post(
    "",
    status_code=202,
    summary="Submit a pipeline",
    operation_id="submit_pipeline",
    response_model=PipelineRecord,
    responses={**documented(409), **_PLANNED},
)
async def submit_pipeline(
    request: PipelineRequest,
    caller: Submitter,
    connection: SubmitTransaction,
    the: TheParts,
    http: Request,
    response: Response,
    after: BackgroundTasks,
    idempotency_key: Annotated[str | None, Header(description="The same key again answers the same pipeline.")] = None,
    traceparent: Annotated[str | None, Header(description="The trace that its jobs go on with.")] = None,
) -> Response | PipelineRecord:
    """Checks all of it, then accepts it in one commit with the jobs that need no other step; durable from then on."""
    check_key(idempotency_key)
    steps = _checked(request)
    asked = {f"steps.{step.name}.params": (step.kind, _judged(step)) for step in steps}
    await refuse_unusable(PostgresInbox(connection), asked)
    if request.dry_run:
        plan = await _plan(connection, request, steps, float(http.app.state.settings.class_s))
        return Response(plan.model_dump_json(), media_type="application/json")
    new = NewPipeline(
        id=new_pipeline_id(),
        name=request.name,
        steps=steps,
        idempotency_key=idempotency_key,
        request_sha256=request_digest(_asked_for(request)),
        traceparent=http.state.traceparent,
    )
    bells = await insert_pipeline(connection, new)
    if bells is not None:
        await check_submission(connection)
    pipeline_id = new.id
    if bells is None:
        assert idempotency_key is not None
        pipeline_id, earlier = await pipeline_by_key(connection, idempotency_key)
        refuse_another_body(earlier, new.request_sha256)
    after.add_task(the.ringer.ring, caller.tenant_id, *(bells or []))
    response.headers["Location"] = f"/v1/pipelines/{pipeline_id}"
    return await _existing(connection, pipeline_id)


@router.get("", summary="List pipelines", operation_id="list_pipelines")
async def get_pipelines(
    connection: ReadTransaction, cursor: Cursor, limit: Limit = 50, state: PipelineState | None = None
) -> Page[PipelineSummary]:
    """The tenant's pipelines, newest first, without their steps."""
    return page(await list_pipelines(connection, state=state, before=cursor, most=limit + 1), limit)


@router.get("/{pipeline_id}", summary="Look at a pipeline", operation_id="get_pipeline")
async def get_pipeline(pipeline_id: PipelineId, connection: ReadTransaction) -> PipelineRecord:
    """State, and each step with its job, how far that is, or why it did not run."""
    return await _existing(connection, pipeline_id)


@router.post(
    "/{pipeline_id}/cancel",
    status_code=202,
    summary="Cancel a pipeline",
    operation_id="cancel_pipeline",
    responses=documented(409),
)
async def cancel_pipeline(
    pipeline_id: PipelineId, caller: Submitter, the: TheParts, http: Request, after: BackgroundTasks
) -> PipelineRecord:
    """Nothing more begins; jobs that wait end at once, those that run within seconds. Asking again changes nothing."""
    # Two commits: the second waits for jobs that are just ending, and those wait for whoever holds the pipeline.
    async with tenant_transaction(http.app.state.pool, caller.tenant_id) as connection:
        await request_pipeline_cancel(connection, pipeline_id)
    async with tenant_transaction(http.app.state.pool, caller.tenant_id) as connection:
        asked = await cancel_its_jobs(connection, pipeline_id)
        pipeline = await _existing(connection, pipeline_id)
    for changed in (*asked, pipeline_id):
        after.add_task(the.ringer.tell, changed)
    return pipeline


@router.post(
    "/{pipeline_id}/resume",
    status_code=202,
    summary="Resume a pipeline",
    operation_id="resume_pipeline",
    responses=documented(409),
)
async def resume(
    pipeline_id: PipelineId, caller: Submitter, connection: SubmitTransaction, the: TheParts, after: BackgroundTasks
) -> PipelineRecord:
    """Tries again what failed or was canceled, by linked new jobs, and keeps what has succeeded."""
    if bells := await resume_pipeline(connection, pipeline_id):
        await check_submission(connection)
    after.add_task(the.ringer.ring, caller.tenant_id, *bells)
    after.add_task(the.ringer.tell, pipeline_id)
    return await _existing(connection, pipeline_id)


async def _existing(connection: AsyncConnection[Any], pipeline_id: str) -> PipelineRecord:
    found = await pipeline_by_id(connection, pipeline_id)
    if found is None:
        raise NotFound("pipeline", pipeline_id)
    return found


def _checked(request: PipelineRequest) -> list[CheckedStep]:
    try:
        return check(request, all_kinds())
    except Faulty as wrong:
        raise RequestValidationError(wrong.faults) from wrong


def _asked_for(request: PipelineRequest) -> dict[str, Any]:
    """The body as it was before there were all of its fields, so that its digest is still the same."""
    body = request.model_dump(mode="json")
    for step in body["steps"].values():
        if step["no_progress_s"] is None:
            del step["no_progress_s"]
    return body


def _judged(step: CheckedStep) -> dict[str, Any]:
    """What its params name by now, with the default that says whether a checkpoint must have been measured."""
    field = step.kind.params.model_fields.get("allow_unmeasured")
    return ({"allow_unmeasured": field.default} if field else {}) | step.request.params


async def _plan(
    connection: AsyncConnection[Any], request: PipelineRequest, steps: list[CheckedStep], class_s: float
) -> PipelinePlan:
    planned = [
        PlannedStep(
            name=step.name,
            kind=step.kind.name,
            queue=step.kind.queue,
            needs=list(step.needs),
            takes={dotted(taken.place): taken.text for taken in step.takes},
            condition=step.request.condition,
            estimate=await estimate_of(connection, step, class_s=class_s),
        )
        for step in steps
    ]
    return PipelinePlan(name=request.name, checks=list(CHECKS), steps=planned)
