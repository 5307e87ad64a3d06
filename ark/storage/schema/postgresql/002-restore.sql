-- Version 2: moving a database from here or to here as it is.

-- At most one row.  While there is one, a trigger keeps commits out, those of servers that were
-- running before too.  Without it the trigger is switched off, and costs them nothing.
CREATE TABLE ark_mark (
    id integer PRIMARY KEY CHECK (id = 1),
    text text COLLATE "C" NOT NULL
);

CREATE FUNCTION ark_refuse_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'writes are held: the database is being moved by ark-server copy, or was moved'
        USING ERRCODE = 'ARK03';
END $$;

CREATE TRIGGER ark_held BEFORE UPDATE OF revision ON ark_meta FOR EACH STATEMENT
    WHEN (current_setting('ark.restoring', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION ark_refuse_v1();
ALTER TABLE ark_meta DISABLE TRIGGER ark_held;

-- Write the mark down, or take it away if it is empty.  To switch the trigger waits for the
-- commits that have written the counter, but for no reader; a commit that has not yet is refused
-- when it does.
CREATE FUNCTION ark_set_mark_v1(mark text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF mark <> '' THEN
        INSERT INTO ark_mark AS known (id, text) VALUES (1, mark) ON CONFLICT (id) DO UPDATE SET text = mark;
        ALTER TABLE ark_meta ENABLE TRIGGER ark_held;
    ELSE
        DELETE FROM ark_mark;
        ALTER TABLE ark_meta DISABLE TRIGGER ark_held;
    END IF;
END $$;

-- Forget everything.
CREATE FUNCTION ark_wipe_v1(floor_revision bigint, mark text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ark_set_mark_v1(mark);
    PERFORM set_config('ark.restoring', 'on', true);
    TRUNCATE ark_log, ark_object;
    UPDATE ark_meta SET revision = greatest(floor_revision, 1), compacted_revision = floor_revision,
        swept_revision = floor_revision;
END $$;

-- Versions with the revisions that they have.  "newest" tells which is the last one of its key.
CREATE FUNCTION ark_restore_v1(
    counter bigint, mark text,
    revisions bigint[], resources text[], namespaces text[], names text[], events text[], replaced bigint[],
    uids text[], labels_texts text[], bodies text[], newest boolean[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    stamp double precision := extract(epoch FROM clock_timestamp());
BEGIN
    PERFORM set_config('ark.restoring', 'on', true);
    UPDATE ark_mark SET text = mark;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only a marked database can be restored';
    END IF;
    INSERT INTO ark_log (
        revision, resource, namespace, name, event, previous, uid, created_at, labels, body
    )
    SELECT given.revision, given.resource, given.namespace, given.name, given.event, given.previous, given.uid,
        stamp, given.labels, given.body
    FROM unnest(
        revisions, resources, namespaces, names, events, replaced, uids, labels_texts, bodies
    ) AS given (revision, resource, namespace, name, event, previous, uid, labels, body);
    INSERT INTO ark_object AS object (resource, namespace, name, revision)
    SELECT given.resource, given.namespace, given.name, given.revision
    FROM unnest(revisions, resources, namespaces, names, events, newest)
        AS given (revision, resource, namespace, name, event, latest)
    WHERE given.latest AND given.event <> 'DELETED'
    ON CONFLICT (resource, namespace, name) DO UPDATE SET revision = excluded.revision;
    DELETE FROM ark_object AS object
    USING unnest(resources, namespaces, names, events, newest) AS given (resource, namespace, name, event, latest)
    WHERE given.latest AND given.event = 'DELETED' AND object.resource = given.resource
        AND object.namespace = given.namespace AND object.name = given.name;
    UPDATE ark_meta SET revision = counter;
    PERFORM pg_notify('ark_resources', counter::text);
END $$;
