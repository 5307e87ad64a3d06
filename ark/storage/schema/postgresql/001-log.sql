-- Version 1: the log, the pointers into it, the counter, and the functions that write and read
-- them.  A function is never changed, only followed by one of a higher number: servers of two
-- releases work side by side while one takes the other's place.

-- Every version of every object.  Bodies stay in the row, uncompressed, up to a page: what is
-- written once and read whole gains nothing from being cut up.
CREATE TABLE ark_log (
    revision bigint PRIMARY KEY,
    resource text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    previous bigint NOT NULL,
    uid text COLLATE "C" NOT NULL,
    created_at double precision NOT NULL,
    labels text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE ark_log ALTER COLUMN body SET STORAGE EXTERNAL;

-- The newest version of a deleted object has no row in ark_object to be found by.
CREATE INDEX ark_log_deleted ON ark_log (resource, namespace, name, revision) WHERE event = 'DELETED';

-- Live objects.  Room in each page keeps updates from touching the index.
CREATE TABLE ark_object (
    resource text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITH (fillfactor = 70);

-- One row.  Its lock is what commits stand in line for, and so its order is theirs.  Up to
-- swept_revision, compaction has dropped what it may.
CREATE TABLE ark_meta (
    id integer PRIMARY KEY CHECK (id = 1),
    revision bigint NOT NULL,
    compacted_revision bigint NOT NULL,
    swept_revision bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO ark_meta (id, revision, compacted_revision, swept_revision) VALUES (1, 1, 0, 0);

-- Each process that writes, with its newest batch: so that it can find out what became of it
-- when the answer was lost, and that nothing comes of it any more once it has asked.
CREATE TABLE ark_writer (
    id text COLLATE "C" PRIMARY KEY,
    batch bigint NOT NULL,
    first_revision bigint NOT NULL,
    last_revision bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- A batch.  Changes of one run have different keys; runs follow each other.  Gives one row a
-- change in order: the revision it got, or 0 with the version that was in its way (none: nulls).
CREATE FUNCTION ark_commit_v1(
    writer text, batch_number bigint, seen bigint,
    runs integer[], resources text[], namespaces text[], names text[], expectations bigint[],
    events text[], uids text[], labels_texts text[], heads text[], tails text[]
) RETURNS TABLE (
    assigned bigint, revision bigint, event text, previous bigint, uid text, labels text, body text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    counter bigint;
    started bigint;
    stamp double precision := extract(epoch FROM clock_timestamp());
BEGIN
    SELECT meta.revision INTO counter FROM ark_meta AS meta FOR UPDATE;
    IF counter < seen THEN
        RAISE EXCEPTION 'revision % was seen, and there are % only', seen, counter USING ERRCODE = 'ARK02';
    END IF;
    started := counter;
    FOR run IN 0 .. coalesce(runs[array_upper(runs, 1)], -1) LOOP
        RETURN QUERY
        WITH given AS (
            SELECT * FROM unnest(
                runs, resources, namespaces, names, expectations, events, uids, labels_texts, heads, tails
            ) WITH ORDINALITY AS change (
                run_number, resource, namespace, name, expected, event, uid, labels, head, tail, place
            ) WHERE change.run_number = run
        ), judged AS (
            SELECT given.*, coalesce((
                SELECT object.revision FROM ark_object AS object
                WHERE object.resource = given.resource AND object.namespace = given.namespace
                    AND object.name = given.name
            ), 0) AS live FROM given
        ), fitting AS (
            SELECT judged.*, counter + row_number() OVER (ORDER BY judged.place) AS number
            FROM judged WHERE judged.live = judged.expected AND (judged.live > 0 OR judged.event <> 'DELETED')
        ), logged AS (
            INSERT INTO ark_log
            SELECT number, resource, namespace, name, event, expected, uid, stamp, labels,
                head || number::text || tail
            FROM fitting
        ), pointed AS (
            INSERT INTO ark_object AS object
            SELECT resource, namespace, name, number FROM fitting WHERE event <> 'DELETED'
            ON CONFLICT (resource, namespace, name) DO UPDATE SET revision = excluded.revision
        ), gone AS (
            DELETE FROM ark_object WHERE ctid = ANY (ARRAY(
                SELECT (
                    SELECT object.ctid FROM ark_object AS object
                    WHERE object.resource = fitting.resource AND object.namespace = fitting.namespace
                        AND object.name = fitting.name
                ) FROM fitting WHERE fitting.event = 'DELETED'
            ))
        )
        SELECT coalesce(fitting.number, 0), log.revision, log.event, log.previous, log.uid, log.labels, log.body
        FROM judged
        LEFT JOIN fitting ON fitting.place = judged.place
        LEFT JOIN ark_log AS log ON fitting.number IS NULL AND log.revision = judged.live
        ORDER BY judged.place;
        counter := greatest(counter, coalesce((SELECT max(log.revision) FROM ark_log AS log), 0));
    END LOOP;
    UPDATE ark_writer
    SET batch = batch_number, first_revision = started + 1, last_revision = counter, written_at = now()
    WHERE id = writer AND batch = batch_number - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % of % is not expected', batch_number, writer USING ERRCODE = 'ARK01';
    END IF;
    IF counter > started THEN
        UPDATE ark_meta SET revision = counter;
        PERFORM pg_notify('ark_resources', counter::text);
    END IF;
END $$;

-- What became of a batch: the revisions that it wrote, from first to last (none: last is less).
-- If it was not written, null, and from now on it will not be.
CREATE FUNCTION ark_settle_v1(writer text, batch_number bigint) RETURNS TABLE (
    first_revision bigint, last_revision bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM ark_meta FOR UPDATE;
    IF NOT EXISTS (SELECT 1 FROM ark_writer WHERE id = writer AND batch = batch_number) THEN
        INSERT INTO ark_writer AS known (id, batch, first_revision, last_revision)
        VALUES (writer, batch_number, 0, -1)
        ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, first_revision = 0, last_revision = -1;
    END IF;
    RETURN QUERY SELECT nullif(known.first_revision, 0), known.last_revision
    FROM ark_writer AS known WHERE known.id = writer;
END $$;

-- Revisions up to the one that somebody has seen are gone: the server was restored, or a
-- standby took over that did not have them.  None of them is ever used again, and nobody goes
-- on from what is not so any more.
CREATE FUNCTION ark_recover_v1(seen bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    counter bigint;
BEGIN
    SELECT meta.revision INTO counter FROM ark_meta AS meta FOR UPDATE;
    IF counter < seen THEN
        counter := seen + 1;
        UPDATE ark_meta SET revision = counter, compacted_revision = counter;
        PERFORM pg_notify('ark_resources', counter::text);
    END IF;
    RETURN counter;
END $$;

-- The live versions of some keys, by their place; at place 0 the counter.
CREATE FUNCTION ark_get_v1(resources text[], namespaces text[], names text[]) RETURNS TABLE (
    place bigint, revision bigint, event text, previous bigint, uid text, labels text, body text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 0::bigint, meta.revision, NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::text
    FROM ark_meta AS meta;
    RETURN QUERY
    SELECT wanted.place, log.revision, log.event, log.previous, log.uid, log.labels, log.body
    FROM unnest(resources, namespaces, names) WITH ORDINALITY AS wanted (resource, namespace, name, place)
    CROSS JOIN LATERAL (
        SELECT object.revision FROM ark_object AS object
        WHERE object.resource = wanted.resource AND object.namespace = wanted.namespace
            AND object.name = wanted.name OFFSET 0
    ) AS found
    CROSS JOIN LATERAL (SELECT * FROM ark_log AS entry WHERE entry.revision = found.revision OFFSET 0) AS log;
END $$;

-- The log after a revision, each version with the one that it replaced.
CREATE FUNCTION ark_events_v1(start bigint, most integer) RETURNS TABLE (
    resource text, namespace text, name text,
    revision bigint, event text, previous bigint, uid text, labels text, body text,
    old_revision bigint, old_event text, old_previous bigint, old_uid text, old_labels text, old_body text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    IF start < (SELECT meta.compacted_revision FROM ark_meta AS meta) THEN
        RETURN QUERY SELECT NULL::text, NULL::text, NULL::text, meta.compacted_revision, NULL::text, NULL::bigint,
            NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::text, NULL::bigint, NULL::text, NULL::text,
            NULL::text FROM ark_meta AS meta;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT log.resource, log.namespace, log.name,
        log.revision, log.event, log.previous, log.uid, log.labels, log.body,
        old.revision, old.event, old.previous, old.uid, old.labels, old.body
    FROM (
        SELECT * FROM ark_log AS entry WHERE entry.revision > start ORDER BY entry.revision LIMIT most
    ) AS log
    LEFT JOIN LATERAL (SELECT * FROM ark_log AS entry WHERE entry.revision = log.previous OFFSET 0) AS old ON true
    ORDER BY log.revision;
END $$;
