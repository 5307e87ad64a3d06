"""
Single objects, and how they are found.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Awaitable
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
    objects_from_files,
)
from kr8s.objects import new_class as new_plain_class

from tests.clients.kr8s.support import Query, Widget, made, names
from tests.clients.rules import GROUP, NAMESPACE, PROBE, holds, query, rule, same, widget

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
