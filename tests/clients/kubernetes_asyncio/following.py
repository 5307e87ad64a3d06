"""
What goes on: watches and leader election.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from kubernetes_asyncio import client, watch
from kubernetes_asyncio.leaderelection import electionconfig, leaderelection
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

from tests.clients.kubernetes_asyncio.support import (
    MERGE,
    QUERIES,
    connection,
    core,
    custom,
)
from tests.clients.rules import (
    KUBECONFIG,
    NAMESPACE,
    holds,
    query,
    rule,
    same,
)
from tests.clients.wire import relayed


@rule
async def a_watch_of_one_query_begins_with_it() -> None:
    api = await custom()
    seen = []
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        *QUERIES,
        field_selector="metadata.name=many-002",
        timeout_seconds=20,
    )
    async for event in stream:
        phase = event["object"].get("status", {}).get("phase")
        seen.append((event["type"], phase))
        if phase == "done":
            break
        following = {None: "running", "running": "done"}[phase]
        await api.patch_namespaced_custom_object_status(
            *QUERIES, "many-002", {"status": {"phase": following}}, _content_type=MERGE
        )
    await stream.close()
    same(seen, [("ADDED", None), ("MODIFIED", "running"), ("MODIFIED", "done")])


@cache
def relay() -> Any:
    """
    What the watch goes through that is cut.
    """
    return relayed(KUBECONFIG)


@rule
async def a_watch_without_a_deadline_survives_cuts() -> None:
    cut, kubeconfig = relay()
    api = await custom()
    followed = client.CustomObjectsApi(await connection(kubeconfig))
    start = (await api.list_namespaced_custom_object(*QUERIES))["metadata"]["resourceVersion"]
    follower = watch.Watch()
    follower.resource_version = start
    names = [f"cut-{number}" for number in range(8)]
    seen: list[str] = []

    async def follow() -> None:
        while len(seen) < len(names):
            stream = follower.stream(
                followed.list_namespaced_custom_object,
                *QUERIES,
                label_selector="set=cut",
                resource_version=follower.resource_version,
            )
            try:
                async for event in stream:
                    seen.append(event["object"]["metadata"]["name"])
                    if len(seen) == len(names):
                        break
            except (OSError, client.rest.aiohttp.ClientError):
                follower.resp = None

    task = asyncio.create_task(follow())
    for name in names:
        await api.create_namespaced_custom_object(*QUERIES, query(name, labels={"set": "cut"}))
        cut.cut()
        await asyncio.sleep(0.05)
    await asyncio.wait_for(task, 30)
    same(seen, names)
    holds(cut.connections > 1, cut.connections)


@rule
async def a_typed_watch_gives_models() -> None:
    api = await core()
    body = client.V1Secret(metadata=client.V1ObjectMeta(name="watched"), string_data={"a": "b"})
    await api.create_namespaced_secret(NAMESPACE, body)
    stream = watch.Watch()
    kinds = [
        (event["type"], type(event["object"]).__name__)
        async for event in stream.stream(
            api.list_namespaced_secret, NAMESPACE, timeout_seconds=3, allow_watch_bookmarks=True
        )
    ]
    same(kinds[0], ("ADDED", "V1Secret"))
    # A bookmark comes two seconds before the watch runs out.
    same(kinds[-1][0], "BOOKMARK")
    holds(stream.resource_version)


@rule
async def one_candidate_leads_at_a_time() -> None:
    connected = await connection()
    leads: list[str] = []

    def candidate(name: str) -> asyncio.Task[None]:
        async def lead() -> None:
            leads.append(name)
            await asyncio.Event().wait()

        settings = electionconfig.Config(
            LeaseLock("leader", NAMESPACE, name, connected),
            lease_duration=4,
            renew_deadline=3,
            retry_period=1,
            onstarted_leading=lead,
            onstopped_leading=None,
        )
        return asyncio.create_task(leaderelection.LeaderElection(settings).run())

    first = candidate("one")
    while not leads:
        await asyncio.sleep(0.05)
    second = candidate("two")
    await asyncio.sleep(1.5)
    same(leads, ["one"])
    first.cancel()
    while len(leads) == 1:
        await asyncio.sleep(0.05)
    second.cancel()
    same(leads, ["one", "two"])
    lease = await client.CoordinationV1Api(connected).read_namespaced_lease("leader", NAMESPACE)
    same(lease.spec.holder_identity, "two")
