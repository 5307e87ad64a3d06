"""
Get and list: revisions, selectors, pages, and the forms of an answer.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.differential.kinds import Kind, find
from tests.differential.steps import Call, Step, call, target
from tests.differential.topics.common import SPEC, namespace

REVISIONS = (None, "", "0", "$(old)", "$(rv)", "99999999999", "x", "-1", "1.5", "18446744073709551616")
MATCHES = (None, "", "Exact", "NotOlderThan", "Foo")
LABELS = (
    "", "a", "!a", "a=b", "a==b", "a!=b", "a in (b,c)", "a notin (b,c)", "a in (b)", "a in ()", "a in", "a in (b", "a=b,c=d", "a,!c", "n>1", "n<3",
    "n>x", "n>1,n<4", "=b", "a=b=c", "a b", "a=", "a!=", ",", "a,", "(", "a=(b)", "a notin ()", "A/b/c=d", "a=x y", "a=" + "x" * 64, "x" * 64, "a in (b,)",
    " a = b ", "a  in (b , c)", "a not in (b)", "!a=b", "a>", "n>01", "n>-1", "a=b,", "!", "in in (in)", "notin", "a;b", "a=é", "kubernetes.io/x=y",
)  # fmt: skip
FIELDS = (
    "", "metadata.name=o-1", "metadata.name==o-1", "metadata.name!=o-1", "metadata.name=", "metadata.namespace=reads", "metadata.namespace=other",
    "metadata.name=o-1,metadata.namespace=reads", "metadata.name=o-1,metadata.name=o-2", "spec.color=red", "spec.color!=red", "spec.size=3", "spec.size=03", "spec.armed=true",
    "spec.armed=", "spec.note=x", "bad", "a=b=c", "=", ",", "metadata.name=o-1,", "metadata.uid=x", "metadata.name=a\\,b", "metadata.name=a\\", "metadata.labels.a=b", "status.phase=New",
    "metadata.name>o", "spec.color==red,spec.size!=4",
)  # fmt: skip
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
ACCEPTS = (
    None, "", "application/json", "application/yaml", "*/*", "application/*", "text/*", "text/html", "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json",
    "application/cbor", "application/cbor,application/json", "application/json;q=0.5,application/yaml", "application/yaml;q=0.1,application/json;q=0.2", "application/json;pretty=1", "application/json; charset=utf-8",
    "x", "application/json;q=x", "APPLICATION/JSON", "application/json;stream=watch", "application/yaml;stream=watch", "application/json;bogus=1",
    TABLE, TABLE.replace("v=v1;", "v=v1beta1;"), TABLE.replace("v=v1;", "v=v2;"), TABLE.replace("g=meta.k8s.io", "g=x"), TABLE.replace("json", "yaml"), "application/json;as=Table", f"{TABLE},application/json",
    PARTIAL, PARTIALS, PARTIAL.replace("v=v1;", "v=v1beta1;"), PARTIALS.replace("json", "yaml"), "application/json;as=Bogus;v=v1;g=meta.k8s.io", f"{PARTIAL.replace('json', 'vnd.kubernetes.protobuf')},{PARTIAL},application/json",
    f"{TABLE},{TABLE.replace('v=v1;', 'v=v1beta1;')},application/json", f"{PARTIALS};q=0.3,text/html", "application/json;as=List;v=v1;g=meta.k8s.io",
)  # fmt: skip

_MISSPELT = (
    "labelSelector=%zz",
    "labelSelector=n%3D1;limit=1",
    "limit=1;",
    "limit=2&a%zz=b",
    ";limit=1",
    "&limit=1&&=",
    "limit&timeoutSeconds=5",
    "%6cimit=2",
)


def populate(kind: Kind, place: str, count: int = 6) -> Iterator[Step]:
    """
    Some objects whose labels and fields differ, written more than once; C{$(old)} is a revision amidst.
    """
    for number in range(count):
        labels = {"a": "bcd"[number % 3], "n": str(number)} if number else {}
        spec = {
            "color": ("red", "green", "blue")[number % 3],
            "size": 3 + number % 2,
            "armed": number % 2 == 0,
        }
        keep = {"old": "metadata.resourceVersion"} if number == count // 2 else {}
        yield call(
            "POST", kind.path(place), kind.object(f"o-{number}", spec, metadata={"labels": labels}), keep=keep
        )
    change = [{"op": "replace", "path": "/spec/size", "value": 9}]
    for name in ("o-0", "o-4"):
        yield call("PATCH", kind.path(place, name), change, content="application/json-patch+json")
    yield call("DELETE", kind.path(place, "o-2"))
    yield call(
        "PATCH",
        kind.path(place, "o-1"),
        change,
        content="application/json-patch+json",
        keep={"rv": "metadata.resourceVersion"},
    )


def lists(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Every resourceVersion with every resourceVersionMatch, with and without limit and continue; get too.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("reads")
    yield from populate(kind, "reads")
    path = kind.path("reads")
    yield call("GET", target(path, limit=2), keep={"token": "metadata.continue"})
    slow = "99999999999"
    parts: tuple[dict[str, Any], ...] = (
        {},
        {"limit": 2},
        {"continue_": "$(token)"},
        {"limit": 2, "continue_": "$(token)"},
    )
    for revision, match, page in itertools.product(REVISIONS, MATCHES, parts):
        if revision == slow and (page or match in ("", "Foo")):
            continue
        yield call("GET", target(path, resourceVersion=revision, resourceVersionMatch=match, **page))
    for revision, match in itertools.product(REVISIONS, (None, "Exact", "Foo")):
        if revision != slow or match is None:
            yield call(
                "GET", target(kind.path("reads", "o-1"), resourceVersion=revision, resourceVersionMatch=match)
            )
    for query in (
        {"sendInitialEvents": "true"},
        {"sendInitialEvents": "x"},
        {"allowWatchBookmarks": "true"},
        {"timeoutSeconds": "x"},
        {"timeoutSeconds": 5},
        {"watch": "false"},
        {"watch": "0"},
        {"unknown": 1},
        {"timeout": "x"},
        {"timeout": "1ms"},
        {"pretty": "1"},
        {"pretty": "0"},
        {"pretty": "x"},
    ):
        if query != {"timeout": "1ms"}:
            yield call("GET", target(path, **query))
    for query in _MISSPELT:
        yield call("GET", f"{path}?{query}")
    yield call("GET", f"{path}?labelSelector=n%ff")
    yield call("DELETE", f"{path}?labelSelector=n%3D1%zz&dryRun=All")
    for export in ("true", "", "false", "0"):
        yield call("GET", target(kind.path("reads", "o-1"), export=export))
    yield call("GET", target(kind.path("reads", "o-1"), resourceVersion=slow, timeout="1s"))
    for name in ("o-0", "o-3"):
        yield call("GET", target(path, fieldSelector=f"metadata.name={name}", continue_="$(token)"))
    for where in (
        kind.path(),
        kind.path("nowhere"),
        kind.path("nowhere", "o-1"),
        kind.path("reads", "nope"),
        kind.path("reads", "o-1") + "/",
        path + "/",
    ):
        yield call("GET", where)
    for where in (kind.path("reads", "o-1"), path):
        yield Call("HEAD", where)
        yield Call("OPTIONS", where)
        yield Call("TRACE", where)
        yield Call("BREW", where)


def selectors(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Label and field selectors, good and broken, with and without pages.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("selectors")
    yield from populate(kind, "selectors", 9)
    path = kind.path("selectors")
    for text in LABELS:
        yield call("GET", target(path, labelSelector=text, limit=rng.choice([None, None, 2])))
    for text in FIELDS:
        yield call(
            "GET",
            target(path, fieldSelector=text.replace("reads", "selectors"), limit=rng.choice([None, None, 2])),
        )
    for labels, fields in itertools.product(
        ("a=b", "!a", "n>2"), ("metadata.name!=o-3", "spec.color=red", "bad")
    ):
        yield call("GET", target(path, labelSelector=labels, fieldSelector=fields))
    yield call("GET", target(kind.path(), fieldSelector="metadata.namespace=selectors"))
    yield call("GET", target(path, labelSelector=["a=b", "a=c"]))
    plate = find(kinds, "plates")
    for text in ("metadata.name=x", "metadata.namespace=x", "spec.text=x"):
        yield call("GET", target(plate.path(), fieldSelector=text))


def pages(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Pages to their end while objects come and go, and tokens that are not ours.
    """
    kind = find(kinds, "agents")
    yield namespace("pages")
    for number in range(17):
        name = f"p-{number:02}" if number % 4 else f"p{number}.x"
        yield call(
            "POST",
            kind.path("pages"),
            kind.object(name, {"prompt": "x"}, metadata={"labels": {"odd": str(number % 2)}}),
        )
    path = kind.path("pages")
    for query in (
        {"limit": 5},
        {"limit": 17},
        {"limit": 16},
        {"limit": 3, "labelSelector": "odd=1"},
        {"limit": 4, "fieldSelector": "metadata.name!=p-05"},
        {"limit": 1, "resourceVersion": "0"},
        {"limit": 500},
    ):
        yield call(
            "GET",
            target(path, **query),
            keep={"token": "metadata.continue", "rv": "metadata.resourceVersion"},
        )
        for step in range(4):
            yield call(
                "GET", target(path, continue_="$(token)", **query), keep={"token": "metadata.continue"}
            )
            if step == 1:
                yield call("DELETE", kind.path("pages", f"p-{rng.randint(1, 16):02}"))
                yield call("POST", path, kind.object(f"new-{rng.randint(0, 99)}", {"prompt": "y"}))
                # A consistent read brings a cache up to date: what version "0" shows is then certain.
                yield call("GET", path)
    for limit in ("0", "-1", "x", "", "1.5", "9223372036854775807", "9223372036854775808"):
        yield call("GET", target(path, limit=limit))
    for token in (
        "x",
        "e30",
        "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0",
        "eyJ2IjoidjEiLCJydiI6NSwic3RhcnQiOiJhIn0",
        "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoicC0wNVx1MDAwMCJ9",
        "%%%",
        "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTUsInN0YXJ0IjoiYSJ9",
        "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vYSJ9",
    ):
        yield call("GET", target(path, limit=2, continue_=token))
    yield call("GET", target(kind.path(), limit=4), keep={"token": "metadata.continue"})
    yield call("GET", target(kind.path(), limit=4, continue_="$(token)"))
    yield call("GET", target(path, limit=4, continue_="$(token)"))


