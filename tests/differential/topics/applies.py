"""
Server-side apply, and who owns which field after every other write.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import APPLY, JSON_PATCH, MERGE, Call, Step, call, target
from tests.differential.topics.common import SPEC, namespace

_STEPS = 500
_KEEP = {"rv": "metadata.resourceVersion", "uid": "metadata.uid"}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_SPECS: tuple[dict[str, Any], ...] = (
    {}, {"color": "red"}, {"color": "blue"}, {"color": "red", "size": 5}, {"color": "red", "size": 6}, {"color": None}, {"color": "pink"}, {"size": "x"}, {"bogus": 1},
    {"color": "red", "tags": ["a", "b"]}, {"color": "red", "tags": ["b", "c"]}, {"color": "red", "tags": []}, {"color": "red", "tags": ["a", "a"]}, {"color": "red", "tags": None},
    {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}, {"ports": [{"name": "c"}, {"name": "a", "port": 1}]}, {"ports": [{"name": "a", "protocol": "UDP"}]},
    {"ports": [{"name": "a"}, {"name": "a", "protocol": "TCP"}]}, {"ports": [{"port": 5}]}, {"ports": [{"name": "a", "port": 9}]}, {"ports": []}, {"ports": {}}, {"ports": [5]},
    {"owner": {"name": "x"}}, {"owner": {"name": "y", "uid": "u"}}, {"owner": {}}, {"owner": None}, {"grid": [[1, 2], [3]]}, {"grid": [[1]]}, {"steps": [{"run": "a"}]},
    {"steps": [{"run": "a", "retry": {"times": 3}}, {"run": "b"}]}, {"free": {"a": {"b": 1}, "l": [1, {"x": 2}]}}, {"free": {"a": {"c": 2}}}, {"free": {"a": 5}}, {"free": {"a": None}}, {"free": {}},
    {"half": {"known": "k", "more": {"x": [1]}}}, {"half": {"inner": {"only": "o"}}}, {"quotas": {"cpu": {"hard": 1}}}, {"quotas": {"cpu": {"hard": 2, "soft": 2}, "mem": {"hard": 3}}},
    {"labels": {"a": "b"}}, {"labels": {"a": "c", "d": "e"}}, {"limit": 5}, {"limit": "5%"}, {"maybe": None}, {"maybe": "x"}, {"ratio": 1}, {"ratio": 1.0}, {"ratio": 1.5}, {"big": 5.0},
    {"template": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "t", "labels": {"a": "b"}}, "rest": [1]}}, {"child": {"apiVersion": "v1", "kind": "X", "spec": {"fine": True}}},
    {"mode": "odd", "armed": True, "replicas": 3}, {"replicas": 4}, {"either": {"left": "l"}},
)  # fmt: skip
# One that is there: others would be collected with what they own.
_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "$(owner)"}
_METADATA: tuple[dict[str, Any], ...] = (
    {}, {"labels": {"a": "b"}}, {"labels": {"a": "c", "d": "e"}}, {"labels": {}}, {"annotations": {"n": "1"}}, {"annotations": {"n": "2", _LAST_APPLIED: "{}"}},
    {"finalizers": ["example.com/f"]}, {"finalizers": ["example.com/g", "example.com/f"]}, {"finalizers": []}, {"generateName": "g-"}, {"labels": {"a": 5}}, {"bogus": 1},
    {"ownerReferences": [_OWNER]}, {"ownerReferences": [{**_OWNER, "controller": True}]},
    {"resourceVersion": "1"}, {"resourceVersion": "$(rv)"}, {"uid": "u"}, {"uid": "$(uid)"}, {"namespace": "other"}, {"name": "other"}, {"name": ""}, {"managedFields": []}, {"managedFields": [{}]}, {"managedFields": None},
    # With a label that changes: kube-apiserver writes an apply that restates what it keeps itself, if a second has passed.
    {"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 7, "labels": {"a": "x"}}, {"creationTimestamp": None, "labels": {"a": "y"}}, {"deletionTimestamp": "2020-01-01T00:00:00Z"},
)  # fmt: skip
_TEXTS = (
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"a: b", b"a: b: c", b"{}", b'{"apiVersion":"a/b/c","kind":"Widget"}', b'{"apiVersion":"v1","kind":"Widget"}', b'{"apiVersion":"probe.example.com/v1"}',
    b'{"apiVersion":"probe.example.com/v1","kind":"Plate"}', b'{"apiVersion":"probe.example.com/v1beta1","kind":"Widget"}', b'{"apiVersion":5,"kind":"Widget"}', b'{"kind":"Widget"}',
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {color: red, color: blue, size: 3, size: 4}\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: x\n", b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: 5\n",
    b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 1e0}\n", b"apiVersion: probe.example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 4, free: {x: yes, y: ~}}\n",
)  # fmt: skip


def _place(name: str) -> Iterator[Step]:
    """
    A namespace with an owner in it.
    """
    yield namespace(name)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    yield call("POST", f"/api/v1/namespaces/{name}/configmaps", owner, keep={"owner": "metadata.uid"})


def _entry(manager: str, operation: str, fields: Any, **members: Any) -> dict[str, Any]:
    return {
        "manager": manager, "operation": operation, "apiVersion": "probe.example.com/v1",
        "time": "2020-01-02T03:04:05Z", "fieldsType": "FieldsV1", "fieldsV1": fields, **members,
    }  # fmt: skip


_COLOR = {"f:spec": {"f:color": {}}}
_EDITS: tuple[Any, ...] = (
    [], [{}], None, [{}, {}], "x", [5], [_entry("x", "Update", _COLOR)], [_entry("x", "Apply", _COLOR)], [_entry("x", "Create", _COLOR)], [_entry("x", "Update", _COLOR, fieldsType="")],
    [_entry("x", "Update", _COLOR, fieldsType="V2")], [_entry("x", "Update", _COLOR, apiVersion="")],      [_entry("x", "Update", _COLOR, apiVersion="probe.example.com/v1beta1")], [_entry("x", "Update", {"x": {}})], [_entry("x", "Update", [])],
    [_entry("x", "Update", {"f:spec": 1})], [_entry("x", "Update", {"f:spec": {"k:{": {}}})], [_entry("x", "Update", {"f:spec": {"z:what": {}, "f:size": {}}})], [_entry("x", "Update", {})],
    [_entry("x", "Update", None)], [_entry("x" * 129, "Update", _COLOR)], [_entry("x", "Update", _COLOR, subresource="status")], [_entry("x", "Update", _COLOR), _entry("x", "Update", {"f:spec": {"f:size": {}}})],
    [_entry("x", "Update", {"f:spec": {"f:owner": {"f:name": {}}, "f:grid": {"i:0": {}}, "f:tags": {'v:"a"': {}}, "f:ports": {'k:{"protocol":"TCP","name":"a"}': {".": {}, "f:name": {}}}}})],
    [_entry("kubectl", "Apply", {**_COLOR, "f:metadata": {"f:annotations": {".": {}, f"f:{_LAST_APPLIED}": {}}}}), _entry("y", "Update", {"f:spec": {"f:size": {}}})],
    [_entry("x", "Update", _COLOR, time="nonsense")], [_entry("x", "Update", _COLOR, bogus=1)], [_entry("", "Update", _COLOR)], [_entry("z", "Apply", {"f:metadata": {"f:name": {}}, "f:spec": {".": {}}})],
)  # fmt: skip


def applies(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Tables of configurations, of metadata, of bodies and of managedFields, on one object.
    """
    kind = find(kinds, "widgets", "v1")
    yield from _place("applies")
    where = kind.path("applies", "a")
    yield call("POST", kind.path("applies"), kind.object("a", {**SPEC, "tags": ["z"]}), keep=_KEEP)
    for manager in ("one", "two"):
        for spec in _SPECS:
            yield _apply(rng, kind, "a", {"spec": spec}, fieldManager=manager)
            yield call("GET", where, keep=_KEEP)
    for metadata in _METADATA:
        for name in ("a", "new"):
            if name == "new" and "deletionTimestamp" in metadata:
                # Kubernetes takes it over, and nothing ever deletes such an object.
                continue
            yield _apply(
                rng, kind, name, {"metadata": metadata, "spec": {"color": "red"}}, fieldManager="meta"
            )
            yield call("GET", kind.path("applies", name), keep=_KEEP)
        yield call("DELETE", kind.path("applies", "new"))
    for text in _TEXTS:
        validation = rng.choice([None, "Strict", "Ignore", "Warn"])
        yield call(
            "PATCH",
            target(where, fieldManager="t", force="true", fieldValidation=validation),
            raw=text,
            content=APPLY,
        )
    yield from _parameters(kind)
    yield from _edits(kind)
    yield from _migration(kind)
    yield from _many(kind)
    yield from _scales(kind)
    yield from _built_in()


