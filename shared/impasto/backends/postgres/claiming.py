"""The choice of the next job, in one statement: whose turn it is, which of their jobs, and by whom it is best run.

Every rule is a number of seconds, so that the rules can be weighed against one another and each of them is bounded:

- between tenants, who has held slots for the fewest seconds lately (`tenant_shares` and what runs) goes first;
- of a tenant's jobs the oldest goes first, a priority class being worth `class_s` of age: who waits gains classes;
- a job whose checkpoint the worker holds is worth `warm_s` more, in both respects;
- a job whose checkpoint only another live worker holds is left to that one for `leave_s`;
- a tenant that got nothing for `class_s` goes before all that did.
"""

from __future__ import annotations

from typing import Final

# What an attempt counts for at least while it runs: a tenant with many short ones in flight must not look idle.
CHARGE_S: Final = 5.0
# A worker tells at least every five seconds what it holds; nothing is left to one that missed twice.
_TELLS_WITHIN_S: Final = 15.0

# A loose scan: one step of the index a tenant and kind, however many jobs wait. `run_after` is of the oldest.
_WAITING: Final = """
waiting AS (
    SELECT q.queue, s.shape, oldest.*
    FROM unnest(%(queues)s::text[]) AS q (queue), unnest(%(shapes)s::text[]) AS s (shape), LATERAL (
        SELECT kind, tenant_id, run_after FROM jobs WHERE state = 'queued' AND queue = q.queue AND shape = s.shape
        ORDER BY kind, tenant_id, run_after LIMIT 1
    ) oldest
    UNION ALL
    SELECT w.queue, w.shape, oldest.*
    FROM waiting w, LATERAL (
        SELECT kind, tenant_id, run_after FROM jobs
        WHERE state = 'queued' AND queue = w.queue AND shape = w.shape AND (kind, tenant_id) > (w.kind, w.tenant_id)
        ORDER BY kind, tenant_id, run_after LIMIT 1
    ) oldest
), due AS MATERIALIZED (
    SELECT * FROM waiting
    WHERE run_after <= now() AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[]))
      AND NOT tenant_id = ANY(%(passed_over)s::text[])
)"""

# How tenants stand to one another. What runs is counted from the jobs themselves, so nothing can drift.
_STANDINGS: Final = f"""
running AS MATERIALIZED (
    SELECT tenant_id, count(*) AS jobs, coalesce(bool_or(queue = ANY(%(queues)s::text[])), false) AS here,
           sum(greatest({CHARGE_S}, faded_use(extract(epoch FROM now() - claimed_at)::double precision))) AS used_s
    FROM jobs WHERE state = 'running' GROUP BY tenant_id
), warm_for AS MATERIALIZED (
    SELECT DISTINCT d.tenant_id FROM due d, unnest(%(held)s::text[]) AS h (affinity), LATERAL (
        SELECT FROM jobs j WHERE j.state = 'queued' AND j.queue = d.queue AND j.shape = d.shape AND j.kind = d.kind
            AND j.tenant_id = d.tenant_id AND j.affinity = h.affinity LIMIT 1
    ) one WHERE d.shape = 'engine'
), standings AS MATERIALIZED (
    SELECT known.*, count(*) OVER () AS tenants
    FROM (
        SELECT w.tenant_id, t.running_cap IS NOT NULL AS capped, t.running_cap - coalesce(r.jobs, 0) AS room,
               coalesce(s.used_s, 0) + coalesce(r.used_s, 0) AS used_s, f.tenant_id IS NOT NULL AS warm,
               w.run_after AS oldest, greatest(w.run_after, s.last) AS since,
               NOT coalesce(r.here, false)
                   AND greatest(w.run_after, s.last) < now() - make_interval(secs => %(class_s)s) AS neglected
        FROM (SELECT tenant_id, min(run_after) AS run_after FROM due GROUP BY tenant_id) w
        JOIN tenants t ON t.id = w.tenant_id
        LEFT JOIN running r ON r.tenant_id = w.tenant_id
        LEFT JOIN warm_for f ON f.tenant_id = w.tenant_id
        LEFT JOIN LATERAL (
            SELECT sum(faded(used_s, used_at)) AS used_s,
                   max(used_at) FILTER (WHERE queue = ANY(%(queues)s::text[])) AS last
            FROM tenant_shares WHERE tenant_id = w.tenant_id
        ) s ON true
    ) known
    WHERE coalesce(room, 1) > 0
    ORDER BY neglected DESC, CASE WHEN neglected THEN since END,
             used_s - CASE WHEN warm THEN %(warm_s)s ELSE 0 END, oldest
    LIMIT %(depth)s
)"""  # noqa: S608  fixed numbers

