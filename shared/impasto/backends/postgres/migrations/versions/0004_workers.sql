-- What a worker can run and what it holds; told with each renewal of its leases.
ALTER TABLE workers
    ADD COLUMN kinds              text[] NOT NULL DEFAULT '{}',
    ADD COLUMN memory_bytes       bigint,
    ADD COLUMN memory_used_bytes  bigint,
    ADD COLUMN checkpoints        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN running            integer NOT NULL DEFAULT 0;

-- Only of jobs that have not ended: counting them reads the index alone, however many have ended.
CREATE INDEX jobs_open ON jobs (state, queue, kind, run_after) WHERE state IN ('queued', 'running');

-- An owner who is no superuser is held by row-level security too; inside of these functions it sees what it counts.
CREATE POLICY figures ON jobs FOR SELECT TO CURRENT_USER USING (current_setting('app.figures', true) = 'on');

-- For role impasto_api: sums over all tenants, and nothing of any single one.
CREATE FUNCTION open_jobs()
    RETURNS TABLE (queue text, kind text, state text, jobs bigint, oldest_s double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    -- Here and not in the function's SET clause, which takes names of our own from superusers alone.
    PERFORM set_config('app.figures', 'on', true);
    RETURN QUERY
        SELECT j.queue, j.kind, j.state, count(*),
               extract(epoch FROM now() - min(j.run_after) FILTER (WHERE j.run_after <= now()))::double precision
        FROM jobs j WHERE j.state IN ('queued', 'running') GROUP BY j.queue, j.kind, j.state;
    PERFORM set_config('app.figures', '', true);
END
$$;

CREATE FUNCTION known_workers()
    RETURNS TABLE (name text, host text, device text, queues text[], kinds text[], slots integer, running integer,
                   memory_bytes bigint, memory_used_bytes bigint, checkpoints text[], started_at timestamptz,
                   seen_at timestamptz, seen_s double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
    SELECT name, host, device, queues, kinds, slots, running, memory_bytes, memory_used_bytes, checkpoints, started_at,
           seen_at, greatest(0, extract(epoch FROM now() - seen_at))::double precision
    FROM workers ORDER BY name
$$;

REVOKE EXECUTE ON FUNCTION open_jobs(), known_workers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_jobs(), known_workers() TO impasto_api, impasto_engine;

-- The platform's first key was made when there was no scope for operators; whoever holds it runs the platform.
UPDATE api_keys SET scopes = array_append(scopes, 'operate')
WHERE id = (SELECT id FROM api_keys WHERE 'admin' = ANY(scopes) AND revoked_at IS NULL ORDER BY created_at, id LIMIT 1)
  AND NOT 'operate' = ANY(scopes);
