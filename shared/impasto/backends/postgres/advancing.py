"""Draws the consequences of what has happened to a pipeline's steps, in one transaction, as often as anybody likes.

Whoever ends a job of a pipeline does it in the commit of that end; the reconciler does it for ends of other kinds. A
trigger marks what nobody has drawn consequences of as due, so that nothing is lost between the two; the row of the
pipeline is held meanwhile, so that nothing is done twice.

Locks are taken in one order: jobs, then the pipeline, then its steps. Who holds a pipeline waits for nobody.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from psycopg import Connection, Error, OperationalError
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from impasto.backends.postgres.flows import Flow, perform
from impasto.backends.postgres.inbox import IN_TENANT, values_of
from impasto.backends.postgres.known import first_missing, first_unmeasured, first_without_picture
from impasto.errors import ImpastoError, NotFound
from impasto.faults import trace_of
from impasto.identifiers import PREFIXES
from impasto.kinds import all_kinds
from impasto.pipelines.planning import Begin, End, Plan, StepNow, plan
from impasto.pipelines.records import StepState
from impasto.submission import (
    Bell,
    NewJob,
    new_job_id,
    not_a_picture,
    not_measured,
    pictures_of,
    references,
    to_be_measured,
)

_LOG = logging.getLogger("impasto.pipelines")

_HOLD: Final = """
SELECT tenant_id, cancel_requested_at IS NOT NULL, traceparent, set_config('app.tenant_id', tenant_id, true)
FROM pipelines WHERE id = %(pipeline)s AND finished_at IS NULL FOR NO KEY UPDATE {locking}
"""
WAITING: Final = ""
PASSING: Final = "SKIP LOCKED"

# So long somebody may hold what is wanted here.
PATIENCE: Final = "SET LOCAL lock_timeout = '1s'"

# Before the steps are read: what becomes due later stays due. One that somebody is writing is theirs.
_TAKE: Final = """
WITH taken AS (
    SELECT pipeline_id, name FROM pipeline_steps WHERE pipeline_id = %(pipeline)s AND due FOR UPDATE SKIP LOCKED
)
UPDATE pipeline_steps s SET due = false FROM taken WHERE s.pipeline_id = taken.pipeline_id AND s.name = taken.name
"""
_LEAVE: Final = "UPDATE pipeline_steps SET due = true WHERE pipeline_id = %(pipeline)s AND name = %(step)s"
_TELL: Final = "SELECT tell_pipeline_steps(%(pipeline)s)"
_STEPS: Final = """
SELECT s.name, s.kind, s.params, s.condition, s.needs, s.priority, s.state, j.result, s.no_progress_s
FROM pipeline_steps s LEFT JOIN jobs j ON j.id = s.job_id AND s.state = 'succeeded'
WHERE s.pipeline_id = %(pipeline)s ORDER BY s.position
"""
_BEGIN: Final = """
UPDATE pipeline_steps SET state = 'queued', job_id = %(job)s, reason = NULL
WHERE pipeline_id = %(pipeline)s AND name = %(step)s
"""
_END: Final = """
UPDATE pipeline_steps SET state = %(state)s, reason = %(reason)s, job_id = NULL
WHERE pipeline_id = %(pipeline)s AND name = %(step)s
"""
_FINISH: Final = "UPDATE pipelines SET state = %(state)s, finished_at = now() WHERE id = %(pipeline)s"
_TELL_END: Final = "SELECT tell_pipeline(%(pipeline)s, 'pipeline.' || %(state)s)"


def advance(pipeline_id: str, *, locking: str = WAITING) -> Flow[list[Bell]]:
    """Submits, skips and ends what follows from what is there now; the bells of the jobs that were submitted.

    Nothing follows a second time. Without the row (ended, or held by somebody, with `PASSING`) nothing is done.
    """
    held = yield _HOLD.format(locking=locking), {"pipeline": pipeline_id}
    if not held:
        return []
    _, canceled, traceparent, _ = held[0]
    yield _TAKE, {"pipeline": pipeline_id}
    yield _TELL, {"pipeline": pipeline_id}
    rows = yield _STEPS, {"pipeline": pipeline_id}
    made = yield from _planned([_step(row) for row in rows], canceled)
    for unknown in made.unknown:
        _LOG.warning("%s waits for a process that knows the kind %s", pipeline_id, unknown.kind)
        yield _LEAVE, {"pipeline": pipeline_id, "step": unknown.step.name}
    bells = []
    for end in made.ends:
        yield from _write_end(pipeline_id, end)
    for begin in made.begins:
        bells.append((yield from _write_begin(pipeline_id, begin, traceparent)))
    yield _TELL, {"pipeline": pipeline_id}
    if made.final is not None:
        yield _FINISH, {"pipeline": pipeline_id, "state": made.final.value}
        yield _TELL_END, {"pipeline": pipeline_id, "state": made.final.value}
    return bells


def advance_after_end(connection: Connection[Any], pipeline_id: str) -> list[str]:
    """Advances in the commit of a job's end; the queues to be rung after it.

    The end counts whatever goes wrong here: what was not done stays due, for the reconciler. So does what somebody
    else holds up: meanwhile this transaction holds the job, and with it the renewal of its worker's leases.
    """
    try:
        with connection.transaction():
            connection.execute(PATIENCE)
            return [bell.queue for bell in perform(connection, advance(pipeline_id))]
    except LockNotAvailable:
        _LOG.info("%s is held by somebody: it is left to the reconciler", pipeline_id)
    except OperationalError:
        raise
    except Error as error:
        _LOG.error("%s was not advanced: %s", pipeline_id, type(error).__name__)
    except Exception as error:  # noqa: BLE001  a fault in what follows must not undo what was computed
        _LOG.error("%s was not advanced\n%s", pipeline_id, trace_of(error))
    return []


def _step(row: tuple[Any, ...]) -> StepNow:
    name, kind, params, condition, needs, priority, state, result, no_progress_s = row
    return StepNow(name, kind, params, condition, tuple(needs), priority, StepState(state), result, no_progress_s)


def _planned(steps: list[StepNow], canceled: bool) -> Flow[Plan]:
    """The plan, without what may not be submitted: judged as a request would be, at this moment."""
    refused: dict[str, dict[str, Any]] = {}
    judged: set[str] = set()
    while True:
        made = plan(steps, all_kinds(), canceled=canceled, refused=refused)
        found = [begin for begin in made.begins if begin.step.name not in judged]
        for begin in found:
            judged.add(begin.step.name)
            if (error := (yield from _refusal(begin))) is not None:
                refused[begin.step.name] = error.as_record()
        if not refused.keys() & {begin.step.name for begin in found}:
            return made


def _refusal(begin: Begin) -> Flow[ImpastoError | None]:
    if missing := (yield from first_missing(sorted(set(references(begin.params))))):
        return NotFound(PREFIXES.get(missing[:3], "artifact"), missing)
    pictures = dict(pictures_of(begin.kind, begin.params, "params"))
    if wrong := (yield from first_without_picture(sorted(pictures))):
        return not_a_picture(pictures[wrong])
    measured = to_be_measured(begin.params)
    if unmeasured := (yield from first_unmeasured(sorted(measured))):
        return not_measured(unmeasured, measured[unmeasured])
    return None


def _write_end(pipeline_id: str, end: End) -> Flow[None]:
    values = {"pipeline": pipeline_id, "step": end.step.name, "state": end.state.value, "reason": Jsonb(end.reason)}
    yield _END, values


def _write_begin(pipeline_id: str, begin: Begin, traceparent: str | None) -> Flow[Bell]:
    job = NewJob(
        id=new_job_id(),
        kind=begin.kind,
        params=begin.params,
        priority=begin.step.priority,
        no_progress_s=begin.step.no_progress_s,
        traceparent=traceparent,
        pipeline_id=pipeline_id,
    )
    rows = yield IN_TENANT, values_of(job)
    yield _BEGIN, {"pipeline": pipeline_id, "step": begin.step.name, "job": job.id}
    return Bell(begin.kind.queue, rows[0][-1], traceparent)
