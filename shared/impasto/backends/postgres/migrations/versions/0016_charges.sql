-- Whoever ends several attempts in one statement charges for all of them at once: as each was charged before.
CREATE FUNCTION ended_jobs_to_charges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    charge  record;
    place   bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM were w JOIN are a USING (id) WHERE w.state = 'running' AND a.state <> 'running') THEN
        RETURN NULL;
    END IF;
    FOR charge IN
        SELECT a.tenant_id, a.queue,
               sum(faded_use(extract(epoch FROM now() - coalesce(w.claimed_at, w.started_at, now())))) AS used_s
        FROM were w JOIN are a USING (id) WHERE w.state = 'running' AND a.state <> 'running'
        GROUP BY a.tenant_id, a.queue ORDER BY a.tenant_id, a.queue
    LOOP
        SELECT stripe INTO place FROM tenant_shares WHERE tenant_id = charge.tenant_id AND queue = charge.queue
        LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE tenant_shares s
            SET used_s = faded(s.used_s, s.used_at) + charge.used_s, used_at = greatest(s.used_at, now())
            WHERE tenant_id = charge.tenant_id AND queue = charge.queue AND stripe = place;
        ELSE
            INSERT INTO tenant_shares (tenant_id, queue, used_s, used_at)
            VALUES (charge.tenant_id, charge.queue, charge.used_s, now());
        END IF;
    END LOOP;
    -- What went on over midnight is charged to each of its days.
    FOR charge IN
        SELECT held.tenant_id, (day AT TIME ZONE 'UTC')::date AS on_day,
               sum(greatest(0, extract(epoch FROM least(now(), day + interval '24 hours') - greatest(held.began, day))
                   ::double precision)) AS held_s
        FROM (SELECT a.tenant_id, coalesce(w.claimed_at, w.started_at, now()) AS began
              FROM were w JOIN are a USING (id) WHERE w.state = 'running' AND a.state <> 'running') held,
             generate_series(date_trunc('day', held.began, 'UTC'), now(), interval '24 hours') AS day
        GROUP BY 1, 2 ORDER BY 1, 2
    LOOP
        SELECT stripe INTO place FROM tenant_days WHERE tenant_id = charge.tenant_id AND day = charge.on_day
        LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE tenant_days SET used_s = used_s + charge.held_s
            WHERE tenant_id = charge.tenant_id AND day = charge.on_day AND stripe = place;
        ELSE
            INSERT INTO tenant_days (tenant_id, day, used_s) VALUES (charge.tenant_id, charge.on_day, charge.held_s);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

DROP TRIGGER jobs_tenant_share ON jobs;
DROP TRIGGER jobs_tenant_day ON jobs;
CREATE TRIGGER jobs_charges AFTER UPDATE ON jobs REFERENCING OLD TABLE AS were NEW TABLE AS are FOR EACH STATEMENT
    EXECUTE FUNCTION ended_jobs_to_charges();
DROP FUNCTION job_to_tenant_share();
DROP FUNCTION job_to_tenant_day();

-- Most events are nobody's webhook: that is asked before anything is put together.
CREATE OR REPLACE FUNCTION job_event_to_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    job  record;
    said jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM webhook_endpoints WHERE job_id = NEW.job_id)
       AND NOT EXISTS (SELECT FROM webhook_endpoints
                       WHERE tenant_id = NEW.tenant_id AND job_id IS NULL AND deleted_at IS NULL) THEN
        RETURN NULL;
    END IF;
    SELECT kind, traceparent INTO job FROM jobs WHERE id = NEW.job_id;
    said := jsonb_build_object(
        'job_id', NEW.job_id,
        'kind', job.kind,
        'state', CASE NEW.type WHEN 'job.started' THEN 'running' ELSE split_part(NEW.type, '.', 2) END,
        'sequence', NEW.number,
        'occurred_at', to_char(NEW.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'url', '/v1/jobs/' || NEW.job_id,
        'events_url', '/v1/jobs/' || NEW.job_id || '/events'
    );
    IF NEW.type IN ('job.failed', 'job.canceled') THEN
        said := said || jsonb_build_object('error', jsonb_build_object('code', coalesce(NEW.data->>'code', 'canceled')));
    END IF;
    PERFORM tell_webhooks(NEW.tenant_id, NEW.type, NEW.occurred_at, said, NEW.job_id, NEW.number, job.traceparent);
    RETURN NULL;
END
$$;

-- A table that was never analysed is taken for empty: then one index is as good as another, the newest is taken, and the
-- check of a foreign key takes some twenty times as long. Autovacuum looks once a minute and the first minute is when
-- somebody looks on. True if something was analysed.
CREATE FUNCTION analyse_young_tables() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    young  regclass;
    looked boolean := false;
BEGIN
    FOR young IN
        SELECT relid::regclass FROM pg_stat_user_tables
        WHERE schemaname = 'public' AND relname IN ('jobs', 'job_events', 'outbox')
          AND last_analyze IS NULL AND last_autoanalyze IS NULL AND n_mod_since_analyze >= 100
        ORDER BY relname
    LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) %s', young);
        looked := true;
    END LOOP;
    RETURN looked;
END
$$;
REVOKE EXECUTE ON FUNCTION analyse_young_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyse_young_tables() TO impasto_engine;
