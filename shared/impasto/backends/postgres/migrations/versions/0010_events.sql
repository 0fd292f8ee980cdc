-- In the order in which whoever writes takes them: taken one by one, they would wait for one another.
LOCK TABLE jobs, job_events IN ACCESS EXCLUSIVE MODE;

-- A tenant's events are told in the order (xid, seq), below the oldest transaction that still writes. So that the events
-- of one job keep their own order in it, none comes before the one with the number before: a transaction that has
-- written elsewhere first may have a smaller number than one that has meanwhile written to the job and ended.
CREATE FUNCTION job_event_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := greatest(NEW.xid, (SELECT xid FROM job_events WHERE job_id = NEW.job_id AND number = NEW.number - 1));
    RETURN NEW;
END
$$;
CREATE TRIGGER job_events_order BEFORE INSERT ON job_events FOR EACH ROW WHEN (NEW.number > 1)
    EXECUTE FUNCTION job_event_order();

CREATE INDEX job_events_order ON job_events (tenant_id, xid, seq);
-- Nobody reads by it.
DROP INDEX job_events_tenant;

-- How much a job computes among those of its kind, as a power of two; null where the kind does not say.
ALTER TABLE jobs ADD COLUMN size_class smallint;
-- The newest runs of a kind, for how long another will take.
CREATE INDEX jobs_history ON jobs (kind, finished_at) INCLUDE (claimed_at, size_class, affinity) WHERE state = 'succeeded';

-- An owner who is no superuser is held by row-level security too; inside of these functions it sees what it sums up.
CREATE POLICY figures ON tenant_shares FOR SELECT TO CURRENT_USER USING (current_setting('app.figures', true) = 'on');

-- For role impasto_api: how long runs of a kind took lately, of all tenants, as 21 quantiles. Of the size and for the
-- checkpoint that are named, if any are; there are none without five runs.
CREATE FUNCTION run_history(of_kind text, of_affinity text, from_size smallint, to_size smallint)
    RETURNS TABLE (runs bigint, quantiles double precision[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.figures', 'on', true);
    RETURN QUERY
        SELECT count(*), percentile_cont(ARRAY(SELECT n / 20.0::double precision FROM generate_series(0, 20) n))
                             WITHIN GROUP (ORDER BY seconds)
        FROM (
            SELECT extract(epoch FROM newest.finished_at - newest.claimed_at)::double precision AS seconds
            FROM (
                SELECT j.finished_at, j.claimed_at, j.size_class, j.affinity FROM jobs j
                WHERE j.kind = of_kind AND j.state = 'succeeded' AND j.finished_at > now() - interval '30 days'
                ORDER BY j.finished_at DESC LIMIT 1000
            ) newest
            WHERE newest.claimed_at IS NOT NULL AND (of_affinity IS NULL OR newest.affinity = of_affinity)
              AND (from_size IS NULL OR newest.size_class BETWEEN from_size AND to_size)
            LIMIT 200
        ) chosen
        HAVING count(*) >= 5;
    PERFORM set_config('app.figures', '', true);
END
$$;

-- The live workers that can run a kind of a queue, each with what it runs now: a row for each job, or one without.
-- Tenants are told apart by a number here and below, and not named.
CREATE FUNCTION workers_of(of_queue text, of_kind text)
    RETURNS TABLE (worker bigint, slots integer, places integer, queues text[], kind text, shape text, tenant integer,
                   elapsed_s double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.figures', 'on', true);
    RETURN QUERY
        SELECT dense_rank() OVER (ORDER BY w.name), w.slots, w.places, w.queues, j.kind, j.shape, hashtext(j.tenant_id),
               extract(epoch FROM now() - j.claimed_at)::double precision
        FROM workers w LEFT JOIN jobs j ON j.state = 'running' AND j.worker = w.name
        WHERE w.seen_at > now() - interval '30 seconds' AND of_queue = ANY(w.queues)
          AND (of_kind = ANY(w.kinds) OR w.kinds = '{}');
    PERFORM set_config('app.figures', '', true);
END
$$;

-- What waits in these queues and may start: of the tenant that asks what goes before that place, of the others all,
-- with the use by which their turns are decided: of attempts that have ended, and of those that run.
CREATE FUNCTION waiting_before(in_queues text[], rank double precision, place text, class_s double precision)
    RETURNS TABLE (tenant integer, mine boolean, kind text, jobs bigint, used_s double precision,
                   running_s double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.figures', 'on', true);
    RETURN QUERY
        WITH ahead AS (
            SELECT j.tenant_id, j.kind, count(*) AS jobs FROM jobs j
            WHERE j.state = 'queued' AND j.queue = ANY(in_queues) AND j.run_after <= now() AND (
                j.tenant_id <> current_setting('app.tenant_id') OR rank IS NULL
                OR (extract(epoch FROM j.run_after)::double precision - j.priority * class_s, j.id) < (rank, place)
            ) GROUP BY j.tenant_id, j.kind
        ), asking AS (
            SELECT a.tenant_id FROM ahead a UNION SELECT current_setting('app.tenant_id')
        ), used AS MATERIALIZED (
            SELECT u.tenant_id,
                   coalesce((SELECT sum(faded(s.used_s, s.used_at)) FROM tenant_shares s
                             WHERE s.tenant_id = u.tenant_id), 0) AS used_s,
                   coalesce((SELECT sum(greatest(5, faded_use(extract(epoch FROM now() - r.claimed_at)::double precision)))
                               FROM jobs r WHERE r.state = 'running' AND r.tenant_id = u.tenant_id), 0) AS running_s
            FROM asking u
        )
        SELECT hashtext(u.tenant_id), u.tenant_id = current_setting('app.tenant_id'), a.kind, coalesce(a.jobs, 0),
               u.used_s, u.running_s
        FROM used u LEFT JOIN ahead a ON a.tenant_id = u.tenant_id;
    PERFORM set_config('app.figures', '', true);
END
$$;

REVOKE EXECUTE ON FUNCTION run_history(text, text, smallint, smallint), workers_of(text, text),
    waiting_before(text[], double precision, text, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION run_history(text, text, smallint, smallint), workers_of(text, text),
    waiting_before(text[], double precision, text, double precision) TO impasto_api, impasto_engine;

-- The last lines of what a job's handler and runner say; numbers rise over all attempts.
CREATE TABLE job_logs (
    tenant_id  text NOT NULL,
    job_id     text NOT NULL,
    number     integer NOT NULL,
    attempt    integer NOT NULL,
    at         timestamptz NOT NULL,
    level      text NOT NULL,
    message    text NOT NULL,
    PRIMARY KEY (job_id, number),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);
