-- A tenant's events are told in the order (xid, seq), below the oldest transaction that still writes. So that the events
-- of one job keep their own order in it, none comes before the one with the number before: a transaction that has
-- written elsewhere first may have a smaller number than one that has meanwhile written to the job and ended.
CREATE FUNCTION job_event_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := greatest(NEW.xid, (SELECT xid FROM job_events WHERE job_id = NEW.job_id AND number = NEW.number - 1));
    RETURN NEW;
END
$$;
CREATE TRIGGER job_events_order BEFORE INSERT ON job_events FOR EACH ROW WHEN (NEW.number > 1)
    EXECUTE FUNCTION job_event_order();

CREATE INDEX job_events_order ON job_events (tenant_id, xid, seq);
-- Nobody reads by it.
DROP INDEX job_events_tenant;