def _apply(rng: random.Random, kind: Kind, name: str, members: dict[str, Any], **query: Any) -> Call:
    body = kind.object(name, **members)
    query.setdefault("force", rng.choice([None, None, "true", "false"]))
    return call("PATCH", target(kind.path("applies", name), **query), body, content=APPLY, keep=_KEEP)


def _parameters(kind: Kind) -> Iterator[Step]:
    """
    What the query and the path may say.
    """
    body = kind.object("p", {"color": "red"})
    where = kind.path("applies", "p")
    for query in (
        {}, {"fieldManager": ""}, {"fieldManager": "m" * 129}, {"fieldManager": "a\x01"}, {"fieldManager": "m", "force": "x"}, {"fieldManager": "m", "dryRun": "All"},
        {"fieldManager": "m", "dryRun": "x"}, {"fieldManager": "m", "fieldValidation": "x"}, {"fieldManager": "m"}, {"fieldManager": "m"},
    ):  # fmt: skip
        yield call("PATCH", target(where, **query), body, content=APPLY)
        yield call("GET", where)
    for content in (
        "application/apply-patch+cbor",
        "application/apply-patch+yaml; charset=utf-8",
        "application/apply-patch+json",
    ):
        yield call("PATCH", target(where, fieldManager="m"), body, content=content)
    for path in (
        kind.path("applies", "gone", "status"),
        kind.path("applies", "gone", "scale"),
        kind.path("nowhere", "a"),
        kind.path("applies", "Bad_Name"),
        kind.path("applies"),
    ):
        yield call("PATCH", target(path, fieldManager="m"), {**body, "metadata": {}}, content=APPLY)
    for name in ("a", "Bad_Name"):
        yield call(
            "PATCH",
            target(kind.path("nowhere", name), fieldManager="m"),
            kind.object(name, {"color": "red"}),
            content=APPLY,
        )
    for name in ("p", "p/status", "p/scale"):
        yield call(
            "PATCH", target(kind.path("applies", name), force="true"), {"spec": {"size": 2}}, content=MERGE
        )
    yield call(
        "PATCH",
        target(kind.path("applies", "p", "status"), fieldManager="s"),
        kind.object("p", {"size": 9}, status={"phase": "Done"}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(kind.path("applies", "p", "status"), fieldManager="s2"),
        kind.object("p", status={"phase": "Ready", "conditions": [{"type": "A", "status": "True"}]}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(kind.path("applies", "p", "status"), fieldManager="s2", force="true"),
        kind.object("p", status={"phase": "Ready", "conditions": [{"type": "A", "status": "True"}]}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(kind.path("applies", "p", "status"), fieldManager="s2"),
        kind.object("p", status={"conditions": [{"type": "B", "status": "True"}]}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(kind.path("applies", "p"), fieldManager="m"),
        kind.object("p", {"color": "red"}, status={"phase": "New"}),
        content=APPLY,
    )
    for manager, replicas in (("h", 2), ("h", 2), ("i", 2), ("i", 3)):
        yield call(
            "PATCH",
            target(kind.path("applies", "p", "scale"), fieldManager=manager),
            {"spec": {"replicas": replicas}},
            content=MERGE,
        )
        yield call("GET", where)
    yield call(
        "PATCH",
        target(where, fieldManager="m"),
        kind.object("p", {"color": "red", "replicas": 5}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(where, fieldManager="m", force="true"),
        kind.object("p", {"color": "red", "replicas": 5}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(kind.path("applies", "p", "scale"), fieldManager="h"),
        {"spec": {"replicas": 6}},
        content=MERGE,
    )
    yield call("GET", where)
    yield call("PATCH", target(where, fieldManager="m"), kind.object("p", {"color": "red"}), content=APPLY)


def _edits(kind: Kind) -> Iterator[Step]:
    """
    managedFields that clients write themselves, in each kind of patch, in PUT and in POST.
    """
    where = kind.path("applies", "e")
    yield call("POST", kind.path("applies"), kind.object("e", SPEC), keep=_KEEP)
    for index, entries in enumerate(_EDITS):
        yield call(
            "PATCH", target(where, fieldManager="one"), kind.object("e", {"color": "red"}), content=APPLY
        )
        yield call(
            "PATCH", target(where, fieldManager="ed"), {"metadata": {"managedFields": entries}}, content=MERGE
        )
        yield call("GET", where, keep=_KEEP)
        operation = {"op": "replace", "path": "/metadata/managedFields", "value": entries}
        yield call(
            "PATCH",
            target(where, fieldManager="ed"),
            [operation, {"op": "replace", "path": "/metadata/resourceVersion", "value": "$(rv)"}],
            content=JSON_PATCH,
        )
        yield call("GET", where, keep=_KEEP)
        body = kind.object(
            "e",
            {**SPEC, "size": index % 3 + 1},
            metadata={"resourceVersion": "$(rv)", "managedFields": entries},
        )
        yield call("PUT", target(where, fieldManager="put"), body)
        yield call(
            "PATCH",
            target(kind.path("applies", "e", "status"), fieldManager="st"),
            {"status": {"observed": index}, "metadata": {"managedFields": entries}},
            content=MERGE,
        )
        yield call(
            "POST",
            target(kind.path("applies"), fieldManager="post"),
            kind.object(f"e-{index}", SPEC, metadata={"managedFields": entries}),
        )
        yield call(
            "PATCH", target(where, fieldManager="one"), kind.object("e", {"color": "green"}), content=APPLY
        )
    yield call(
        "PATCH",
        where,
        [{"op": "test", "path": "/metadata/managedFields/0/manager", "value": "one"}],
        content=JSON_PATCH,
    )
    yield call("PATCH", where, [{"op": "remove", "path": "/metadata/managedFields/0"}], content=JSON_PATCH)
    yield call("PATCH", where, [{"op": "remove", "path": "/metadata/managedFields"}], content=JSON_PATCH)
    yield call(
        "PATCH",
        where,
        [{"op": "copy", "from": "/metadata/managedFields/0/fieldsV1", "path": "/spec/free"}],
        content=JSON_PATCH,
    )
    yield call("GET", where)


def _migration(kind: Kind) -> Iterator[Step]:
    """
    An object that kubectl has applied itself, and then applies on the server.
    """
    where = kind.path("applies", "k")
    config = '{"apiVersion":"probe.example.com/v1","kind":"Widget","metadata":{"name":"k","namespace":"applies"},"spec":{"color":"red","size":5}}\n'
    body = kind.object("k", {"color": "red", "size": 5}, metadata={"annotations": {_LAST_APPLIED: config}})
    yield call(
        "POST", target(kind.path("applies"), fieldManager="kubectl-client-side-apply"), body, keep=_KEEP
    )
    yield call(
        "PATCH",
        target(where, fieldManager="kubectl"),
        kind.object("k", {"color": "blue", "size": 5}),
        content=APPLY,
    )
    yield call("GET", where)
    yield call("PATCH", target(where, fieldManager="other"), {"spec": {"size": 7}}, content=MERGE)
    yield call(
        "PATCH",
        target(where, fieldManager="kubectl"),
        kind.object("k", {"color": "blue", "size": 8}),
        content=APPLY,
    )
    yield call(
        "PATCH",
        target(where, fieldManager="kubectl"),
        kind.object("k", {"color": "blue", "size": 7}, metadata={"annotations": {"<&>": "x"}}),
        content=APPLY,
    )
    yield call("GET", where)
    yield call(
        "PATCH", target(where, fieldManager="kubectl"), kind.object("k", {"color": "blue"}), content=APPLY
    )
    yield call("GET", where)
    for text in (
        "x",
        '{"apiVersion":"probe.example.com/v1beta1"}',
        '{"apiVersion":"probe.example.com/v1","kind":"Widget","spec":{"bogus":1}}',
    ):
        yield call(
            "PATCH",
            target(where, fieldManager="note"),
            {"metadata": {"annotations": {_LAST_APPLIED: text}}, "spec": {"note": "abc"}},
            content=MERGE,
        )
        yield call(
            "PATCH",
            target(where, fieldManager="kubectl"),
            kind.object("k", {"color": "red", "note": "abd"}),
            content=APPLY,
        )
    yield call("GET", where)


def _many(kind: Kind) -> Iterator[Step]:
    """
    More managers than are kept apart.  Their names are in the order of time, so that seconds do not matter.
    """
    where = kind.path("applies", "m")
    yield call("POST", target(kind.path("applies"), fieldManager="first"), kind.object("m", SPEC))
    for index in range(14):
        change = {"spec": {"free": {f"f{index}": 1}}}
        yield call("PATCH", target(where, fieldManager=f"m{index:02}"), change, content=MERGE)
    yield call("GET", where)


def _scales(kind: Kind) -> Iterator[Step]:
    """
    Scales that are applied; the last one only our server takes.
    """
    where = kind.path("applies", "s", "scale")
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "s"}}
    yield call("POST", kind.path("applies"), kind.object("s", {**SPEC, "replicas": 2}))
    for manager, replicas, force in (("a", 2, None), ("b", 2, "true"), ("b", 3, None), ("b", 3, "true")):
        body = {**scale, "spec": {"replicas": replicas}}
        yield call("PATCH", target(where, fieldManager=manager, force=force), body, content=APPLY)


_BUILT_IN: tuple[tuple[str, tuple[dict[str, Any], ...]], ...] = (
    ("configmaps", (
        {"data": {"a": "1"}}, {"data": {"a": "2", "b": "3"}}, {"data": {"b": "3"}}, {"binaryData": {"x": "aGk="}}, {"data": {"a": 5}}, {"immutable": True}, {"bogus": 1},
    )),
    ("secrets", ({"data": {"a": "aGk="}}, {"stringData": {"b": "text"}}, {"type": "Opaque"}, {"data": {"a": "aGkh"}}, {"type": "other"})),
    ("services", (
        {"spec": {"type": "ExternalName", "externalName": "example.com"}}, {"spec": {"type": "ExternalName", "externalName": "example.org"}},
        {"spec": {"externalName": "example.com", "ports": [{"name": "a", "port": 80}]}}, {"spec": {"ports": [{"name": "a", "port": 81}, {"name": "b", "port": 82, "protocol": "UDP"}]}},
        {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}},
    )),
    ("serviceaccounts", ({"automountServiceAccountToken": True}, {"secrets": [{"name": "s"}]}, {"secrets": [{"name": "t"}]}, {})),
)  # fmt: skip


def _built_in() -> Iterator[Step]:
    """
    Built-in kinds, applied by two managers in turn.
    """
    kinds = {
        "configmaps": "ConfigMap",
        "secrets": "Secret",
        "services": "Service",
        "serviceaccounts": "ServiceAccount",
    }
    for plural, bodies in _BUILT_IN:
        where = f"/api/v1/namespaces/applies/{plural}/b"
        for members in (*bodies, *bodies):
            for manager in ("one", "two"):
                metadata = {"name": "b", "labels": {manager: "x", "both": manager}}
                body = {"apiVersion": "v1", "kind": kinds[plural], "metadata": metadata, **members}
                force = "true" if manager == "two" else None
                yield call("PATCH", target(where, fieldManager=manager, force=force), body, content=APPLY)
                yield call("GET", where)
        yield call(
            "PATCH", target(where, fieldManager="m"), {"metadata": {"managedFields": []}}, content=MERGE
        )
        yield call("GET", where)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "applied"}}
    for manager in ("one", "two"):
        labelled = {**body, "metadata": {"name": "applied", "labels": {manager: "x"}}}
        yield call(
            "PATCH", target("/api/v1/namespaces/applied", fieldManager=manager), labelled, content=APPLY
        )
    yield call(
        "PATCH",
        target("/api/v1/namespaces/applied/status", fieldManager="s"),
        {**body, "status": {"phase": "Active"}},
        content=APPLY,
    )
    yield call("GET", "/api/v1/namespaces/applied")


def owners(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Five hundred writes of any kind by a few managers on two objects in two versions.
    """
    versions = [find(kinds, "widgets", "v1"), find(kinds, "widgets", "v1"), find(kinds, "widgets", "v1beta1")]
    yield from _place("owners")
    for _ in range(_STEPS):
        kind, name = rng.choice(versions), f"o-{rng.randint(0, 1)}"
        step = rng.choice(_VERBS)(rng, kind, name)
        yield step
        if rng.random() < 0.5:
            yield call("GET", kind.path("owners", name), keep=_KEEP)


# Over a value that does not fit, Kubernetes forgets all owners, though it may not be written: in a
# write to the status, or where somebody owns fields in another version.  And see the list of accepted
# differences for numbers.
_AVOIDED: tuple[dict[str, Any], ...] = (
    {"tags": ["a", "a"]},
    {"ports": [{"name": "a"}, {"name": "a", "protocol": "TCP"}]},
    {"ports": [{"port": 5}]},
    {"ports": {}},
    {"ports": [5]},
    {"size": "x"},
    {"ratio": 1},
    {"bogus": 1},
)


def _spec(rng: random.Random) -> dict[str, Any]:
    spec: dict[str, Any] = {"color": rng.choice(["red", "green", "blue"])}
    for _ in range(rng.randint(0, 4)):
        chosen = rng.choice(_SPECS)
        if chosen not in _AVOIDED:
            spec.update(chosen)
    return spec


def _metadata(rng: random.Random) -> dict[str, Any]:
    # What is empty is stored by Kubernetes, and gone when it is read: each write is a change.
    chosen = rng.choice(_METADATA[:8]) if rng.random() < 0.4 else {}
    return {name: value for name, value in chosen.items() if value}


def _status(rng: random.Random) -> dict[str, Any]:
    names = rng.sample("ABC", rng.randint(0, 3))
    conditions = [{"type": name, "status": rng.choice(["True", "False"])} for name in names]
    return {
        "phase": rng.choice(["New", "Ready", "Done"]),
        "conditions": conditions,
        "observed": rng.randint(1, 2),
    }


def _query(rng: random.Random) -> dict[str, Any]:
    return {
        "fieldManager": rng.choice(["m1", "m2", "m3", "kubectl"]),
        "dryRun": rng.choice([None] * 9 + ["All"]),
    }


def _put_apply(rng: random.Random, kind: Kind, name: str) -> Call:
    body = kind.object(name, _spec(rng), metadata=_metadata(rng))
    if rng.random() < 0.2:
        body["status"] = _status(rng)
    where = kind.path("owners", name, rng.choice(["", "", "", "", "status"]))
    return call(
        "PATCH",
        target(where, **_query(rng), force=rng.choice([None, "true"])),
        body,
        content=APPLY,
        keep=_KEEP,
    )


def _apply_status(rng: random.Random, kind: Kind, name: str) -> Call:
    body = kind.object(name, status=_status(rng))
    where = kind.path("owners", name, "status")
    return call("PATCH", target(where, **_query(rng), force=rng.choice([None, "true"])), body, content=APPLY)


def _post(rng: random.Random, kind: Kind, name: str) -> Call:
    body = kind.object(name, _spec(rng), metadata=_metadata(rng), status=_status(rng))
    return call("POST", target(kind.path("owners"), **_query(rng)), body, keep=_KEEP)


def _put(rng: random.Random, kind: Kind, name: str) -> Call:
    metadata = {"resourceVersion": "$(rv)", **_metadata(rng)}
    body = kind.object(name, _spec(rng), metadata=metadata, status=_status(rng))
    return call(
        "PUT", target(kind.path("owners", name, rng.choice(["", "status"])), **_query(rng)), body, keep=_KEEP
    )


def _merge(rng: random.Random, kind: Kind, name: str) -> Call:
    patch = {"spec": _spec(rng), "metadata": _metadata(rng), "status": _status(rng)}
    chosen = {member: value for member, value in patch.items() if rng.random() < 0.6}
    where = kind.path("owners", name, rng.choice(["", "status"]))
    return call("PATCH", target(where, **_query(rng)), chosen, content=MERGE)


def _scale(rng: random.Random, kind: Kind, name: str) -> Call:
    where = kind.path("owners", name, "scale")
    return call(
        "PATCH", target(where, **_query(rng)), {"spec": {"replicas": rng.randint(1, 3)}}, content=MERGE
    )


def _edit(rng: random.Random, kind: Kind, name: str) -> Call:
    entries = rng.choice(_EDITS)
    return call(
        "PATCH",
        target(kind.path("owners", name), **_query(rng)),
        {"metadata": {"managedFields": entries}},
        content=MERGE,
    )


def _remove(rng: random.Random, kind: Kind, name: str) -> Call:
    return call("DELETE", kind.path("owners", name))


_VERBS = (
    *[_put_apply] * 8, *[_apply_status] * 2, _post, _put, _put, _merge, _merge, _merge, _scale, _edit, _remove,
)  # fmt: skip
