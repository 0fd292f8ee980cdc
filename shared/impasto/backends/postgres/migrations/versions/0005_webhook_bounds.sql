-- When it last failed: a failure long after the last one begins the count anew.
ALTER TABLE webhook_endpoints ADD COLUMN failed_at timestamptz;

-- What is due is looked for tenant by tenant, so that no backlog hides another's.
CREATE INDEX webhook_deliveries_due_of ON webhook_deliveries (tenant_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (endpoint_id) WHERE state = 'waiting';

-- The oldest callbacks, without reading those of the last 30 days.
CREATE INDEX webhook_endpoints_callbacks ON webhook_endpoints (created_at) WHERE job_id IS NOT NULL;
