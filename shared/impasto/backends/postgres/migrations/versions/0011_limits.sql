-- In the order in which whoever writes takes them: taken one by one, they would wait for one another.
LOCK TABLE jobs, tenants, artifacts IN ACCESS EXCLUSIVE MODE;

-- What a tenant may have and do; null: no limit, and for requests the platform's own. `running_cap` is older.
ALTER TABLE tenants
    ADD COLUMN queued_cap            integer CHECK (queued_cap >= 0),
    ADD COLUMN device_seconds_a_day  double precision CHECK (device_seconds_a_day >= 0),
    ADD COLUMN storage_bytes         bigint CHECK (storage_bytes >= 0),
    ADD COLUMN requests_per_s        double precision CHECK (requests_per_s > 0),
    ADD COLUMN requests_burst        integer CHECK (requests_burst > 0);

-- A request knows its key before it knows its tenant: the limits of that one tenant are read with the key.
CREATE POLICY own_key ON tenants FOR SELECT TO impasto_api
    USING (id = (SELECT k.tenant_id FROM api_keys k WHERE k.id = current_setting('app.key_id', true)));

-- Seconds that attempts held slots, by day (UTC) and in stripes as in tenant_shares: nobody waits for another's row.
CREATE TABLE tenant_days (
    tenant_id  text NOT NULL REFERENCES tenants,
    day        date NOT NULL,
    stripe     bigint GENERATED ALWAYS AS IDENTITY,
    used_s     double precision NOT NULL,
    PRIMARY KEY (tenant_id, day, stripe)
) WITH (fillfactor = 50);

CREATE FUNCTION job_to_tenant_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    began     timestamptz := coalesce(OLD.claimed_at, OLD.started_at, now());
    midnight  timestamptz := date_trunc('day', began, 'UTC');
    on_day    date;
    held_s    double precision;
    place     bigint;
BEGIN
    -- What went on over midnight is charged to each of its days.
    WHILE midnight <= now() LOOP
        on_day := (midnight AT TIME ZONE 'UTC')::date;
        held_s := greatest(0, extract(epoch FROM
            least(now(), midnight + interval '24 hours') - greatest(began, midnight))::double precision);
        SELECT stripe INTO place FROM tenant_days WHERE tenant_id = NEW.tenant_id AND day = on_day
        LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE tenant_days SET used_s = used_s + held_s
            WHERE tenant_id = NEW.tenant_id AND day = on_day AND stripe = place;
        ELSE
            INSERT INTO tenant_days (tenant_id, day, used_s) VALUES (NEW.tenant_id, on_day, held_s);
        END IF;
        midnight := midnight + interval '24 hours';
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_tenant_day AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (OLD.state = 'running' AND NEW.state <> 'running')
    EXECUTE FUNCTION job_to_tenant_day();

-- Bytes of a tenant's artifacts, from the touch before an object is put until its row is gone. In stripes as above.
CREATE TABLE tenant_storage (
    tenant_id  text NOT NULL REFERENCES tenants,
    stripe     bigint GENERATED ALWAYS AS IDENTITY,
    bytes      bigint NOT NULL,
    PRIMARY KEY (tenant_id, stripe)
) WITH (fillfactor = 50);

CREATE FUNCTION artifact_to_tenant_storage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner  text := CASE TG_OP WHEN 'INSERT' THEN NEW.tenant_id ELSE OLD.tenant_id END;
    more   bigint := CASE TG_OP WHEN 'INSERT' THEN NEW.size_bytes ELSE -OLD.size_bytes END;
    place  bigint;
BEGIN
    SELECT stripe INTO place FROM tenant_storage WHERE tenant_id = owner LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE tenant_storage SET bytes = bytes + more WHERE tenant_id = owner AND stripe = place;
    ELSE
        INSERT INTO tenant_storage (tenant_id, bytes) VALUES (owner, more);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER artifacts_tenant_storage AFTER INSERT OR DELETE ON artifacts FOR EACH ROW
    EXECUTE FUNCTION artifact_to_tenant_storage();
