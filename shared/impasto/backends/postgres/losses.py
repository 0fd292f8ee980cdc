"""How an attempt without a result ends: back into the queue, failed after too many losses, or canceled if asked."""

from __future__ import annotations

from typing import Final

from impasto.jobs import MAX_RUNNER_LOSSES, MAX_WORKER_LOSSES

# `condition` and `locking` are fixed texts of ours. Worker and runner losses are counted apart: churn must not kill a
# healthy job, and a job that kills its own runner must not go round for ever. What is no fault of the job or of its
# attempt costs neither; with `pause_s` the job is not claimed before that is over.
REQUEUE: Final = f"""
WITH lost AS (
    SELECT id, worker_losses + (%(cause)s IN ('worker_lost', 'database_lost', 'engine_lost'))::int AS worker_losses,
           runner_losses + (%(cause)s IN ('runner_lost', 'out_of_memory', 'no_progress'))::int AS runner_losses
    FROM jobs WHERE state = 'running' AND {{condition}} FOR UPDATE {{locking}}
), judged AS (
    SELECT lost.*, CASE WHEN worker_losses >= {MAX_WORKER_LOSSES} THEN 'worker_lost'
                        WHEN runner_losses >= {MAX_RUNNER_LOSSES}
                             THEN CASE WHEN %(cause)s IN ('out_of_memory', 'no_progress') THEN %(cause)s
                                       ELSE 'runner_killed' END
                   END AS reason
    FROM lost
), moved AS (
    UPDATE jobs j SET worker_losses = judged.worker_losses, runner_losses = judged.runner_losses,
        alone = alone OR %(cause)s = 'memory_shared',
        lease_until = NULL, worker = NULL, worker_instance = NULL, progress = NULL,
        attempts = attempts - (%(cause)s IN ('drained', 'storage_lost', 'engine_stopped', 'restored'))::int,
        last_event = last_event + 1,
        run_after = CASE WHEN %(pause_s)s > 0 THEN now() + make_interval(secs => %(pause_s)s) ELSE run_after END,
        state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled'
                     WHEN reason IS NOT NULL THEN 'failed' ELSE 'queued' END,
        finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR reason IS NOT NULL THEN now() END,
        error = CASE WHEN cancel_requested_at IS NOT NULL
                          THEN jsonb_build_object('code', 'canceled', 'message', 'canceled while it ran')
                     WHEN reason = 'out_of_memory'
                          THEN jsonb_build_object('code', reason,
                              'message', 'the job needs more memory than its worker has',
                              'hint', 'ask for a smaller batch or size, take a smaller checkpoint, or a larger worker')
                     WHEN reason = 'no_progress'
                          THEN jsonb_build_object('code', reason,
                              'message', 'the job went on without telling any progress, each time it was tried')
                     WHEN reason IS NOT NULL
                          THEN jsonb_build_object('code', reason, 'message', 'given up after too many lost attempts')
                     END
    FROM judged WHERE j.id = judged.id RETURNING j.*
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event,
           CASE state WHEN 'queued' THEN 'job.requeued' WHEN 'failed' THEN 'job.failed' ELSE 'job.canceled' END,
           CASE state WHEN 'queued' THEN jsonb_build_object('cause', %(cause)s::text, 'attempt', attempts)
                      ELSE jsonb_build_object('code', error->>'code') END
    FROM moved
), bells AS (
    -- Of a job that pauses, the reconciler rings when it may go on.
    INSERT INTO outbox (tenant_id, job_id, queue, traceparent, created_at)
    SELECT tenant_id, id, queue, traceparent, greatest(now(), run_after) FROM moved WHERE state = 'queued'
)
SELECT id, state, queue, kind, error->>'code' FROM moved
"""  # noqa: S608  fixed texts

# A worker that ends its own attempt waits for the row: skipped, the attempt would never end.
OWN: Final = ""
# A sweep leaves what somebody is writing at this moment to them, and to the next sweep.
SWEEP: Final = "SKIP LOCKED"
