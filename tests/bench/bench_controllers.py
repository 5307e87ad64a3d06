"""
What the garbage collector costs: memory for each object, and CPU for each change.

Run as C{python -m tests.bench.bench_controllers}.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson

from ark.apis.loader import KindRegistry
from ark.controllers.events import EventRecorder
from ark.controllers.garbageactions import USER
from ark.controllers.garbagecollector import COMPONENT, GarbageCollector
from ark.meta.records import ADDED, DELETED, MODIFIED, Key, Version
from ark.registry.codec import new_uid
from ark.testing import EPOCH, InMemoryServer
from ark.watch.events import WatchEvent

OBJECTS = 100_000
FAMILY = 10
"""An owner has nine dependents."""

_RESOURCE = "queries.ark.mckinsey.com"
_SPEC = {"input": "What is the weather in the seven largest cities? " * 40}


def versions(owned: bool) -> list[Version]:
    """
    Objects of 2 KiB, without owners or with.
    """
    made: list[Version] = []
    first: dict[str, Any] = {}
    for number in range(OBJECTS):
        metadata: dict[str, Any] = {
            "resourceVersion": "7",
            "name": f"query-{number:08}",
            "namespace": f"ns-{number // FAMILY % 50}",
            "uid": new_uid(),
        }
        if number % FAMILY == 0:
            first = metadata
        elif owned:
            reference = {
                "apiVersion": "ark.mckinsey.com/v1alpha1",
                "kind": "Query",
                "name": first["name"],
                "uid": first["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
            metadata["ownerReferences"] = [reference]
        body = orjson.dumps({"metadata": metadata, "spec": _SPEC})
        key = Key(_RESOURCE, metadata["namespace"], metadata["name"])
        made.append(Version(key, 7, ADDED, body, b"", metadata["uid"], 0))
    return made


def collector() -> GarbageCollector:
    """
    One that follows nothing but what it is told here.
    """
    server = InMemoryServer(KindRegistry.load())
    stores = server.application.stores
    recorder = EventRecorder(stores, COMPONENT, USER, lambda: EPOCH)
    made = GarbageCollector(stores, server.cacher, server.clock, recorder)
    made.start()
    server.settle()
    return made


def fresh(version: Version) -> Version:
    """
    The same with texts of its own, as it comes from storage.
    """
    texts = orjson.loads(orjson.dumps([*version.key, version.uid]))
    return version._replace(key=Key(*texts[:3]), uid=texts[3])


def per_object(work: Callable[[Version], None], objects: list[Version]) -> float:
    """
    Microseconds for each.
    """
    start = time.process_time()
    for version in objects:
        work(version)
    return (time.process_time() - start) / len(objects) * 1e6


def measure(what: str, owned: bool) -> None:
    """
    Print a line for each figure.
    """
    objects = versions(owned)
    tracked = collector()
    gc.collect()
    tracemalloc.start()
    for version in objects:
        tracked.present(fresh(version))
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] / OBJECTS
    tracemalloc.stop()
    print(f"{what}: bytes for each of {OBJECTS} objects {size:12.0f}")
    told = collector()
    # As L{ark.memory.settle} does once the server has started.
    gc.freeze()
    print(f"{what}: us to be told that one is there {per_object(told.present, objects):12.2f}")
    for type in (MODIFIED, DELETED):
        events = {id(version): WatchEvent(version._replace(event=type), version) for version in objects}
        cost = per_object(lambda version, events=events: told.changed(events[id(version)]), objects)  # type: ignore[misc]
        print(f"{what}: us for one event {type:14} {cost:21.2f}")


def main() -> None:
    """
    Measure both sorts of objects.
    """
    measure("without owners", False)
    measure("with owners   ", True)


if __name__ == "__main__":
    main()
