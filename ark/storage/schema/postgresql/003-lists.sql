-- Version 3: ranges of keys are read by functions, whose plans a connection keeps, and which cost
-- the same for a page of few objects and of many.  A range goes from the first key that belongs to
-- it to the end of the last namespace that does.

-- The version that was live at a revision, of the life that a version was the end of: its versions
-- are walked back to the first one that is not after it.  Null if the object was created since.
CREATE FUNCTION ark_version_v1(head bigint, at bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    WHILE head > at LOOP
        SELECT entry.previous INTO head FROM ark_log AS entry WHERE entry.revision = head;
    END LOOP;
    RETURN nullif(head, 0);
END $$;

-- Revisions of the live versions of a range as of a revision, in the order of their keys.  Whatever
-- was live then has now either a pointer or a deletion after it.  Both lie in order in an index, and
-- are merged from there as far as they are wanted, whereas sorting would read them all.  The planner
-- merges only what is one scan each, so the conditions stand outside of the union.  Deletions before
-- the revision are left out after it: their index would else be searched, perhaps to its end, for
-- the first that is not.
CREATE FUNCTION ark_snapshot_v1(
    wanted text, low_namespace text, low_name text, high_namespace text, at bigint, most bigint
) RETURNS bigint[] LANGUAGE plpgsql STABLE SET enable_sort = off SET jit = off AS $$
BEGIN
    RETURN ARRAY(
        SELECT life.revision FROM (
            SELECT CASE WHEN head.revision <= at THEN head.revision ELSE ark_version_v1(head.revision, at) END
                AS revision
            FROM (
                SELECT either.revision, either.gone FROM (
                    SELECT object.resource, object.namespace, object.name, object.revision,
                        'DELETED'::text COLLATE "C" AS event, false AS gone
                    FROM ark_object AS object
                    UNION ALL
                    SELECT log.resource, log.namespace, log.name, log.revision, log.event, true
                    FROM ark_log AS log
                ) AS either
                WHERE either.event = 'DELETED' AND either.resource = wanted
                    AND either.namespace <= high_namespace
                    AND (either.namespace, either.name) >= (low_namespace, low_name)
                ORDER BY either.namespace, either.name OFFSET 0
            ) AS head
            WHERE NOT head.gone OR head.revision > at OFFSET 0
        ) AS life
        WHERE life.revision IS NOT NULL LIMIT most
    );
END $$;

-- The same now, if no revision is given.
CREATE FUNCTION ark_page_v1(
    wanted text, low_namespace text, low_name text, high_namespace text, at bigint, most bigint
) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF at IS NOT NULL THEN
        RETURN ark_snapshot_v1(wanted, low_namespace, low_name, high_namespace, at, most);
    END IF;
    RETURN ARRAY(
        SELECT object.revision FROM ark_object AS object
        WHERE object.resource = wanted AND object.namespace <= high_namespace
            AND (object.namespace, object.name) >= (low_namespace, low_name)
        ORDER BY object.namespace, object.name LIMIT most
    );
END $$;

-- The live versions of a range, by their place; at place 0 the counter, and the floor as the
-- version before it.
CREATE FUNCTION ark_list_v1(
    wanted text, low_namespace text, low_name text, high_namespace text, at bigint, most bigint
) RETURNS TABLE (
    place bigint, namespace text, name text,
    revision bigint, event text, previous bigint, uid text, labels text, body text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 0::bigint, NULL::text, NULL::text, meta.revision, NULL::text, meta.compacted_revision, NULL::text,
        NULL::text, NULL::text
    FROM ark_meta AS meta;
    RETURN QUERY
    SELECT found.place, log.namespace, log.name, log.revision, log.event, log.previous, log.uid, log.labels, log.body
    FROM unnest(ark_page_v1(wanted, low_namespace, low_name, high_namespace, at, most)) WITH ORDINALITY
        AS found (revision, place)
    CROSS JOIN LATERAL (SELECT * FROM ark_log AS entry WHERE entry.revision = found.revision OFFSET 0) AS log
    ORDER BY found.place;
END $$;

-- The same with the bodies joined by commas, in one row: with the last key that is among them,
-- and how many there are (one more than asked for: others follow).
CREATE FUNCTION ark_list_joined_v1(
    wanted text, low_namespace text, low_name text, high_namespace text, at bigint, most bigint
) RETURNS TABLE (
    revision bigint, compacted_revision bigint, total integer, namespace text, name text, bodies text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    page bigint[] := ark_page_v1(wanted, low_namespace, low_name, high_namespace, at, most + 1);
BEGIN
    RETURN QUERY
    SELECT meta.revision, meta.compacted_revision, cardinality(page), last.namespace, last.name, joined.bodies
    FROM ark_meta AS meta
    LEFT JOIN LATERAL (
        SELECT * FROM ark_log AS entry WHERE entry.revision = page[least(most, cardinality(page))] OFFSET 0
    ) AS last ON true
    CROSS JOIN LATERAL (
        SELECT string_agg(log.body, ',' ORDER BY found.place) AS bodies
        FROM unnest(page[:most]) WITH ORDINALITY AS found (revision, place)
        CROSS JOIN LATERAL (
            SELECT entry.body FROM ark_log AS entry WHERE entry.revision = found.revision OFFSET 0
        ) AS log
    ) AS joined;
END $$;

-- How many live keys a range has, beside the counter and the floor.
CREATE FUNCTION ark_count_v1(
    wanted text, low_namespace text, low_name text, high_namespace text, at bigint
) RETURNS TABLE (revision bigint, compacted_revision bigint, total bigint) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    found bigint;
BEGIN
    SELECT count(*) INTO found FROM ark_object AS object
    WHERE object.resource = wanted AND object.namespace <= high_namespace
        AND (object.namespace, object.name) >= (low_namespace, low_name)
        AND (at IS NULL OR object.revision <= at OR ark_version_v1(object.revision, at) IS NOT NULL);
    IF at IS NOT NULL THEN
        SELECT found + count(*) INTO found FROM ark_log AS log
        WHERE log.event = 'DELETED' AND log.resource = wanted AND log.namespace <= high_namespace
            AND (log.namespace, log.name) >= (low_namespace, low_name)
            AND log.revision > at AND ark_version_v1(log.revision, at) IS NOT NULL;
    END IF;
    RETURN QUERY SELECT meta.revision, meta.compacted_revision, found FROM ark_meta AS meta;
END $$;

-- The version of a key that was live at a revision, after the counter and the floor as
-- ark_list_v1 gives them.
CREATE FUNCTION ark_get_at_v1(wanted text, wanted_namespace text, wanted_name text, at bigint) RETURNS TABLE (
    place bigint, namespace text, name text,
    revision bigint, event text, previous bigint, uid text, labels text, body text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    head bigint;
BEGIN
    SELECT min(log.revision) INTO head FROM ark_log AS log
    WHERE log.event = 'DELETED' AND log.resource = wanted AND log.namespace = wanted_namespace
        AND log.name = wanted_name AND log.revision > at;
    IF head IS NULL THEN
        SELECT object.revision INTO head FROM ark_object AS object
        WHERE object.resource = wanted AND object.namespace = wanted_namespace AND object.name = wanted_name;
    END IF;
    RETURN QUERY
    SELECT 0::bigint, NULL::text, NULL::text, meta.revision, NULL::text, meta.compacted_revision, NULL::text,
        NULL::text, NULL::text
    FROM ark_meta AS meta;
    RETURN QUERY
    SELECT 1::bigint, log.namespace, log.name, log.revision, log.event, log.previous, log.uid, log.labels, log.body
    FROM ark_log AS log WHERE log.revision = ark_version_v1(head, at);
END $$;
