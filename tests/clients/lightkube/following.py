"""
What goes on: watches, waiting, and the asynchronous client.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx2
from lightkube import AsyncClient, Client, KubeConfig
from lightkube.core.exceptions import ConditionError, ObjectDeleted
from lightkube.types import OnErrorAction, OnErrorResult, PatchType

from tests.clients.lightkube.support import Query, Widget, client, made
from tests.clients.rules import (
    KUBECONFIG,
    NAMESPACE,
    holds,
    query,
    raises,
    rule,
    same,
    until,
    widget,
)
from tests.clients.wire import relayed


@rule
def a_watch_reconnects_by_itself() -> None:
    start = made(query("watched", labels={"set": "watched"})).metadata.resourceVersion
    seen = []

    def write() -> None:
        threading.Event().wait(1.5)
        client().set(Query, "watched", annotations={"a": "b"})
        client().delete(Query, "watched")

    writer = threading.Thread(target=write)
    writer.start()
    for change, one in client().watch(
        Query, labels={"set": "watched"}, resource_version=start, server_timeout=1
    ):
        seen.append((change, one.metadata.name))
        if change == "DELETED":
            break
    writer.join()
    same(seen, [("MODIFIED", "watched"), ("DELETED", "watched")])


@rule
def a_broken_watch_is_retried() -> None:
    relay, kubeconfig = relayed(KUBECONFIG)
    follower = Client(config=KubeConfig.from_file(kubeconfig), namespace=NAMESPACE)
    start = made(query("before")).metadata.resourceVersion
    expected = [f"cut-{number}" for number in range(8)]
    seen: list[str] = []

    def follow() -> None:
        version = start
        retry = lambda error, count: OnErrorResult(OnErrorAction.RETRY)  # noqa: E731
        while len(seen) < len(expected):
            watch = follower.watch(Query, labels={"set": "cut"}, resource_version=version, on_error=retry)
            try:
                for _, one in watch:
                    seen.append(one.metadata.name)
                    version = one.metadata.resourceVersion
            except httpx2.HTTPError:  # a new connection that is cut is not retried
                continue

    threading.Thread(target=follow, daemon=True).start()
    for name in expected:
        made(query(name, labels={"set": "cut"}))
        relay.cut()
        threading.Event().wait(0.05)
    until(lambda: len(seen) >= len(expected))
    same(seen, expected)
    holds(relay.connections > 1, relay.connections)


@rule
def a_condition_is_waited_for() -> None:
    made(widget("waited"), Widget)

    def wait(**conditions: Any) -> Any:
        return client().wait(Widget, "waited", **conditions)

    def soon(**status: Any) -> None:
        def write() -> None:
            patch = {"status": {"phase": "Ready", **status}}
            client().patch(Widget.Status, "waited", patch, patch_type=PatchType.MERGE)

        threading.Timer(0.2, write).start()

    soon(conditions=[{"type": "Ready", "status": "True"}])
    same(wait(for_conditions=["Ready"]).status["phase"], "Ready")
    soon(conditions=[{"type": "Failed", "status": "True"}])
    raises(ConditionError, lambda: wait(for_conditions=["Never"], raise_for_conditions=["Failed"]))
    threading.Timer(0.2, lambda: client().delete(Widget, "waited")).start()
    raises(ObjectDeleted, lambda: wait(for_conditions=["Never"]))


@rule
async def the_asynchronous_client_speaks_http2() -> None:
    config = KubeConfig.from_file(KUBECONFIG)
    client = AsyncClient(config=config, namespace=NAMESPACE, field_manager="light", http2=True)
    expected = [f"many-{number:03}" for number in range(150)]
    bodies = [Query.from_dict(query(name, labels={"set": "many"})) for name in expected]
    made = await asyncio.gather(*(client.create(body) for body in bodies))
    read = await asyncio.gather(*(client.get(Query, name) for name in expected))
    same([one.to_dict() for one in read], [one.to_dict() for one in made])
    found = [one.metadata.name async for one in client.list(Query, labels={"set": "many"}, chunk_size=50)]
    same(found, expected)
    same(_protocols(client), {"HTTP/2"})
    await client.close()


@rule
async def an_asynchronous_watch_follows() -> None:
    config = KubeConfig.from_file(KUBECONFIG)
    client = AsyncClient(config=config, namespace=NAMESPACE, field_manager="light", http2=True)
    start = (await client.create(Query.from_dict(query("async")))).metadata.resourceVersion
    seen = []
    await client.set(Query, "async", labels={"step": "1"})
    async for change, one in client.watch(
        Query, fields={"metadata.name": "async"}, resource_version=start, server_timeout=20
    ):
        seen.append(change)
        if change == "DELETED":
            break
        if len(seen) == 1:
            body = {
                "apiVersion": one.apiVersion,
                "kind": "Query",
                "metadata": {"name": "async"},
                "spec": {"ttl": "1h"},
            }
            await client.apply(Query.from_dict(body))
        else:
            await client.delete(Query, "async")
    same(seen, ["MODIFIED", "MODIFIED", "DELETED"])
    await client.close()


def _protocols(client: AsyncClient) -> set[str]:
    pool = client._client._client._transport._pool
    kinds = {type(one._connection).__name__ for one in pool.connections}
    return {"HTTP/2" if "HTTP2" in kind else "HTTP/1.1" for kind in kinds}
