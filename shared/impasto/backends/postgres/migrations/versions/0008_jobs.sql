-- On the first job of a bulk submission that came with an Idempotency-Key: the same call again answers the same jobs.
ALTER TABLE jobs ADD COLUMN submitted_with text[];