-- An owner who is no superuser would see no row. The trigger above keeps writers out until this commits.
ALTER TABLE artifacts NO FORCE ROW LEVEL SECURITY;
INSERT INTO tenant_storage (tenant_id, bytes) SELECT tenant_id, sum(size_bytes) FROM artifacts GROUP BY tenant_id;
ALTER TABLE artifacts FORCE ROW LEVEL SECURITY;

-- How fast a key's requests come, while Redis is away. Of no use after a crash, so never written to the log.
CREATE UNLOGGED TABLE request_rates (
    tenant_id  text NOT NULL REFERENCES tenants,
    key_id     text NOT NULL,
    full_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key_id)
);

-- Of ended attempts by their days, of those that run by the clock.
CREATE FUNCTION device_seconds_today(tenant text) RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(used_s) FROM tenant_days
                     WHERE tenant_id = tenant AND day = (now() AT TIME ZONE 'UTC')::date), 0)
         + coalesce((SELECT sum(greatest(0, extract(epoch FROM
                                now() - greatest(claimed_at, date_trunc('day', now(), 'UTC')))::double precision))
                     FROM jobs WHERE tenant_id = tenant AND state = 'running'), 0)
$$;

-- What tenants use beside what they may: as role impasto_api, within a tenant's transaction, that tenant alone.
CREATE FUNCTION usage_of_tenants()
    RETURNS TABLE (id text, name text, queued_cap integer, running_cap integer, device_seconds_a_day double precision,
                   storage_bytes bigint, requests_per_s double precision, requests_burst integer, queued bigint,
                   running bigint, device_s double precision, stored_bytes bigint, resets_at timestamptz)
    LANGUAGE sql STABLE
AS $$
    SELECT t.id, t.name, t.queued_cap, t.running_cap, t.device_seconds_a_day, t.storage_bytes, t.requests_per_s,
           t.requests_burst,
           (SELECT count(*) FROM jobs j WHERE j.tenant_id = t.id AND j.state = 'queued'),
           (SELECT count(*) FROM jobs j WHERE j.tenant_id = t.id AND j.state = 'running'),
           device_seconds_today(t.id),
           coalesce((SELECT sum(s.bytes) FROM tenant_storage s WHERE s.tenant_id = t.id), 0)::bigint,
           date_trunc('day', now(), 'UTC') + interval '24 hours'
    FROM tenants t ORDER BY t.name
$$;

-- An owner who is no superuser is held by row-level security too; inside of these functions it sees what it counts.
CREATE POLICY figures ON tenants TO CURRENT_USER
    USING (current_setting('app.figures', true) = 'on') WITH CHECK (current_setting('app.figures', true) = 'on');
CREATE POLICY figures ON tenant_days FOR SELECT TO CURRENT_USER USING (current_setting('app.figures', true) = 'on');
CREATE POLICY figures ON tenant_storage FOR SELECT TO CURRENT_USER USING (current_setting('app.figures', true) = 'on');

