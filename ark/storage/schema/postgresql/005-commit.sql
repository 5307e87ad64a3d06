-- Version 5: a batch in fewer and cheaper statements.

-- A batch.  Each list is a text with a separator after every member: to take it apart costs much less
-- than as many members of an array in a statement.  "apart" says that no key comes twice and nothing is
-- deleted.
--
-- Gives one row with the first and the last revision that were given out (none: last is less), as
-- revision and previous, at place 0.  The changes that fit have them one after another, in order.  One
-- row more for each of the others, at its place, with the version that was in its way (none: nulls).
CREATE FUNCTION ark_commit_v2(
    writer text, batch_number bigint, seen bigint, apart boolean, expectations bigint[], separator text,
    resources_list text, namespaces_list text, names_list text, events_list text, uids_list text,
    labels_list text, heads_list text, tails_list text
) RETURNS TABLE (
    place integer, revision bigint, event text, previous bigint, uid text, labels text, body text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    resources text[] := string_to_array(resources_list, separator);
    namespaces text[] := string_to_array(namespaces_list, separator);
    names text[] := string_to_array(names_list, separator);
    events text[] := string_to_array(events_list, separator);
    uids text[] := string_to_array(uids_list, separator);
    labels_texts text[] := string_to_array(labels_list, separator);
    heads text[] := string_to_array(heads_list, separator);
    tails text[] := string_to_array(tails_list, separator);
    changes integer := cardinality(expectations);
    stamp double precision := extract(epoch FROM clock_timestamp());
    started bigint;
    counter bigint;
    expected bigint;
    live bigint;
BEGIN
    -- The lock that all stand in line for; what is not given out is given back below.
    UPDATE ark_meta AS meta SET revision = meta.revision + changes
    RETURNING meta.revision - changes INTO started;
    IF started < seen THEN
        RAISE EXCEPTION 'revision % was seen, and there are % only', seen, started USING ERRCODE = 'ARK02';
    END IF;
    counter := started;
    IF apart AND changes >= 6 AND expectations = ARRAY(
        SELECT coalesce((
            SELECT object.revision FROM ark_object AS object
            WHERE object.resource = given.resource AND object.namespace = given.namespace
                AND object.name = given.name
        ), 0)
        FROM unnest(resources, namespaces, names) WITH ORDINALITY AS given (resource, namespace, name, place)
        WHERE given.place <= changes ORDER BY given.place
    ) THEN
        -- All fit: one statement each for what one by one would be many.
        INSERT INTO ark_log
        SELECT started + given.place, given.resource, given.namespace, given.name, given.event, given.expected,
            given.uid, stamp, given.labels, given.head || (started + given.place)::text || given.tail
        FROM unnest(
            resources, namespaces, names, events, expectations, uids, labels_texts, heads, tails
        ) WITH ORDINALITY AS given (
            resource, namespace, name, event, expected, uid, labels, head, tail, place
        ) WHERE given.place <= changes;
        INSERT INTO ark_object AS object
        SELECT given.resource, given.namespace, given.name, started + given.place
        FROM unnest(resources, namespaces, names) WITH ORDINALITY AS given (resource, namespace, name, place)
        WHERE given.place <= changes
        ON CONFLICT (resource, namespace, name) DO UPDATE SET revision = excluded.revision;
        counter := started + changes;
    END IF;
    FOR number IN 1 .. CASE WHEN counter = started THEN changes ELSE 0 END LOOP
        expected := expectations[number];
        SELECT object.revision INTO live FROM ark_object AS object
        WHERE object.resource = resources[number] AND object.namespace = namespaces[number]
            AND object.name = names[number];
        IF live IS NULL AND (expected > 0 OR events[number] = 'DELETED') THEN
            RETURN QUERY SELECT number, NULL::bigint, NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::text;
            CONTINUE;
        ELSIF coalesce(live, 0) <> expected THEN
            RETURN QUERY
            SELECT number, log.revision, log.event, log.previous, log.uid, log.labels, log.body
            FROM ark_log AS log WHERE log.revision = live;
            CONTINUE;
        END IF;
        counter := counter + 1;
        INSERT INTO ark_log VALUES (
            counter, resources[number], namespaces[number], names[number], events[number], expected, uids[number],
            stamp, labels_texts[number], heads[number] || counter::text || tails[number]
        );
        IF live IS NULL THEN
            INSERT INTO ark_object VALUES (resources[number], namespaces[number], names[number], counter);
        ELSIF events[number] = 'DELETED' THEN
            DELETE FROM ark_object AS object
            WHERE object.resource = resources[number] AND object.namespace = namespaces[number]
                AND object.name = names[number];
        ELSE
            UPDATE ark_object AS object SET revision = counter
            WHERE object.resource = resources[number] AND object.namespace = namespaces[number]
                AND object.name = names[number];
        END IF;
    END LOOP;
    IF counter < started + changes THEN
        UPDATE ark_meta SET revision = counter;
    END IF;
    UPDATE ark_writer
    SET batch = batch_number, first_revision = started + 1, last_revision = counter, written_at = now()
    WHERE id = writer AND batch = batch_number - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % of % is not expected', batch_number, writer USING ERRCODE = 'ARK01';
    END IF;
    IF counter > started THEN
        PERFORM pg_notify('ark_resources', counter::text);
    END IF;
    RETURN QUERY SELECT 0, started + 1, NULL::text, counter, NULL::text, NULL::text, NULL::text;
END $$;