# The same scan over the lanes of those whose turn is near: jobs alike but for their age. A head is the oldest.
_LANES: Final = """
lanes AS (
    SELECT d.queue, d.shape, d.kind, d.tenant_id, head.*
    FROM due d JOIN standings USING (tenant_id), LATERAL (
        SELECT affinity, priority, run_after, id FROM jobs
        WHERE state = 'queued' AND queue = d.queue AND shape = d.shape AND kind = d.kind AND tenant_id = d.tenant_id
        ORDER BY affinity, priority, run_after, id LIMIT 1
    ) head
    UNION ALL
    SELECT l.queue, l.shape, l.kind, l.tenant_id, head.*
    FROM lanes l, LATERAL (
        SELECT affinity, priority, run_after, id FROM jobs
        WHERE state = 'queued' AND queue = l.queue AND shape = l.shape AND kind = l.kind AND tenant_id = l.tenant_id
          AND (affinity, priority) > (l.affinity, l.priority)
        ORDER BY affinity, priority, run_after, id LIMIT 1
    ) head
)"""

# Which checkpoints other workers hold. One that is full counts as busy if none of its jobs began lately: what has run
# for long is likely to run for as long again.
_HOLDERS: Final = f"""
holders AS MATERIALIZED (
    SELECT w.name, w.queues, w.kinds, w.checkpoints FROM workers w
    WHERE w.name <> %(worker)s AND w.places IS NOT NULL AND w.checkpoints <> '{{}}'
      AND w.seen_at > now() - make_interval(secs => {_TELLS_WITHIN_S}) AND (
          SELECT count(*) < w.places OR min(now() - claimed_at) <= make_interval(secs => %(leave_s)s)
          FROM jobs WHERE state = 'running' AND worker = w.name
      )
), lined_up AS MATERIALIZED (
    SELECT d.*, d.affinity <> '' AND d.affinity = ANY(%(held)s::text[]) AS warm, elsewhere.holder,
           d.run_after + make_interval(secs => %(leave_s)s) AS left_until
    FROM lanes d
    LEFT JOIN LATERAL (
        SELECT min(h.name) AS holder FROM holders h
        WHERE d.affinity <> '' AND NOT d.affinity = ANY(%(held)s::text[]) AND d.affinity = ANY(h.checkpoints)
          AND d.queue = ANY(h.queues) AND d.kind = ANY(h.kinds)
    ) elsewhere ON true
    WHERE d.run_after <= now()
)"""  # noqa: S608  fixed numbers

# First the heads of lanes alone, which choose the shape and whose turn it is; then as many rows of the first lanes as
# other workers may be about to take. `rank` orders a tenant's jobs, `turn` counts them, each taking a charge.
_CANDIDATES: Final = f"""
heads AS (
    SELECT ranked.*, row_number() OVER turns AS turn, first_value(warm) OVER turns AS leads_warm
    FROM (SELECT l.*, extract(epoch FROM run_after)::double precision - priority * %(class_s)s
                 - CASE WHEN warm THEN %(warm_s)s ELSE 0 END AS rank
          FROM lined_up l WHERE warm OR holder IS NULL OR left_until <= now()) ranked
    WINDOW turns AS (PARTITION BY tenant_id ORDER BY rank, id)
), ordered_heads AS MATERIALIZED (
    SELECT h.*, row_number() OVER (
        ORDER BY (s.neglected AND turn = 1) DESC, CASE WHEN s.neglected AND turn = 1 THEN s.since END,
                 s.used_s - CASE WHEN leads_warm THEN %(warm_s)s ELSE 0 END + (turn - 1) * {CHARGE_S}, rank, h.id
    ) AS place
    FROM heads h JOIN standings s USING (tenant_id)
), lead AS MATERIALIZED (
    SELECT shape, affinity FROM ordered_heads WHERE place = 1
), near AS (
    SELECT row.id, h.tenant_id, h.warm OR (h.affinity <> '' AND h.affinity = lead.affinity) AS warm, row.run_after,
           h.priority
    FROM lead JOIN (SELECT * FROM ordered_heads ORDER BY place LIMIT %(depth)s) h USING (shape), LATERAL (
        SELECT j.id, j.run_after FROM jobs j
        WHERE j.state = 'queued' AND j.queue = h.queue AND j.shape = h.shape AND j.kind = h.kind
          AND j.tenant_id = h.tenant_id AND j.affinity = h.affinity AND j.priority = h.priority
          AND j.run_after <= CASE WHEN h.warm OR h.holder IS NULL THEN now()
                                  ELSE now() - make_interval(secs => %(leave_s)s) END
        ORDER BY j.run_after, j.id LIMIT %(depth)s
    ) row
), turns AS (
    SELECT ranked.*, row_number() OVER turns AS turn, first_value(warm) OVER turns AS leads_warm
    FROM (SELECT n.*, extract(epoch FROM run_after)::double precision - priority * %(class_s)s
                 - CASE WHEN warm THEN %(warm_s)s ELSE 0 END AS rank FROM near n) ranked
    WINDOW turns AS (PARTITION BY tenant_id ORDER BY rank, id)
), candidates AS MATERIALIZED (
    SELECT t.id, row_number() OVER (
        ORDER BY (s.neglected AND turn = 1) DESC, CASE WHEN s.neglected AND turn = 1 THEN s.since END,
                 s.used_s - CASE WHEN leads_warm THEN %(warm_s)s ELSE 0 END + (turn - 1) * {CHARGE_S}, rank, t.id
    ) AS place
    FROM turns t JOIN standings s USING (tenant_id) WHERE turn <= coalesce(s.room, turn)
)"""  # noqa: S608  fixed numbers

