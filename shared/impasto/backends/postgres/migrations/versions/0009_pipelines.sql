CREATE TABLE pipelines (
    id                   text PRIMARY KEY,
    tenant_id            text NOT NULL REFERENCES tenants,
    name                 text NOT NULL,
    state                text NOT NULL DEFAULT 'queued'
                         CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    cancel_requested_at  timestamptz,
    last_event           integer NOT NULL DEFAULT 0,
    idempotency_key      text,
    request_sha256       bytea,
    traceparent          text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    started_at           timestamptz,
    finished_at          timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, idempotency_key),
    CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL))
);
CREATE INDEX pipelines_list_state ON pipelines (tenant_id, state, id);
-- Those that are being canceled: the reconciler finishes it if nobody else does.
CREATE INDEX pipelines_canceling ON pipelines (id) WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL;

-- `state` is the job's own once there is one. `told` is the state that the log of events knows. `due`: something has
-- happened to the step that nobody has drawn the consequences of.
CREATE TABLE pipeline_steps (
    tenant_id    text NOT NULL,
    pipeline_id  text NOT NULL,
    name         text NOT NULL,
    position     integer NOT NULL,
    kind         text NOT NULL,
    params       jsonb NOT NULL,
    condition    text,
    after        text[] NOT NULL DEFAULT '{}',
    needs        text[] NOT NULL DEFAULT '{}',
    priority     smallint NOT NULL DEFAULT 0,
    state        text NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'queued', 'running', 'succeeded', 'failed', 'canceled', 'skipped')),
    told         text NOT NULL DEFAULT 'waiting',
    due          boolean NOT NULL DEFAULT false,
    job_id       text,
    reason       jsonb,
    PRIMARY KEY (pipeline_id, name),
    FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id),
    CHECK (job_id IS NOT NULL OR state NOT IN ('queued', 'running', 'succeeded'))
);
CREATE UNIQUE INDEX pipeline_steps_job ON pipeline_steps (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX pipeline_steps_due ON pipeline_steps (pipeline_id) WHERE due;

CREATE TABLE pipeline_events (
    tenant_id    text NOT NULL,
    pipeline_id  text NOT NULL,
    number       integer NOT NULL,
    type         text NOT NULL,
    step         text,
    job_id       text,
    data         jsonb NOT NULL DEFAULT '{}',
    occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (pipeline_id, number),
    FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id)
);

-- So that a job that belongs to none costs its ends nothing. No foreign key: it would read the whole table here.
ALTER TABLE jobs ADD COLUMN pipeline_id text;

-- The next event of a pipeline's log. Numbers have no gaps: they come from the pipeline's row, in the same commit.
CREATE FUNCTION tell_pipeline(
    pipeline text, event_type text, event_step text DEFAULT NULL, event_job text DEFAULT NULL,
    event_data jsonb DEFAULT '{}'
) RETURNS void LANGUAGE sql AS $$
    WITH numbered AS (
        UPDATE pipelines SET last_event = last_event + 1 WHERE id = $1 RETURNING tenant_id, id, last_event
    )
    INSERT INTO pipeline_events (tenant_id, pipeline_id, number, type, step, job_id, data)
    SELECT tenant_id, id, last_event, $2, $3, $4, $5 FROM numbered
$$;

-- Tells what has become of steps that the log does not know yet. Only for who holds the pipeline's row. A step that
-- somebody is writing at this moment is theirs to tell: waiting for it here would be a deadlock.
CREATE FUNCTION tell_pipeline_steps(pipeline text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    step record;
BEGIN
    FOR step IN
        SELECT s.name, s.state, s.told, s.job_id, s.reason, j.started_at
        FROM pipeline_steps s LEFT JOIN jobs j ON j.id = s.job_id
        WHERE s.pipeline_id = pipeline AND s.told <> s.state
        ORDER BY j.finished_at, s.position FOR UPDATE OF s SKIP LOCKED
    LOOP
        IF step.started_at IS NOT NULL AND step.told <> 'running' AND step.state NOT IN ('queued', 'waiting') THEN
            UPDATE pipelines SET state = 'running', started_at = now() WHERE id = pipeline AND state = 'queued';
            IF FOUND THEN
                PERFORM tell_pipeline(pipeline, 'pipeline.started');
            END IF;
            PERFORM tell_pipeline(pipeline, 'step.started', step.name, step.job_id);
        END IF;
        IF step.state = 'queued' THEN
            PERFORM tell_pipeline(pipeline, CASE step.told WHEN 'running' THEN 'step.requeued' ELSE 'step.queued' END,
                                  step.name, step.job_id);
        ELSIF step.state NOT IN ('running', 'waiting') THEN
            PERFORM tell_pipeline(pipeline, 'step.' || step.state, step.name, step.job_id,
                                  CASE WHEN step.state = 'succeeded' THEN '{}'
                                       ELSE jsonb_build_object('code', step.reason->>'code') END);
        END IF;
        UPDATE pipeline_steps SET told = step.state WHERE pipeline_id = pipeline AND name = step.name;
    END LOOP;
END
$$;

CREATE FUNCTION job_to_pipeline_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held boolean;
BEGIN
    -- Never waited for: whoever moves several jobs in one transaction would wait in another's order than they.
    PERFORM FROM pipelines WHERE id = NEW.pipeline_id FOR NO KEY UPDATE SKIP LOCKED;
    held := FOUND;
    UPDATE pipeline_steps
    SET state = NEW.state, reason = CASE WHEN NEW.state IN ('failed', 'canceled') THEN NEW.error END,
        due = due OR NOT held OR NEW.finished_at IS NOT NULL
    WHERE job_id = NEW.id;
    IF FOUND AND held THEN
        PERFORM tell_pipeline_steps(NEW.pipeline_id);
    END IF;
    RETURN NULL;
END
$$;

-- A trigger and not a call: whoever moves a job, a worker of before as well, cannot forget its pipeline.
CREATE TRIGGER jobs_pipeline AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NEW.pipeline_id IS NOT NULL AND OLD.state <> NEW.state)
    EXECUTE FUNCTION job_to_pipeline_step();
