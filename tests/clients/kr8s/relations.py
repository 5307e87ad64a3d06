"""
Lists, watches, waiting, and what owns what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import kr8s
import kr8s.asyncio
from kr8s.asyncio.objects import (
    Table,
)

from tests.clients.kr8s.support import Query, Widget, made, names
from tests.clients.rules import GROUP, NAMESPACE, holds, query, rule, same, widget


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """
    Wait until something holds.
    """
    for _ in range(300):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within 30 s")


@rule
async def lists_go_page_by_page() -> None:
    expected = [f"page-{number:03}" for number in range(230)]
    await asyncio.gather(*(made(query(name, labels={"set": "pages"})) for name in expected))
    found = await names(kr8s.asyncio.get("queries", namespace=NAMESPACE, label_selector="set=pages"))
    same(found, expected)


@rule
async def objects_are_selected_by_labels_and_fields() -> None:
    for name, color in (("red", "red"), ("blue", "blue")):
        await made(widget(name, color, labels={"set": "s", "color": color}), Widget)
    found = await names(Widget.list(namespace=NAMESPACE, label_selector={"set": "s", "color": "red"}))
    same(found, ["red"])
    found = await names(Widget.list(namespace=NAMESPACE, field_selector={"spec.color": "blue"}))
    same(found, ["blue"])
    found = await names(Widget.list(namespace=NAMESPACE, label_selector="color in (red, blue)"))
    same(found, ["blue", "red"])
    found = await names(kr8s.asyncio.get("widgets", "red", "blue", namespace=NAMESPACE))
    same(found, ["red", "blue"])
    found = await names(kr8s.asyncio.get("widgets", namespace=kr8s.ALL, label_selector="set=s"))
    holds({"red", "blue"} <= set(found), found)


@rule
async def a_condition_is_waited_for() -> None:
    one = await made(widget("waited"), Widget)

    async def change() -> None:
        await asyncio.sleep(0.2)
        other = await Widget.get("waited", namespace=NAMESPACE)
        conditions = [{"type": "Ready", "status": "True"}]
        await other.patch({"status": {"phase": "Ready", "conditions": conditions}}, subresource="status")
        await asyncio.sleep(0.2)
        await other.delete()

    await one.patch({"status": {"phase": "New"}}, subresource="status")
    task = asyncio.create_task(change())
    await one.wait("condition=Ready", timeout=20)
    await one.wait("jsonpath='{$.status.phase}'=Ready", timeout=20)
    await one.wait("delete", timeout=20)
    await task


@rule
async def a_watch_follows_objects() -> None:
    one = await made(query("watched", labels={"set": "watched"}))
    api = await kr8s.asyncio.api()
    seen = []

    async def write() -> None:
        other = await Query.get("watched", namespace=NAMESPACE)
        await other.patch({"spec": {"ttl": "1h"}})
        await other.delete()

    task = asyncio.create_task(write())
    async for change, found in api.watch(
        f"queries.{GROUP}",
        namespace=NAMESPACE,
        label_selector={"set": "watched"},
        since=one.metadata.resourceVersion,
    ):
        seen.append((change, found.name))
        if change == "DELETED":
            break
    await task
    same(seen, [("MODIFIED", "watched"), ("DELETED", "watched")])
    alone = await Query.get("page-000", namespace=NAMESPACE)
    follower = alone.watch()
    first = asyncio.create_task(follower.__anext__())
    await (await Query.get("page-001", namespace=NAMESPACE)).label(other="yes")
    await (await Query.get("page-000", namespace=NAMESPACE)).label(mine="yes")
    change, found = await first
    same((change, found.labels["mine"]), ("MODIFIED", "yes"))
    await follower.aclose()


@rule
async def an_object_is_owned_and_deleted_with_its_owner() -> None:
    owner, child = await made(query("owner")), await made(query("child"))
    await owner.adopt(child)
    same(child.metadata.ownerReferences[0].uid, owner.metadata.uid)
    await owner.delete(propagation_policy="Background")
    await until(lambda: _gone(child))


@rule
async def a_foreground_delete_waits_for_the_dependents() -> None:
    owner, child = await made(query("parent")), await made(query("held", finalizers=["example.com/hold"]))
    await owner.adopt(child)
    await owner.delete(propagation_policy="Foreground")

    async def deleting() -> bool:
        await child.refresh()
        return "deletionTimestamp" in child.metadata

    await until(deleting)
    await owner.refresh()
    same(owner.metadata.finalizers, ["foregroundDeletion"])
    await child.patch({"metadata": {"finalizers": None}})
    await until(lambda: _gone(owner))
    same(await child.exists(), False)


async def _gone(one: Any) -> bool:
    return not await one.exists()


@rule
async def tables_are_read() -> None:
    found = [
        one
        async for one in kr8s.asyncio.get(
            "widgets", namespace=NAMESPACE, as_object=Table, label_selector="set=s"
        )
    ]
    (table,) = found
    same([row["cells"][0] for row in table.rows], ["blue", "red"])
    same([one["name"] for one in table.column_definitions][:2], ["Name", "Color"])
