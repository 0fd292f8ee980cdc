-- At once and not in steps: whoever has read one of them and is about to write the other would wait crosswise.
LOCK TABLE pipelines, pipeline_steps IN ACCESS EXCLUSIVE MODE;
CREATE INDEX pipelines_ended ON pipelines (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX pipeline_steps_waiting ON pipeline_steps (tenant_id) WHERE state = 'waiting';

CREATE POLICY figures ON pipeline_steps FOR SELECT TO CURRENT_USER
    USING (current_setting('app.figures', true) = 'on');

CREATE OR REPLACE FUNCTION usage_of_tenants()
    RETURNS TABLE (id text, name text, queued_cap integer, running_cap integer, device_seconds_a_day double precision,
                   storage_bytes bigint, requests_per_s double precision, requests_burst integer, queued bigint,
                   running bigint, device_s double precision, stored_bytes bigint, resets_at timestamptz)
    LANGUAGE sql STABLE
AS $$
    SELECT t.id, t.name, t.queued_cap, t.running_cap, t.device_seconds_a_day, t.storage_bytes, t.requests_per_s,
           t.requests_burst,
           (SELECT count(*) FROM jobs j WHERE j.tenant_id = t.id AND j.state = 'queued')
           + (SELECT count(*) FROM pipeline_steps p WHERE p.tenant_id = t.id AND p.state = 'waiting'),
           (SELECT count(*) FROM jobs j WHERE j.tenant_id = t.id AND j.state = 'running'),
           device_seconds_today(t.id),
           coalesce((SELECT sum(s.bytes) FROM tenant_storage s WHERE s.tenant_id = t.id), 0)::bigint,
           date_trunc('day', now(), 'UTC') + interval '24 hours'
    FROM tenants t ORDER BY t.name
$$;

-- How many jobs of a queue the workers that live can begin at once: so many bells set somebody going.
CREATE FUNCTION slots_of_queue(of_queue text) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
    SELECT coalesce(sum(greatest(slots, places)), 0)::integer FROM workers
    WHERE of_queue = ANY(queues) AND seen_at > now() - interval '1 minute'
$$;
REVOKE EXECUTE ON FUNCTION slots_of_queue(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION slots_of_queue(text) TO impasto_api, impasto_engine;
