-- What a worker should hold already to run the job at once: a checkpoint's name; empty where it makes no difference.
ALTER TABLE jobs ADD COLUMN affinity text NOT NULL DEFAULT '';
-- When the attempt under way, or the last one, was claimed; `started_at` is the first.
ALTER TABLE jobs ADD COLUMN claimed_at timestamptz;

-- How many jobs of a tenant may run at once; null: as many as there is room for.
ALTER TABLE tenants ADD COLUMN running_cap integer CHECK (running_cap >= 0);

-- Jobs of shape engine at once; null: a worker of before, which cannot be rung by its name.
ALTER TABLE workers ADD COLUMN places integer;

-- For scans that skip from head to head: who has waiting jobs of which kind, and how old the oldest is ...
CREATE INDEX jobs_waiting ON jobs (queue, shape, kind, tenant_id, run_after) WHERE state = 'queued';
-- ... and of one tenant and kind each lane of jobs that are alike but for their age.
CREATE INDEX jobs_lanes ON jobs (queue, shape, kind, tenant_id, affinity, priority, run_after, id)
    WHERE state = 'queued';

-- Seconds that a tenant's ended attempts held their slots, faded by half each hour up to `used_at`. A tenant has as
-- many rows a queue as transactions ever wrote at once: nobody waits for another's row, and a reader adds them up.
CREATE TABLE tenant_shares (
    tenant_id  text NOT NULL REFERENCES tenants,
    queue      text NOT NULL,
    stripe     bigint GENERATED ALWAYS AS IDENTITY,
    used_s     double precision NOT NULL,
    used_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, queue, stripe)
) WITH (fillfactor = 50);

-- What is left at its end of use that went on for so many seconds, when use fades by half each hour. After a hundred
-- hours nothing is left that counts; PostgreSQL refuses to compute what is left after some weeks (underflow).
CREATE FUNCTION faded_use(seconds double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 3600 / ln(2::double precision) * (1 - power(0.5::double precision, least(100, greatest(0, seconds) / 3600)))
$$;

-- What is left of use after so much time.
CREATE FUNCTION faded(used_s double precision, used_at timestamptz) RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT used_s * power(0.5::double precision, least(100, greatest(0, extract(epoch FROM now() - used_at)::double precision) / 3600))
$$;

CREATE FUNCTION job_to_tenant_share() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place  bigint;
    used   double precision := faded_use(extract(epoch FROM now() - coalesce(OLD.claimed_at, OLD.started_at, now())));
BEGIN
    SELECT stripe INTO place FROM tenant_shares WHERE tenant_id = NEW.tenant_id AND queue = NEW.queue
    LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE tenant_shares s SET used_s = faded(s.used_s, s.used_at) + used, used_at = greatest(s.used_at, now())
        WHERE tenant_id = NEW.tenant_id AND queue = NEW.queue AND stripe = place;
    ELSE
        INSERT INTO tenant_shares (tenant_id, queue, used_s, used_at) VALUES (NEW.tenant_id, NEW.queue, used, now());
    END IF;
    RETURN NULL;
END
$$;

-- A trigger and not a call: whoever ends an attempt, a worker of before as well, cannot forget to charge for it.
CREATE TRIGGER jobs_tenant_share AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (OLD.state = 'running' AND NEW.state <> 'running')
    EXECUTE FUNCTION job_to_tenant_share();

-- Why a queued job cannot start: no live worker of its queue, or none that knows its kind. For role impasto_api, which
-- sees no worker.
CREATE FUNCTION job_waits_for(state text, queue text, kind text)
    RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
    SELECT CASE WHEN $1 = 'queued' AND NOT coalesce(bool_or(w.knows), false) THEN
        jsonb_build_object('code', 'no_worker', 'missing', CASE count(*) WHEN 0 THEN 'queue' ELSE 'kind' END,
                           'queue', $2, 'kind', $3) END
    FROM (SELECT $3 = ANY(kinds) OR kinds = '{}' AS knows FROM workers
          WHERE $1 = 'queued' AND seen_at > now() - interval '30 seconds' AND $2 = ANY(queues)) w
$$;

REVOKE EXECUTE ON FUNCTION job_waits_for(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION job_waits_for(text, text, text) TO impasto_api, impasto_engine;
