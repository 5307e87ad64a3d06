"""
CPU of what each request does with names, options, selectors and texts.

Run as C{python -m tests.bench.bench_meta}; prints microseconds a call, the best of five.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from ark.apis.messages import message_of
from ark.apply.jsonpatch import apply_json_patch
from ark.apply.mergepatch import merge_patch
from ark.meta import continuetoken, names, objectmeta, options, selectors, serializer, time
from ark.meta.protobuf import open_envelope
from tests.meta.test_protobuf import fixtures

METADATA = {
    "name": "weather-report-1",
    "namespace": "default",
    "uid": "7f1c9d0e-52b4-4c2e-9e2c-0f6a3f9f2b11",
    "resourceVersion": "123456",
    "creationTimestamp": "2026-01-02T03:04:05Z",
    "generation": 3,
    "labels": {"app.kubernetes.io/name": "ark", "team": "blue", "tier": "backend"},
    "annotations": {"ark.mckinsey.com/trace": "on", "kubectl.kubernetes.io/note": "x" * 200},
    "finalizers": ["ark.mckinsey.com/finalizer"],
    "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u", "controller": True},
    ],
}
QUERY = {
    "apiVersion": "ark.mckinsey.com/v1alpha1",
    "kind": "Query",
    "metadata": METADATA,
    "spec": {
        "input": "What is the weather in the seven largest cities? " * 20,
        "targets": [{"type": "agent", "name": f"agent-{index}"} for index in range(8)],
        "parameters": [{"name": f"p{index}", "value": "some value here"} for index in range(6)],
        "timeout": "5m",
        "ttl": "720h",
    },
}
BODY = orjson.dumps(QUERY)
YAML = serializer.encode_yaml(QUERY)
LABELS = orjson.dumps(METADATA["labels"])


def measure(what: str, call: Callable[[], Any], number: int = 20_000) -> float:
    """
    Print and return the microseconds of one call.
    """
    best = min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6
    print(f"{what:42} {best:9.2f}")
    return best


def read_protobuf(body: bytes) -> None:
    """
    Read an object of a built-in kind.
    """
    api_version, kind, raw = open_envelope(body)
    message = message_of(api_version, kind)
    assert message is not None
    message.decode(raw)


def main() -> None:
    """
    Measure everything.
    """
    one = selectors.parse_label_selector("team=blue")
    three = selectors.parse_label_selector("team in (blue,green),tier,!old")
    watch = {"watch": ["true"], "allowWatchBookmarks": ["true"], "resourceVersion": ["12345"]}
    metadata = objectmeta.check_types
    print(f"body of {len(BODY)} bytes, labels of {len(LABELS)}; microseconds a call")
    measure("decode_json", lambda: serializer.decode_json(BODY))
    measure("  of this orjson.loads", lambda: orjson.loads(BODY))
    measure("  of this orjson.dumps", lambda: orjson.dumps(QUERY))
    measure("decode_yaml of JSON", lambda: serializer.decode_yaml(BODY))
    measure("decode_yaml of YAML", lambda: serializer.decode_yaml(YAML), 200)
    measure("encode_yaml", lambda: serializer.encode_yaml(QUERY), 100)
    for name in ("Lease, renewed", "Service, every field"):
        body = next(fixture["body"] for fixture in fixtures() if fixture["name"] == name)
        measure(f"{name}, {len(body)} bytes of protobuf", partial(read_protobuf, body), 2000)
    measure("list_options, nothing asked", lambda: options.list_options({}))
    measure("list_options of a watch", lambda: options.list_options(watch))
    measure("create_options, nothing asked", lambda: options.create_options({}))
    measure("create_options of kubectl", lambda: options.create_options({"fieldManager": ["kubectl"]}))
    measure("matches_json, equality", lambda: one.matches_json(LABELS))
    measure("matches_json, three requirements", lambda: three.matches_json(LABELS))
    measure("matches_json, no labels", lambda: one.matches_json(b""))
    measure("parse_label_selector, seen before", lambda: selectors.parse_label_selector("team=blue"))
    measure("check_types of metadata", lambda: metadata(METADATA))
    validate = objectmeta.validate_metadata
    measure("validate_metadata", lambda: validate(METADATA, True, names.name_is_dns_subdomain))
    measure("validate_metadata_update", lambda: objectmeta.validate_metadata_update(METADATA, METADATA, True))
    measure("rfc3339", lambda: time.rfc3339(1767323045.25))
    measure("parse_rfc3339", lambda: time.parse_rfc3339("2026-01-02T03:04:05Z"))
    measure("human_duration", lambda: time.human_duration(12345.6))
    token = continuetoken.encode(12345, "default/weather")
    measure("continue token, encode", lambda: continuetoken.encode(12345, "default/weather"))
    measure("continue token, decode", lambda: continuetoken.decode(token))
    measure("merge_patch", lambda: merge_patch(QUERY, {"spec": {"timeout": "1m"}}))
    patch = [{"op": "replace", "path": "/spec/timeout", "value": "1m"}]
    measure("apply_json_patch", lambda: apply_json_patch(QUERY, patch))


if __name__ == "__main__":
    main()
