-- States of trainings that ended without their worker's doing: the reconciler looks for them at every sweep.
CREATE INDEX jobs_with_state ON jobs (id) WHERE last_checkpoint IS NOT NULL;
