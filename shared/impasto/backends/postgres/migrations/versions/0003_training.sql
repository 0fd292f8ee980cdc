-- One point of each named series a step: a loss, a learning rate.
CREATE TABLE job_series (
    tenant_id  text NOT NULL,
    job_id     text NOT NULL,
    step       integer NOT NULL,
    points     jsonb NOT NULL,
    PRIMARY KEY (job_id, step),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

-- Pictures drawn on the way, visible while the job still runs.
CREATE TABLE job_samples (
    tenant_id   text NOT NULL,
    job_id      text NOT NULL,
    step        integer NOT NULL,
    sha256      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, step),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, sha256) REFERENCES artifacts
);

-- Where another worker goes on: step, keys and digests in the store; written under the lease's epoch.
ALTER TABLE jobs ADD COLUMN last_checkpoint jsonb;
-- The last small picture of what is being drawn (JPEG).
ALTER TABLE jobs ADD COLUMN preview bytea;

-- A model that draws can be measured without any works: by scenes whose truth is known.
ALTER TABLE evaluations ALTER COLUMN dataset_version_id DROP NOT NULL;