-- For operators, who come as role impasto_api: every tenant's name, limits and sums, and nothing that is in them.
CREATE FUNCTION known_tenants()
    RETURNS TABLE (id text, name text, queued_cap integer, running_cap integer, device_seconds_a_day double precision,
                   storage_bytes bigint, requests_per_s double precision, requests_burst integer, queued bigint,
                   running bigint, device_s double precision, stored_bytes bigint, resets_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.figures', 'on', true);
    RETURN QUERY SELECT * FROM usage_of_tenants();
    PERFORM set_config('app.figures', '', true);
END
$$;

-- Sets the limits that `changes` names, to null as well; whether there is such a tenant.
CREATE FUNCTION set_tenant_limits(tenant text, changes jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
DECLARE
    known boolean;
BEGIN
    PERFORM set_config('app.figures', 'on', true);
    UPDATE tenants t SET
        queued_cap = CASE WHEN changes ? 'queued' THEN (changes->>'queued')::integer ELSE queued_cap END,
        running_cap = CASE WHEN changes ? 'running' THEN (changes->>'running')::integer ELSE running_cap END,
        device_seconds_a_day = CASE WHEN changes ? 'device_seconds_a_day'
            THEN (changes->>'device_seconds_a_day')::double precision ELSE device_seconds_a_day END,
        storage_bytes = CASE WHEN changes ? 'storage_bytes'
            THEN (changes->>'storage_bytes')::bigint ELSE storage_bytes END,
        requests_per_s = CASE WHEN changes ? 'requests_per_s'
            THEN (changes->>'requests_per_s')::double precision ELSE requests_per_s END,
        requests_burst = CASE WHEN changes ? 'requests_burst'
            THEN (changes->>'requests_burst')::integer ELSE requests_burst END
    WHERE t.id = tenant;
    known := FOUND;
    PERFORM set_config('app.figures', '', true);
    RETURN known;
END
$$;

REVOKE EXECUTE ON FUNCTION known_tenants(), set_tenant_limits(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION known_tenants(), set_tenant_limits(text, jsonb) TO impasto_api, impasto_engine;

-- Jobs that are submitted when their time has come: once, or by a cron expression. `job` is as it is submitted.
CREATE TABLE schedules (
    id           text PRIMARY KEY,
    tenant_id    text NOT NULL REFERENCES tenants,
    name         text NOT NULL,
    cron         text,
    at           timestamptz,
    timezone     text NOT NULL,
    job          jsonb NOT NULL,
    overlap      text NOT NULL CHECK (overlap IN ('allow', 'skip')),
    catch_up     text NOT NULL CHECK (catch_up IN ('latest', 'all', 'none')),
    state        text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
    next_at      timestamptz,
    last_due_at  timestamptz,
    last_job_id  text,
    last_error   jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id),
    CHECK ((cron IS NULL) <> (at IS NULL)),
    CHECK ((state = 'active') = (next_at IS NOT NULL))
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE state = 'active';

-- What became of each due time; the key makes a second job of one time impossible.
CREATE TABLE schedule_runs (
    tenant_id    text NOT NULL,
    schedule_id  text NOT NULL,
    due_at       timestamptz NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('submitted', 'skipped', 'failed')),
    job_id       text,
    error        jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schedule_id, due_at),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES schedules (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX schedule_runs_age ON schedule_runs (created_at);

-- How far retention has come with an ended job: 0 all of it is there, 1 without its log, 2 kept for good as a record.
ALTER TABLE jobs ADD COLUMN tidied smallint NOT NULL DEFAULT 0;
CREATE INDEX jobs_untidied ON jobs (tidied, finished_at) WHERE finished_at IS NOT NULL AND tidied < 2;
-- Whether anything came of a job, without reading all of its tenant's.
CREATE INDEX lineage_edges_job ON lineage_edges (tenant_id, job_id);
CREATE INDEX dataset_versions_job ON dataset_versions (tenant_id, job_id);
CREATE INDEX checkpoints_job ON checkpoints (tenant_id, job_id);
CREATE INDEX evaluations_job ON evaluations (tenant_id, job_id);
-- The same of an artifact, for whoever removes one.
CREATE INDEX artworks_sha256 ON artworks (tenant_id, sha256);
CREATE INDEX job_samples_sha256 ON job_samples (tenant_id, sha256);
-- Objects that nobody has published; the others are in use.
CREATE INDEX artifacts_unpublished ON artifacts (touched_at) WHERE published_at IS NULL;

-- Where a walk through the store goes on. Of the platform, not of a tenant: no right for impasto_api.
CREATE TABLE walks (
    name     text PRIMARY KEY,
    after    text NOT NULL DEFAULT '',
    next_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO walks (name) VALUES ('objects');
