"""
CPU of what server-side apply does for each write.

Run as C{python -m tests.bench.bench_apply}; prints microseconds a call, the best of five.
"""

from __future__ import annotations

import itertools
from typing import Any

import orjson

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.managedfields import NOTHING, decode, read
from ark.apply.typedschema import compile_typed
from ark.registry.core import strategy_for
from ark.registry.fieldtracking import Tracking
from tests.bench.bench_schema import QUERY, measure

SPEC_OWNER = {name: QUERY[name] for name in ("apiVersion", "kind", "metadata", "spec")}


def copied(value: Any) -> Any:
    """
    An equal value that shares nothing, as what a client sends does.
    """
    return orjson.loads(orjson.dumps(value))


def written() -> tuple[dict[str, Any], dict[str, Any]]:
    """
    An object before and after a write to its status.
    """
    old, new = copied(QUERY), copied(QUERY)
    new["status"]["phase"] = "running"
    new["status"]["conditions"][0]["message"] = "Query is running"
    del new["status"]["duration"]
    return old, new


def main() -> None:
    """
    Measure comparing, then owners, then applying.
    """
    kind = KindRegistry.load().get("ark.mckinsey.com", "v1alpha1", "queries")
    assert kind is not None
    schema = compile_typed(kind.schema)
    old, new = written()
    shared = {**new, "spec": old["spec"], "metadata": old["metadata"]}
    print(f"an object of {len(orjson.dumps(QUERY))} bytes; microseconds a call")
    measure("compile the schema of a kind", lambda: compile_typed(kind.schema).compare(old, new), 100)
    measure("compare equal objects", lambda: schema.compare(old, copied_old))
    measure("compare, status differs", lambda: schema.compare(old, new))
    measure("compare, status differs, the rest is shared", lambda: schema.compare(old, shared))
    measure("compare with nothing (create)", lambda: schema.compare({}, new))
    measure("check", lambda: schema.check(new, allow_duplicates=True))
    measure("field set", lambda: schema.field_set(new))

    found = schema.compare(old, new)
    writer = schema.compare({}, {"status": QUERY["status"]}).added
    others = [schema.field_set(SPEC_OWNER), FieldSet.of(), schema.field_set({"metadata": QUERY["metadata"]})]

    def owners() -> None:
        gained = found.added.union(found.modified)
        for fields in (*others, writer):
            schema.reconcile(fields)
        for fields in others:
            fields.intersection(gained)
            fields.difference(found.removed)
        writer.difference(found.removed).union(gained)

    measure("owners of a status write, three more managers", owners)
    fields_v1 = copied(writer.fields_v1())
    measure("read a stored set", lambda: FieldSet.stored(fields_v1))
    measure("read a set that anybody may have written", lambda: FieldSet.parse(fields_v1))
    measure("merge", lambda: schema.merge(old, SPEC_OWNER))
    spec = schema.field_set(SPEC_OWNER)
    measure("named members", lambda: schema.named_members(spec))
    measure("remove", lambda: schema.remove(new, spec))
    assert not EMPTY
    track(kind)


def track(kind: Kind) -> None:
    """
    Measure what a write pays for C{managedFields}, from the stored text to the one that is stored next.
    """
    second = itertools.cycle(range(60))
    tracking = Tracking(
        strategy_for(kind), {kind.version: kind}.get, lambda: f"2026-01-01T00:00:{next(second):02}Z"
    )
    main, status = tracking.tracker(""), tracking.tracker("status")
    created = copied(SPEC_OWNER)
    old, new = written()
    labelled = copied(created)
    labelled["metadata"].setdefault("labels", {})["another"] = "label"
    managed = main.update(created, labelled, main.update(None, created, NOTHING, "creator"), "labeller")
    managed = status.update(created, old, managed, "controller")
    reported = {**copied(old), "status": new["status"]}
    measure("track a create", lambda: main.update(None, created, NOTHING, "creator").text)
    measure(
        "track a status write, three managers",
        lambda: status.update(old, reported, read(managed.text), "controller").text,
    )
    same = copied(old)
    measure("track a write that changes nothing", lambda: main.update(old, same, managed, "creator").text)
    measure("read entries for the first time", lambda: decode(managed.text))


copied_old = copied(QUERY)


if __name__ == "__main__":
    main()
