"""
The operations of server-side apply, done by structured-merge-diff and by us.

Run as C{python -m tests.cluster.applyoracle [SCHEMAS] [SEED]} to compare more cases than the tests do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from random import Random
from typing import Any, NamedTuple

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.apply.fieldpath import FieldsError, path_text
from ark.apply.fieldset import FieldSet
from ark.apply.typedschema import TypedError, TypedSchema, compile_typed
from ark.meta.gotext import json_marshal
from tests.apply.generated import Generated, Schema
from tests.cluster.build import binary

Answer = dict[str, Any]
FAILED: Answer = {"error": True}


class Case(NamedTuple):
    """
    An operation as the oracle gets it.
    """

    op: str
    request: dict[str, Any]


class Oracle:
    """
    The program that answers with what Kubernetes does.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(binary("applyoracle"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, op: str, **request: Any) -> Answer:
        """
        The answer to one operation.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **request}).encode() + b"\n")
        self._process.stdin.flush()
        answer: Answer = decoded(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        """
        End the program.
        """
        self._process.communicate()


def ours(schema: TypedSchema | None, op: str, request: dict[str, Any]) -> Answer:
    """
    Our answer to an operation, in the form of the oracle's.
    """
    try:
        return _answer(schema, op, request)
    except FieldsError as error:
        return {"error": [str(error)]}
    except TypedError as error:
        return {"error": ["\n".join(sorted(str(error).split("\n")))]}


def _answer(schema: TypedSchema | None, op: str, request: dict[str, Any]) -> Answer:
    if op == "parse":
        fields = FieldSet.parse(request["fields"])
        answer = _sets(set=fields)
        paths = [path_text(path) for path in fields.paths()]
        return {**answer, "paths": paths} if paths else answer
    if op == "sets":
        one, other = FieldSet.parse(request["fields"]), FieldSet.parse(request["more"])
        return _sets(
            union=one.union(other),
            intersection=one.intersection(other),
            difference=one.difference(other),
            recursive=one.recursive_difference(other),
            leaves=one.leaves(),
        )
    assert schema is not None
    if op == "named":
        return _sets(set=schema.named_members(FieldSet.parse(request["fields"])))
    if op == "reconcile":
        return _sets(set=schema.reconcile(FieldSet.parse(request["fields"])))
    return _typed(schema, op, request)


def _typed(schema: TypedSchema, op: str, request: dict[str, Any]) -> Answer:
    value = request["object"]
    if op == "check":
        schema.check(value, allow_duplicates=request["flag"])
        return {}
    schema.check(value, allow_duplicates=True)
    if op == "fields":
        return _sets(set=schema.field_set(value))
    if op == "compare":
        schema.check(request["other"], allow_duplicates=True)
        found = schema.compare(value, request["other"])
        return _sets(added=found.added, modified=found.modified, removed=found.removed)
    if op == "merge":
        schema.check(request["other"])
        result: Any = schema.merge(value, request["other"])
    else:
        result = schema.remove(value, FieldSet.parse(request["fields"]))
    return {"object": decoded(json_marshal(result))}


def decoded(text: str | bytes) -> Any:
    """
    A JSON value, where what is no C{int64} is a float.
    """
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 19 else float(digits))


def _sets(**sets: FieldSet) -> Answer:
    return {"sets": {name: fields_text(fields) for name, fields in sets.items()}}


def fields_text(fields: FieldSet) -> str:
    """
    The JSON text of a set, in its order and with the escapes of Go.
    """

    def text(tree: dict[str, Any]) -> str:
        return f"{{{','.join(f'{_name(key)}:{text(below)}' for key, below in tree.items())}}}"

    return text(fields.fields_v1())


def _name(key: str) -> str:
    return json.dumps(key, ensure_ascii=False).replace("\\b", "\\u0008").replace("\\f", "\\u000c")


def normal(op: str, answer: Answer) -> Answer:
    """
    What has to agree: of refused objects only that they are, except where they are judged.
    """
    if op != "check" and answer.get("error"):
        return FAILED
    return answer


def agree(op: str, theirs: Answer, mine: Answer) -> bool:
    """
    Whether two answers say the same.
    """
    if op == "check" and theirs.get("error"):
        return bool(mine.get("error")) and _same_faults(theirs["error"], mine["error"][0])
    theirs, mine = normal(op, theirs), normal(op, mine)
    if "object" in theirs and "object" in mine:
        # Where nothing is left, Kubernetes has no object at all.
        return json_marshal(theirs["object"] or {}) == json_marshal(mine["object"] or {})
    return theirs == mine


def _same_faults(theirs: list[str], mine: str) -> bool:
    """
    Whether an error is one of those that Kubernetes gives.

    It goes through members in any order and no further where it meets one that is not declared, so that
    there may be more of them than the oracle has seen.
    """
    if any(sorted(mine) == sorted(text) for text in theirs):
        return True
    return len(theirs) > 1 and all("not declared" in text for text in (*theirs, mine))


def set_cases(source: Generated) -> Iterator[Case]:
    """
    Cases without a schema.
    """
    one, other = source.fields(), source.fields()
    yield Case("parse", {"fields": one})
    yield Case("sets", {"fields": one, "more": other})


def typed_cases(source: Generated, schema: Schema) -> Iterator[Case]:
    """
    Cases with objects of one kind.
    """
    wild = source.rng.choice((0, 0, 0.02, 0.1))
    one = source.object(schema, wild)
    other = source.changed({**schema, "type": "object"}, one) if source.chance(0.8) else None
    other = other if isinstance(other, dict) else source.object(schema)
    for value in (one, other):
        yield Case("check", {"object": value, "flag": False})
        yield Case("check", {"object": value, "flag": True})
        yield Case("fields", {"object": value})
    yield Case("compare", {"object": one, "other": other})
    yield Case("compare", {"object": other, "other": one})
    yield Case("compare", {"object": one, "other": decoded(json.dumps(one))})
    yield Case("merge", {"object": one, "other": other})
    yield Case("merge", {"object": other, "other": one})


def field_cases(source: Generated, schema: TypedSchema, value: Any) -> Iterator[Case]:
    """
    Cases with sets of fields that an object has, as far as it fits.
    """
    try:
        schema.check(value, allow_duplicates=True)
    except TypedError:
        return
    whole = schema.compare({}, value).added
    paths = list(whole.paths())
    for share in (0.1, 0.5):
        fields = FieldSet.of(*(path for path in paths if source.chance(share))).fields_v1()
        yield Case("remove", {"object": value, "fields": fields})
        yield Case("named", {"fields": fields})
        yield Case("reconcile", {"fields": fields})
        yield Case("reconcile", {"fields": {"f:spec": source.fields(2), "f:status": source.fields(2)}})


Disagreement = tuple[Schema, Case, Answer, Answer]


def disagreements(oracle: Oracle, schemas: int, seed: int) -> Iterator[Disagreement]:
    """
    Go through generated cases with as many schemas as told, and with those of Ark's kinds.
    """
    source = Generated(seed)
    for schema in chain((source.kind_schema() for _ in range(schemas)), _schemas().values()):
        answer = oracle.ask("schema", schema=schema)
        if answer:
            yield schema, Case("schema", {}), answer, {}
        yield from _compared(oracle, source, schema, compile_typed(schema), {})
    oracle.ask("builtin")
    for kind in _of_kubernetes():
        typed = compile_typed(kind.schema, built_in=True)
        known = {"apiVersion": kind.api_version, "kind": kind.kind}
        yield from _compared(oracle, source, _schemas()[kind.kind], typed, known)


def _compared(
    oracle: Oracle, source: Generated, schema: Schema, typed: TypedSchema, known: dict[str, str]
) -> Iterator[Disagreement]:
    """
    @param known: what tells the kind, where it is one of Kubernetes itself.
    """
    for _ in range(12):
        cases = [*set_cases(source), *typed_cases(source, schema)]
        cases += field_cases(source, typed, cases[2].request["object"])
        for case in cases:
            if known and case.op in ("named", "reconcile"):
                continue
            for name in ("object", "other"):
                if name in case.request:
                    case.request[name].update(known)
            theirs, mine = oracle.ask(case.op, **case.request), ours(typed, case.op, case.request)
            if not agree(case.op, theirs, mine):
                yield schema, case, theirs, mine


@lru_cache(maxsize=1)
def _kinds() -> list[Kind]:
    return list(KindRegistry.load())


def _schemas() -> dict[str, Schema]:
    """
    The schemas of the kinds that Ark has, with what no definition may say of metadata left out.
    """
    result: dict[str, Schema] = {}
    for kind in _kinds():
        properties = {**kind.schema["properties"], "metadata": {"type": "object"}}
        result[kind.kind] = {**kind.schema, "properties": properties}
    return result


def _of_kubernetes() -> list[Kind]:
    """
    The stored kinds of Kubernetes that its client library knows.
    """
    return [kind for kind in _kinds() if kind.typed and kind.group in ("", "coordination.k8s.io")]


def main() -> int:
    """
    Print the first case of each operation in which the answers differ.
    """
    schemas = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else Random().randrange(1 << 30)
    oracle = Oracle()
    count = 0
    shown: set[str] = set()
    for schema, case, theirs, mine in disagreements(oracle, schemas, seed):
        count += 1
        if case.op not in shown:
            shown.add(case.op)
            print(
                json.dumps(schema),
                case.op,
                json.dumps(case.request),
                f"  {theirs}",
                f"  {mine}",
                "",
                sep="\n",
            )
    oracle.stop()
    print(f"seed {seed}: {count} cases differ")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
