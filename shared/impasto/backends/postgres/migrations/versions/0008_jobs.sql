-- On the first job of a bulk submission that came with an Idempotency-Key: the same call again answers the same jobs.
ALTER TABLE jobs ADD COLUMN submitted_with text[];

-- A job has at most one retry, so that asking again gives the same one; the retry has one of its own.
ALTER TABLE jobs ADD COLUMN retry_of text;
CREATE UNIQUE INDEX jobs_retry_of ON jobs (tenant_id, retry_of) WHERE retry_of IS NOT NULL;

-- Why a job has no result, to search by: under row-level security no index is searched by what `error->>'code'` gives.
-- A trigger, so that a process of an earlier version fills it too.
ALTER TABLE jobs ADD COLUMN error_code text;
CREATE FUNCTION job_error_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.error_code := NEW.error->>'code';
    RETURN NEW;
END
$$;
CREATE TRIGGER jobs_error_code BEFORE INSERT OR UPDATE OF error ON jobs FOR EACH ROW
    WHEN (NEW.error IS NOT NULL) EXECUTE FUNCTION job_error_code();
-- An owner who is no superuser would see no row.
ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY;
UPDATE jobs SET error_code = error->>'code' WHERE error IS NOT NULL;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE INDEX jobs_list_code ON jobs (tenant_id, error_code, id) WHERE error_code IS NOT NULL;

-- By when a job must have started.
ALTER TABLE jobs ADD COLUMN start_by timestamptz;
CREATE INDEX jobs_start_by ON jobs (start_by) WHERE state = 'queued' AND start_by IS NOT NULL;

-- A list by state, by kind or by both is read from its index alone, however rare what is asked for and however many
-- jobs there are. A kind in any state is five short reads of the second one. Ascending, since new identifiers are the
-- largest: pages that are only appended to stay full, and a list of the newest reads them backwards.
CREATE INDEX jobs_list_state ON jobs (tenant_id, state, id);
CREATE INDEX jobs_list_kind ON jobs (tenant_id, kind, state, id);
-- The index of the unique (tenant_id, id) gives the same list, at half the size.
DROP INDEX jobs_list;
