"""
The rules of C{kr8s}.
"""

from __future__ import annotations

import asyncio
import tempfile
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import kr8s
import kr8s.asyncio
from kr8s.asyncio.objects import (
    ConfigMap,
    Namespace,
    Secret,
    Service,
    ServiceAccount,
    Table,
    new_class,
    objects_from_files,
)
from kr8s.objects import new_class as new_plain_class

from tests.clients.rules import GROUP, NAMESPACE, PROBE, holds, main, query, rule, same, widget

Query = new_class(kind="Query", version=f"{GROUP}/v1alpha1", namespaced=True, plural="queries")
Widget = new_class(
    kind="Widget", version=f"{PROBE}/v1", namespaced=True, scalable=True, scalable_spec="replicas"
)
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: from-file}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: from-file}
stringData: {token: hunter2}
"""


async def raised(kind: type[Exception], call: Awaitable[Any]) -> Any:
    """
    The exception that a call has to raise.
    """
    try:
        answer = await call
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised; the answer was {answer!r}")


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """
    Wait until something holds.
    """
    for _ in range(300):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within 30 s")


async def made(body: dict[str, Any], kind: Any = Query) -> Any:
    """
    A new object.
    """
    one = await kind(body, namespace=NAMESPACE)
    await one.create()
    return one


async def names(objects: AsyncIterator[Any]) -> list[str]:
    """
    Their names as they come.
    """
    return [one.name async for one in objects]


@rule
async def the_version_is_read() -> None:
    with warnings.catch_warnings():
        # It warns of servers newer than itself.
        warnings.simplefilter("ignore")
        api = await kr8s.asyncio.api()
    holds((await api.version())["gitVersion"].startswith("v1."))


@rule
async def kinds_are_looked_up() -> None:
    api = await kr8s.asyncio.api()
    query_kind = (f"query.{GROUP}/v1alpha1", "queries", True)
    for name in ("Query", "queries", "query", f"queries.{GROUP}"):
        same(await api.lookup_kind(name), query_kind)
    for name in ("wd", "widgets", f"widget.{PROBE}/v1"):
        same((await api.lookup_kind(name))[1:], ("widgets", True))
    same(await api.lookup_kind("cm"), ("configmap/v1", "configmaps", True))
    same((await api.lookup_kind("plates"))[2], False)
    await raised(ValueError, api.lookup_kind("unicorn"))


@rule
async def resources_and_versions_are_listed() -> None:
    api = await kr8s.asyncio.api()
    found = {(one["kind"], one["version"]): one for one in await api.api_resources()}
    same(found["Query", f"{GROUP}/v1alpha1"]["namespaced"], True)
    same(found["Namespace", "v1"]["namespaced"], False)
    versions = [version async for version in api.api_versions()]
    holds({f"{GROUP}/v1alpha1", f"{PROBE}/v1", "v1"} <= set(versions), versions)


@rule
async def an_object_of_a_class_of_its_own_is_written_and_read() -> None:
    one = await made(query("first"))
    same((one.spec.timeout, one.metadata.generation), ("5m", 1))
    again = await Query.get("first", namespace=NAMESPACE)
    same(again.raw, one.raw)
    holds(await one.exists())
    await again.patch({"spec": {"ttl": "1h"}})
    await one.refresh()
    same(one.spec.ttl, "1h")
    await one.delete()
    same(await one.exists(), False)


@rule
async def an_object_of_an_unknown_kind_gets_a_class() -> None:
    await made(widget("unknown"), Widget)
    found = [one async for one in kr8s.asyncio.get("widgets.probe.example.com", namespace=NAMESPACE)]
    same([(one.kind, one.name) for one in found], [("Widget", "unknown")])


@rule
async def a_missing_object_is_not_found() -> None:
    one = await Query(query("missing"), namespace=NAMESPACE)
    await raised(kr8s.NotFoundError, Query.get("missing", namespace=NAMESPACE))
    await raised(kr8s.NotFoundError, one.refresh())
    await raised(kr8s.NotFoundError, one.patch({"spec": {"ttl": "1h"}}))
    await raised(kr8s.NotFoundError, one.delete())


@rule
async def refusals_carry_the_status() -> None:
    error = await raised(kr8s.ServerError, made(widget("bad", "purple"), Widget))
    same((error.response.status_code, error.status["reason"]), (422, "Invalid"))
    same(error.status["details"]["causes"][0]["field"], "spec.color")
    error = await raised(kr8s.ServerError, made(widget("unknown"), Widget))
    same((error.response.status_code, error.status["reason"]), (409, "AlreadyExists"))


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
async def objects_are_patched_labelled_and_annotated() -> None:
    one = await made(query("patched"))
    await one.label({"a": "1", "b/c": "2"})
    await one.annotate(note="hello")
    await one.remove_label("b/c")
    same((one.labels, one.annotations), ({"a": "1"}, {"note": "hello"}))
    await one.patch([{"op": "add", "path": "/spec/ttl", "value": "1h"}], type="json")
    await one.patch({"status": {"phase": "running"}}, subresource="status")
    same((one.spec.ttl, one.status.phase, one.metadata.generation), ("1h", "running", 2))


@rule
async def a_scalable_object_is_scaled() -> None:
    one = await made(widget("scaled", replicas=1), Widget)
    await one.scale(3)
    same(one.replicas, 3)


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
async def files_are_read_and_created() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "two.yaml")
        path.write_text(MANIFEST)
        for one in await objects_from_files(path):
            one.namespace = NAMESPACE
            await one.create()
    same((await ConfigMap.get("from-file", namespace=NAMESPACE)).data.greeting, "hello")
    same((await Secret.get("from-file", namespace=NAMESPACE)).data.token, "aHVudGVyMg==")


@rule
async def core_objects_are_written_and_read() -> None:
    bodies: list[tuple[Any, dict[str, Any]]] = [
        (ConfigMap, {"data": {"a": "b"}}),
        (Secret, {"stringData": {"a": "b"}}),
        (Service, {"spec": {"type": "ExternalName", "externalName": "a.example.com"}}),
        (ServiceAccount, {}),
    ]
    for kind, body in bodies:
        one = await made({"metadata": {"name": "core"}, **body}, kind)
        await one.label(x="y")
        same(await names(kind.list(namespace=NAMESPACE, label_selector={"x": "y"})), ["core"])
        await one.delete()
        same(await one.exists(), False)
    same((await Namespace.get(NAMESPACE)).status.phase, "Active")


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


@rule
def the_plain_form_does_the_same() -> None:
    kind = new_plain_class(kind="Query", version=f"{GROUP}/v1alpha1", namespaced=True, plural="queries")
    one = kind(query("plain"), namespace=NAMESPACE)
    one.create()
    one.patch({"spec": {"ttl": "1h"}})
    same(kind.get("plain", namespace=NAMESPACE).spec.ttl, "1h")
    same([found.name for found in kr8s.get("queries", "plain", namespace=NAMESPACE)], ["plain"])
    one.refresh()
    kind.get("plain", namespace=NAMESPACE).delete()
    same(next(one.watch())[0], "DELETED")
    same(one.exists(), False)


if __name__ == "__main__":
    main()
