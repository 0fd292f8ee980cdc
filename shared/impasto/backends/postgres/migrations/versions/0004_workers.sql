-- What a worker can run and what it holds; told with each renewal of its leases.
ALTER TABLE workers
    ADD COLUMN kinds              text[] NOT NULL DEFAULT '{}',
    ADD COLUMN memory_bytes       bigint,
    ADD COLUMN memory_used_bytes  bigint,
    ADD COLUMN checkpoints        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN running            integer NOT NULL DEFAULT 0;