def negotiation(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Every Accept on a list, an object, an error and writes; includeObject; columns of every kind.
    """
    kind = find(kinds, "widgets", "v1")
    yield namespace("negotiation")
    yield from populate(kind, "negotiation", 5)
    path, one = kind.path("negotiation"), kind.path("negotiation", "o-1")
    for accept in ACCEPTS:
        for where in (path, one, kind.path("negotiation", "nope")):
            yield call("GET", where, accept=accept)
    for accept in ACCEPTS[4:8] + ACCEPTS[22:]:
        made = kind.object("made", SPEC)
        yield call("POST", path, made, accept=accept)
        yield call(
            "PATCH",
            kind.path("negotiation", "made"),
            {"spec": {"size": 8}},
            content="application/merge-patch+json",
            accept=accept,
        )
        yield call("DELETE", kind.path("negotiation", "made"), accept=accept)
        yield call("DELETE", kind.path("negotiation", "made"))
    for include, where in itertools.product((None, "", "None", "Metadata", "Object", "x"), (path, one)):
        yield call("GET", target(where, includeObject=include), accept=TABLE)
    yield call("GET", target(path, limit=2), accept=TABLE)
    yield call("GET", target(path, limit=2), accept=PARTIALS)
    yield call("GET", target(path, fieldSelector="metadata.name=nobody"), accept=PARTIALS)
    for accept in ("*/json", "application/json;q=0", "application/json;q=0,application/yaml"):
        yield call("GET", path, accept=accept)
    for agent in ("curl/8", "Wget/1", "Mozilla/5.0 (X)", "kubectl/v1.36.3", "Go-http-client/2.0"):
        yield Call("GET", one, {"User-Agent": agent})
    for encoding in ("gzip", "br", "gzip, deflate"):
        yield Call("GET", one, {"Accept-Encoding": encoding})
    yield from _columns(rng, kinds)


def _columns(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    from tests.differential.topics.schemas import body

    for kind in kinds:
        for number in range(2):
            made = body(kind, rng, f"column-{number}")
            yield call("POST", kind.path("negotiation"), made)
            if kind.status and "status" in made:
                yield call(
                    "PATCH",
                    kind.path("negotiation", f"column-{number}", "status"),
                    {"status": made["status"]},
                    content="application/merge-patch+json",
                )
        yield call("GET", kind.path("negotiation"), accept=TABLE)
        yield call("GET", kind.path("negotiation"), accept="application/yaml")
