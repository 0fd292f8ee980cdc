-- Where to send. One with a job is that job's callback: not listed, not challenged, not counted.
CREATE TABLE webhook_endpoints (
    id               text PRIMARY KEY,
    tenant_id        text NOT NULL REFERENCES tenants,
    job_id           text,
    url              text NOT NULL,
    -- Deliveries of one lane share a cap: an endpoint's own, or the one of all callbacks of a tenant to a place.
    lane             text NOT NULL,
    description      text NOT NULL DEFAULT '',
    events           text[] NOT NULL,
    -- Sealed by the gateway; the previous one signs too until its time is over.
    secret           bytea,
    previous_secret  bytea,
    previous_until   timestamptz,
    state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'active', 'disabled')),
    disabled_reason  text CHECK (disabled_reason IN ('asked', 'gone', 'failing')),
    verified_at      timestamptz,
    failing_since    timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- Kept as a row: a commit that is telling an event at this moment must not fail over a row that is gone.
    deleted_at       timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id),
    CHECK ((state = 'disabled') = (disabled_reason IS NOT NULL)),
    CHECK ((secret IS NULL) = (deleted_at IS NOT NULL))
);
CREATE INDEX webhook_endpoints_tenant ON webhook_endpoints (tenant_id) WHERE job_id IS NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX webhook_endpoints_job ON webhook_endpoints (job_id) WHERE job_id IS NOT NULL;

-- What happened; only if somebody wants to know.
CREATE TABLE webhook_events (
    id           text PRIMARY KEY,
    tenant_id    text NOT NULL REFERENCES tenants,
    type         text NOT NULL,
    data         jsonb NOT NULL,
    job_id       text,
    number       integer,
    traceparent  text,
    occurred_at  timestamptz NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (job_id, number),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id)
);
CREATE INDEX webhook_events_age ON webhook_events (occurred_at);

-- One attempt to send an event to an endpoint; the next attempt is a row of its own.
CREATE TABLE webhook_deliveries (
    id             text PRIMARY KEY,
    tenant_id      text NOT NULL,
    event_id       text NOT NULL,
    endpoint_id    text NOT NULL,
    lane           text NOT NULL,
    attempt        integer NOT NULL DEFAULT 1,
    state          text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    next_at        timestamptz NOT NULL DEFAULT now(),
    lease_until    timestamptz,
    epoch          integer NOT NULL DEFAULT 0,
    status         integer,
    ms             integer,
    error          text,
    response_head  text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    FOREIGN KEY (tenant_id, event_id) REFERENCES webhook_events (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id),
    CHECK ((state = 'waiting') = (finished_at IS NULL))
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (tenant_id, id DESC);
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, id DESC);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);

-- An identifier as impasto.identifiers makes it: 48 bits of milliseconds in ten digits, then sixteen random digits.
CREATE FUNCTION webhook_id(prefix text) RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH made AS MATERIALIZED (
        SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms, uuid_send(gen_random_uuid()) AS random
    ), digits AS (
        SELECT place, (ms >> (45 - 5 * place)) & 31 AS digit FROM made, generate_series(0, 9) AS place
        UNION ALL
        SELECT 10 + place, get_byte(random, place) & 31 FROM made, generate_series(0, 15) AS place
    )
    SELECT prefix || '_' || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', digit::integer + 1, 1), '' ORDER BY place)
    FROM digits
$$;

-- Writes the event, and a delivery for each endpoint that wants it, into the commit that made the fact true.
CREATE FUNCTION tell_webhooks(
    tenant text, event_type text, happened_at timestamptz, event_data jsonb,
    job text DEFAULT NULL, event_number integer DEFAULT NULL, trace text DEFAULT NULL
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    names    text[] := ARRAY[event_type, split_part(event_type, '.', 1) || '.*', '*'];
    event    text;
    written  integer;
BEGIN
    PERFORM FROM webhook_endpoints e
    WHERE (e.job_id = job OR (e.tenant_id = tenant AND e.job_id IS NULL AND e.deleted_at IS NULL))
      AND e.events && names AND (e.state = 'active' OR (e.state = 'pending' AND e.verified_at IS NOT NULL));
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    event := webhook_id('evt');
    INSERT INTO webhook_events (id, tenant_id, type, data, job_id, number, traceparent, occurred_at)
    VALUES (event, tenant, event_type, event_data, job, event_number, trace, happened_at);
    -- What is pending again, after a change of its address, is told once it has answered.
    INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane)
    SELECT webhook_id('dlv'), tenant, event, e.id, e.lane FROM webhook_endpoints e
    WHERE (e.job_id = job OR (e.tenant_id = tenant AND e.job_id IS NULL AND e.deleted_at IS NULL))
      AND e.events && names AND (e.state = 'active' OR (e.state = 'pending' AND e.verified_at IS NOT NULL));
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$;

CREATE FUNCTION job_event_to_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    job  record;
    said jsonb;
BEGIN
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

-- A trigger and not a call: whoever writes a job's event cannot forget its webhooks.
CREATE TRIGGER job_events_webhooks AFTER INSERT ON job_events FOR EACH ROW
    WHEN (NEW.type IN ('job.started', 'job.succeeded', 'job.failed', 'job.canceled'))
    EXECUTE FUNCTION job_event_to_webhooks();

CREATE FUNCTION artwork_to_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks(NEW.tenant_id, 'artwork.accepted', NEW.created_at, jsonb_build_object(
        'artwork_id', NEW.id,
        'upload_sha256', NEW.upload_sha256,
        'state', 'accepted',
        'occurred_at', to_char(NEW.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'url', '/v1/artworks/' || NEW.id
    ));
    RETURN NULL;
END
$$;

CREATE TRIGGER artworks_webhooks AFTER INSERT ON artworks FOR EACH ROW EXECUTE FUNCTION artwork_to_webhooks();
