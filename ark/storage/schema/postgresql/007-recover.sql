-- Version 7: of what was lost, others may have seen more.

-- As version 1 of it, but revisions go on far enough above what somebody has seen that nobody can have
-- seen those that follow.
CREATE FUNCTION ark_recover_v2(seen bigint, further bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    counter bigint;
BEGIN
    SELECT meta.revision INTO counter FROM ark_meta AS meta FOR UPDATE;
    IF counter < seen THEN
        counter := seen + further;
        UPDATE ark_meta SET revision = counter, compacted_revision = counter;
        PERFORM pg_notify('ark_resources', counter::text);
    END IF;
    RETURN counter;
END $$;
