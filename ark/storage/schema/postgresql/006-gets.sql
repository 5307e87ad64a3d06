-- Version 6: point reads whose keys are taken apart as those of a batch are.

-- The live versions of some keys, by their place; at place 0 the counter.  Each list is a text with a
-- separator after every member.
CREATE FUNCTION ark_get_v2(
    separator text, resources_list text, namespaces_list text, names_list text
) RETURNS TABLE (
    place bigint, revision bigint, event text, previous bigint, uid text, labels text, body text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    resources text[] := string_to_array(resources_list, separator);
    namespaces text[] := string_to_array(namespaces_list, separator);
    names text[] := string_to_array(names_list, separator);
BEGIN
    RETURN QUERY
    SELECT 0::bigint, meta.revision, NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::text
    FROM ark_meta AS meta;
    IF cardinality(names) = 2 THEN
        RETURN QUERY
        SELECT 1::bigint, log.revision, log.event, log.previous, log.uid, log.labels, log.body
        FROM ark_object AS object
        CROSS JOIN LATERAL (SELECT * FROM ark_log AS entry WHERE entry.revision = object.revision OFFSET 0) AS log
        WHERE object.resource = resources[1] AND object.namespace = namespaces[1] AND object.name = names[1];
        RETURN;
    END IF;
    RETURN QUERY
    SELECT wanted.place, log.revision, log.event, log.previous, log.uid, log.labels, log.body
    FROM unnest(resources, namespaces, names) WITH ORDINALITY AS wanted (resource, namespace, name, place)
    CROSS JOIN LATERAL (
        SELECT object.revision FROM ark_object AS object
        WHERE object.resource = wanted.resource AND object.namespace = wanted.namespace
            AND object.name = wanted.name OFFSET 0
    ) AS found
    CROSS JOIN LATERAL (SELECT * FROM ark_log AS entry WHERE entry.revision = found.revision OFFSET 0) AS log
    WHERE wanted.place < cardinality(names);
END $$;
