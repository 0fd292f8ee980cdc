CREATE TABLE tenants (
    id          text PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id             text PRIMARY KEY,
    tenant_id      text NOT NULL REFERENCES tenants,
    name           text NOT NULL,
    secret_sha256  bytea NOT NULL,
    scopes         text[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz,
    revoked_at     timestamptz,
    last_used_at   timestamptz
);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id);

-- A writer touches the row before it puts or skips the object; published_at is set by the commit that makes it visible.
CREATE TABLE artifacts (
    tenant_id     text NOT NULL REFERENCES tenants,
    sha256        text NOT NULL,
    media_type    text NOT NULL,
    size_bytes    bigint NOT NULL,
    touched_at    timestamptz NOT NULL DEFAULT now(),
    stored_at     timestamptz,
    published_at  timestamptz,
    PRIMARY KEY (tenant_id, sha256)
);

CREATE TABLE artworks (
    id          text PRIMARY KEY,
    tenant_id   text NOT NULL REFERENCES tenants,
    -- Of the file as it was sent: the same file again is the same artwork.
    upload_sha256 text NOT NULL,
    sha256      text NOT NULL,
    media_type  text NOT NULL,
    width       integer NOT NULL,
    height      integer NOT NULL,
    size_bytes  bigint NOT NULL,
    file_name   text NOT NULL,
    caption     text NOT NULL,
    title       text NOT NULL,
    artist      text NOT NULL,
    date        text NOT NULL,
    medium      text NOT NULL,
    subject     text NOT NULL,
    collection  text NOT NULL,
    licence     text NOT NULL,
    consent     text NOT NULL,
    provenance  text NOT NULL,
    warnings    text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, upload_sha256),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, sha256) REFERENCES artifacts
);
CREATE INDEX artworks_collection ON artworks (tenant_id, collection, id);
CREATE INDEX artworks_artist ON artworks (tenant_id, artist, id);

-- One vector an artwork and encoder, as little-endian float16; `seq` lets a reader take only what is new.
CREATE TABLE artwork_features (
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id   text NOT NULL REFERENCES tenants,
    artwork_id  text NOT NULL,
    encoder     text NOT NULL,
    vector      bytea NOT NULL,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, artwork_id, encoder),
    FOREIGN KEY (tenant_id, artwork_id) REFERENCES artworks (tenant_id, id)
);
CREATE INDEX artwork_features_seq ON artwork_features (tenant_id, encoder, seq);

CREATE TABLE jobs (
    id                   text PRIMARY KEY,
    tenant_id            text NOT NULL REFERENCES tenants,
    kind                 text NOT NULL,
    queue                text NOT NULL,
    shape                text NOT NULL,
    params               jsonb NOT NULL,
    state                text NOT NULL DEFAULT 'queued'
                         CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    priority             smallint NOT NULL DEFAULT 0,
    run_after            timestamptz NOT NULL DEFAULT now(),
    run_limit_s          double precision NOT NULL,
    finish_by            timestamptz,
    epoch                integer NOT NULL DEFAULT 0,
    attempts             integer NOT NULL DEFAULT 0,
    worker_losses        integer NOT NULL DEFAULT 0,
    runner_losses        integer NOT NULL DEFAULT 0,
    worker               text,
    worker_instance      text,
    lease_until          timestamptz,
    cancel_requested_at  timestamptz,
    result               jsonb,
    error                jsonb,
    progress             jsonb,
    last_event           integer NOT NULL DEFAULT 0,
    idempotency_key      text,
    request_sha256       bytea,
    traceparent          text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    started_at           timestamptz,
    finished_at          timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, idempotency_key),
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL))
);
CREATE INDEX jobs_claim ON jobs (queue, priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_worker ON jobs (worker) WHERE state = 'running';
CREATE INDEX jobs_finish_by ON jobs (finish_by) WHERE state IN ('queued', 'running') AND finish_by IS NOT NULL;
CREATE INDEX jobs_list ON jobs (tenant_id, id DESC);

CREATE TABLE job_events (
    tenant_id    text NOT NULL,
    job_id       text NOT NULL,
    number       integer NOT NULL,
    type         text NOT NULL,
    data         jsonb NOT NULL DEFAULT '{}',
    occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (job_id, number),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id)
);
CREATE INDEX job_events_tenant ON job_events (tenant_id, seq);

-- A bell still to be rung. Deleted once rung; the reconciler rings what stays.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   text NOT NULL,
    job_id      text NOT NULL,
    queue       text NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX outbox_job ON outbox (job_id);

CREATE TABLE datasets (
    id          text PRIMARY KEY,
    tenant_id   text NOT NULL REFERENCES tenants,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

CREATE TABLE dataset_versions (
    id               text PRIMARY KEY,
    tenant_id        text NOT NULL,
    dataset_id       text NOT NULL,
    number           integer NOT NULL,
    manifest_sha256  text NOT NULL,
    samples          integer NOT NULL,
    train            integer NOT NULL,
    validation       integer NOT NULL,
    recipe           jsonb NOT NULL,
    summary          jsonb NOT NULL,
    job_id           text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (dataset_id, number),
    FOREIGN KEY (tenant_id, dataset_id) REFERENCES datasets (tenant_id, id),
    FOREIGN KEY (tenant_id, manifest_sha256) REFERENCES artifacts,
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id)
);

CREATE TABLE checkpoints (
    id                  text PRIMARY KEY,
    tenant_id           text NOT NULL,
    name                text NOT NULL,
    family              text NOT NULL,
    flavor              text NOT NULL,
    weights_sha256      text NOT NULL,
    config              jsonb NOT NULL,
    dataset_version_id  text,
    job_id              text NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, weights_sha256) REFERENCES artifacts,
    FOREIGN KEY (tenant_id, dataset_version_id) REFERENCES dataset_versions (tenant_id, id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id)
);

CREATE TABLE evaluations (
    id                  text PRIMARY KEY,
    tenant_id           text NOT NULL,
    checkpoint_id       text NOT NULL,
    dataset_version_id  text NOT NULL,
    measures            jsonb NOT NULL,
    job_id              text NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, checkpoint_id) REFERENCES checkpoints (tenant_id, id),
    FOREIGN KEY (tenant_id, dataset_version_id) REFERENCES dataset_versions (tenant_id, id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id)
);
CREATE INDEX evaluations_checkpoint ON evaluations (checkpoint_id);

CREATE TABLE styles (
    id          text PRIMARY KEY,
    tenant_id   text NOT NULL REFERENCES tenants,
    name        text NOT NULL,
    version     integer NOT NULL,
    parameters  jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name, version),
    UNIQUE (tenant_id, id)
);

CREATE TABLE lineage_edges (
    tenant_id   text NOT NULL,
    source      text NOT NULL,
    target      text NOT NULL,
    relation    text NOT NULL,
    job_id      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, target, source, relation, job_id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id)
);
CREATE INDEX lineage_edges_source ON lineage_edges (tenant_id, source);

-- Of the platform, not of a tenant: no right for impasto_api.
CREATE TABLE workers (
    name        text PRIMARY KEY,
    instance    text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    device      text NOT NULL,
    queues      text[] NOT NULL,
    slots       integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now()
);
