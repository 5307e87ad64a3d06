"""
CPU of what each write and each row of a table does by the definition of its kind.

Run as C{python -m tests.bench.bench_schema}; prints microseconds a call, the best of five.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from time import perf_counter
from typing import Any

import orjson

from ark.apis.documents import Documents
from ark.apis.loader import KindRegistry
from ark.registry.columns import compile_columns
from ark.registry.schema import compile_schema

NOW = 1_800_000_000.0
QUERY: dict[str, Any] = {
    "apiVersion": "ark.mckinsey.com/v1alpha1",
    "kind": "Query",
    "metadata": {
        "name": "a",
        "namespace": "default",
        "labels": {"a": "b", "c": "d"},
        "annotations": {"x": "y" * 100},
        "creationTimestamp": "2026-01-02T03:04:05Z",
    },
    "spec": {
        "input": "hi " * 120,
        "type": "user",
        "timeout": "5m",
        "ttl": "720h",
        "sessionId": "x" * 36,
        "target": {"type": "agent", "name": "x"},
        "parameters": [{"name": f"p{index}", "value": "some value " * 6} for index in range(4)]
        + [{"name": "k", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}}],
        "overrides": [
            {
                "resourceType": "model",
                "headers": [
                    {"name": "X-A", "value": {"value": "v"}},
                    {"name": "X-B", "value": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}},
                ],
                "labelSelector": {"matchLabels": {"a": "b"}},
            }
        ],
    },
    "status": {
        "phase": "done",
        "duration": "3s",
        "conditions": [
            {
                "type": "Completed",
                "status": "True",
                "reason": "Done",
                "message": "Query completed " * 4,
                "lastTransitionTime": "2026-01-02T03:04:05Z",
                "observedGeneration": 1,
            }
        ],
        "response": {"content": "answer " * 60, "phase": "done", "target": {"type": "agent", "name": "x"}},
        "tokenUsage": {"promptTokens": 10, "completionTokens": 20, "totalTokens": 30},
    },
}


def measure(what: str, call: Callable[[], Any], number: int = 10_000) -> None:
    """
    Print the microseconds of one call.
    """
    best = min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6
    print(f"{what:42} {best:9.2f}")


def once(what: str, call: Callable[[], Any]) -> Any:
    """
    Print the milliseconds of the only call.
    """
    start = perf_counter()
    made = call()
    print(f"{what:42} {(perf_counter() - start) * 1e3:9.2f} ms")
    return made


def main() -> None:
    """
    Measure.
    """
    registry: KindRegistry = once("load all kinds", KindRegistry.load)
    once("functions of all kinds", lambda: [compile_schema(kind).prepare() for kind in registry])
    documents = Documents(registry)
    once("all OpenAPI documents of version 3", lambda: list(documents.prepare()))
    kind = registry.get("ark.mckinsey.com", "v1alpha1", "queries")
    assert kind is not None
    processor, columns = compile_schema(kind), compile_columns(kind)
    text = orjson.dumps(QUERY)
    print(f"A query of {len(text)} bytes:")
    measure("orjson.loads, to compare with", lambda: orjson.loads(text))
    measure("settle: prune and default", lambda: processor.settle(QUERY))
    measure("prune alone", lambda: processor.prune(QUERY))
    measure("default alone", lambda: processor.default(QUERY))
    measure("validate", lambda: processor.validate(QUERY))
    measure("row of a table", lambda: columns.cells(QUERY, NOW))
    wrong = {**QUERY, "spec": {**QUERY["spec"], "timeout": 5}}
    measure("validate a wrong one", lambda: processor.validate(wrong), 200)


if __name__ == "__main__":
    main()