# Locks in order and goes by what others have locked. Only jobs of the shape *run* are claimed one by one. The state is
# written so that no index over queued rows fits: planned while there were none, it would be read whole for each id.
_TAKE: Final = """
picked AS MATERIALIZED (
    SELECT j.id, c.place FROM candidates c JOIN jobs j ON j.id = c.id
    WHERE j.state || '' = 'queued'
    ORDER BY c.place
    LIMIT (SELECT CASE shape WHEN 'engine' THEN %(most)s WHEN 'pool' THEN %(most_pool)s ELSE 1 END FROM lead)
    FOR UPDATE OF j SKIP LOCKED
), claimed AS (
    UPDATE jobs j SET state = 'running', epoch = epoch + 1, attempts = attempts + 1, worker = %(worker)s,
        worker_instance = %(instance)s, lease_until = now() + make_interval(secs => %(lease_s)s), claimed_at = now(),
        started_at = coalesce(started_at, now()), progress = NULL, last_event = last_event + 1
    FROM picked WHERE j.id = picked.id RETURNING j.*, picked.place
), told AS (
    INSERT INTO job_events (tenant_id, job_id, number, type, data)
    SELECT tenant_id, id, last_event, 'job.started', jsonb_build_object('attempt', attempts, 'worker', worker)
    FROM claimed
)"""

# One row a job, or one without any. `more`: there were jobs to take, or tenants further back. `again_s` and `holder`:
# of the job that has been left the longest.
CLAIM: Final = f"""
WITH RECURSIVE {_WAITING}, {_STANDINGS}, {_LANES}, {_HOLDERS}, {_CANDIDATES}, {_TAKE}
SELECT EXISTS (SELECT FROM candidates) OR EXISTS (SELECT FROM standings WHERE tenants > %(depth)s) AS more,
       again.again_s, again.holder, c.tenant_id, s.capped, c.id, c.tenant_id,
       c.kind, c.shape, c.params, c.epoch, c.attempts, c.run_limit_s, c.finish_by, c.traceparent,
       CASE WHEN c.started_at = now() THEN extract(epoch FROM now() - c.run_after)::double precision END, c.affinity,
       c.alone, c.no_progress_s, coalesce(s.capped, false)
FROM (VALUES (1)) AS always (one)
LEFT JOIN claimed c ON true
LEFT JOIN standings s ON s.tenant_id = c.tenant_id
LEFT JOIN LATERAL (
    SELECT extract(epoch FROM left_until - now())::double precision AS again_s, holder FROM lined_up
    WHERE NOT warm AND holder IS NOT NULL AND left_until > now() ORDER BY left_until LIMIT 1
) again ON true
ORDER BY c.place
"""  # noqa: S608  fixed texts

# Does a job that may be claimed wait longer than `patience_s`?
WAITS: Final = f"""
WITH RECURSIVE {_WAITING}
SELECT EXISTS (
    SELECT FROM due d JOIN tenants t ON t.id = d.tenant_id
    WHERE d.run_after < now() - make_interval(secs => %(patience_s)s) AND coalesce(
        t.running_cap > (SELECT count(*) FROM jobs j WHERE j.state = 'running' AND j.tenant_id = t.id), true)
)
"""  # noqa: S608  fixed texts

# A cap is exact: who has claimed for a tenant with one counts again, alone, before the commit.
TRY_CAP: Final = (
    "SELECT id FROM unnest(%s::text[]) AS t (id) WHERE NOT pg_try_advisory_xact_lock(hashtextextended(id, 7))"
)
OVER_CAP: Final = """
SELECT t.id FROM tenants t WHERE t.id = ANY(%s)
    AND (SELECT count(*) FROM jobs j WHERE j.tenant_id = t.id AND j.state = 'running') > t.running_cap
"""
