"""
Built-in kinds, reviews, and the other ways into the server.
"""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from kubernetes_asyncio import client, config, utils
from kubernetes_asyncio.dynamic import DynamicClient

from tests.clients.kubernetes_asyncio.support import (
    MERGE,
    QUERIES,
    connection,
    core,
    refused,
)
from tests.clients.rules import (
    GROUP,
    KUBECONFIG,
    NAMESPACE,
    holds,
    query,
    rule,
    same,
)

MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: from-yaml}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: from-yaml}
stringData: {token: hunter2}
"""


@rule
async def core_objects_are_written_and_read() -> None:
    api = await core()
    meta = client.V1ObjectMeta(name="core", labels={"set": "core"})
    secret = client.V1Secret(metadata=meta, string_data={"token": "hunter2"}, type="Opaque")
    made = await api.create_namespaced_secret(NAMESPACE, secret)
    same(base64.b64decode(made.data["token"]), b"hunter2")
    patched = await api.patch_namespaced_secret("core", NAMESPACE, {"stringData": {"more": "x"}})
    same(sorted(patched.data), ["more", "token"])
    made.metadata.resource_version = None
    made = await api.replace_namespaced_secret("core", NAMESPACE, made)
    same(sorted(made.data), ["token"])
    same(len((await api.list_namespaced_secret(NAMESPACE, label_selector="set=core")).items), 1)
    port = client.V1ServicePort(port=80)
    spec = client.V1ServiceSpec(type="ExternalName", external_name="a.example.com", ports=[port])
    await api.create_namespaced_service(NAMESPACE, client.V1Service(metadata=meta, spec=spec))
    same((await api.read_namespaced_service("core", NAMESPACE)).spec.ports[0].port, 80)
    same((await api.read_namespace(NAMESPACE)).status.phase, "Active")
    reference = client.V1ObjectReference(kind="Query", name="many-001", namespace=NAMESPACE)
    event = client.CoreV1Event(
        metadata=meta, involved_object=reference, reason="R", message="m", type="Normal"
    )
    await api.create_namespaced_event(NAMESPACE, event)
    found = await api.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=many-001")
    same([one.reason for one in found.items], ["R"])
    await api.delete_namespaced_secret("core", NAMESPACE)
    same((await refused(api.read_namespaced_secret("core", NAMESPACE)))[0].status, 404)


@rule
async def access_reviews_are_answered() -> None:
    api = client.AuthorizationV1Api(await connection())
    attributes = client.V1ResourceAttributes(
        namespace=NAMESPACE, verb="create", group=GROUP, resource="queries"
    )
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    review = client.V1SelfSubjectAccessReview(spec=spec)
    holds((await api.create_self_subject_access_review(review)).status.allowed)
    rules = client.V1SelfSubjectRulesReview(spec=client.V1SelfSubjectRulesReviewSpec(namespace=NAMESPACE))
    status = (await api.create_self_subject_rules_review(rules)).status
    holds(any(set(one.verbs) & {"*"} for one in status.resource_rules), status)


@rule
async def the_dynamic_client_does_every_verb() -> None:
    dynamic = await DynamicClient(await connection())
    queries = await dynamic.resources.get(api_version=f"{GROUP}/v1alpha1", kind="Query")
    same((queries.name, queries.namespaced), ("queries", True))
    start = (await queries.get(namespace=NAMESPACE)).metadata.resourceVersion
    made = await queries.create(body=query("dyn"), namespace=NAMESPACE)
    same((await queries.get(name="dyn", namespace=NAMESPACE)).to_dict(), made.to_dict())
    patched = await queries.patch(
        body={"spec": {"ttl": "1h"}}, name="dyn", namespace=NAMESPACE, content_type=MERGE
    )
    same(patched.spec.ttl, "1h")
    body = {**query("dyn"), "spec": {"sessionId": "s1"}}
    applied = await queries.server_side_apply(
        body=body, name="dyn", namespace=NAMESPACE, field_manager="dyn", force_conflicts=True
    )
    same((applied.spec.sessionId, applied.spec.ttl), ("s1", "1h"))
    await queries.delete(name="dyn", namespace=NAMESPACE)
    seen = [
        event["type"]
        async for event in queries.watch(
            namespace=NAMESPACE, field_selector="metadata.name=dyn", resource_version=start, timeout=1
        )
    ]
    same(seen, ["ADDED", "MODIFIED", "MODIFIED", "DELETED"])


@rule
async def yaml_documents_are_created() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "two.yaml")
        path.write_text(MANIFEST)
        await utils.create_from_yaml(await connection(), str(path), namespace=NAMESPACE)
        same(
            (await (await core()).read_namespaced_config_map("from-yaml", NAMESPACE)).data,
            {"greeting": "hello"},
        )
        try:
            await utils.create_from_yaml(await connection(), str(path), namespace=NAMESPACE)
        except utils.FailToCreateError as error:
            same([one.api_exceptions[0].status for one in error.api_exceptions], [409, 409])
        else:
            raise AssertionError("made twice")


@rule
async def impersonation_headers_are_obeyed() -> None:
    settings = client.Configuration()
    await config.load_kube_config(KUBECONFIG, client_configuration=settings)
    user = f"system:serviceaccount:{NAMESPACE}:nobody"
    async with client.ApiClient(settings, "Impersonate-User", user) as acting:
        call = client.CustomObjectsApi(acting).list_namespaced_custom_object(*QUERIES)
        error, status = await refused(call)
    same((error.status, status["reason"]), (403, "Forbidden"))
    holds(f'User "{user}" cannot list resource "queries" in API group "{GROUP}"' in status["message"], status)
