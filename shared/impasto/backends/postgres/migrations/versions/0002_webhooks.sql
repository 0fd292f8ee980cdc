CREATE TABLE webhook_endpoints (
    id             text PRIMARY KEY,
    tenant_id      text NOT NULL REFERENCES tenants,
    url            text NOT NULL,
    description    text NOT NULL DEFAULT '',
    events         text[] NOT NULL,
    secret         bytea NOT NULL,
    state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    failing_since  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id)
);
