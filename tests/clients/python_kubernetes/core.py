"""
The typed clients of the built-in kinds, and the tools that come with the library.
"""

from __future__ import annotations

import base64
import json
import tempfile
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kubernetes import client, config, utils
from kubernetes.client.exceptions import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from tests.clients.rules import KUBECONFIG, NAMESPACE, holds, query, raises, rule, same, until, widget

if KUBECONFIG:
    config.load_kube_config()
core = client.CoreV1Api()
V1 = client
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
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ServiceAccount
  metadata: {name: from-yaml}
"""


def meta(name: str, **members: Any) -> Any:
    """
    ObjectMeta.
    """
    return V1.V1ObjectMeta(name=name, **members)


@rule
def the_version_is_read() -> None:
    holds(client.VersionApi().get_code().git_version.startswith("v1."))


@rule
def groups_and_versions_are_read() -> None:
    groups = {one.name: one for one in client.ApisApi().get_api_versions().groups}
    holds({"ark.mckinsey.com", "coordination.k8s.io"} <= set(groups), sorted(groups))
    same(client.CoreApi().get_api_versions().versions, ["v1"])


@rule
def namespaces_are_made_listed_and_deleted() -> None:
    same(core.read_namespace(NAMESPACE).status.phase, "Active")
    name = f"{NAMESPACE}-more"
    core.create_namespace(V1.V1Namespace(metadata=meta(name, labels={"by": NAMESPACE})))
    same([one.metadata.name for one in core.list_namespace(label_selector=f"by={NAMESPACE}").items], [name])
    core.delete_namespace(name)


@rule
def config_maps_know_every_verb() -> None:
    made = core.create_namespaced_config_map(
        NAMESPACE, V1.V1ConfigMap(metadata=meta("typed", labels={"a": "b"}), data={"x": "1"})
    )
    holds(isinstance(made.metadata.creation_timestamp, datetime), made)
    made.data["y"] = "2"
    made = core.replace_namespaced_config_map("typed", NAMESPACE, made)
    same(core.read_namespaced_config_map("typed", NAMESPACE).data, {"x": "1", "y": "2"})
    patched = core.patch_namespaced_config_map("typed", NAMESPACE, {"data": {"x": None, "z": "3"}})
    same(patched.data, {"y": "2", "z": "3"})
    listed = core.list_namespaced_config_map(NAMESPACE, field_selector="metadata.name=typed")
    same([one.metadata.uid for one in listed.items], [made.metadata.uid])
    holds(core.list_config_map_for_all_namespaces(label_selector="a=b").items)
    core.delete_namespaced_config_map("typed", NAMESPACE)
    same(core.list_namespaced_config_map(NAMESPACE, label_selector="a=b").items, [])


@rule
def an_immutable_config_map_refuses_another_value() -> None:
    body = V1.V1ConfigMap(metadata=meta("fixed"), data={"x": "1"}, immutable=True)
    core.create_namespaced_config_map(NAMESPACE, body)
    error = raises(
        ApiException, lambda: core.patch_namespaced_config_map("fixed", NAMESPACE, {"data": {"x": "2"}})
    )
    same(error.status, 422)
    holds("field is immutable when `immutable` is set" in error.body, error.body)


@rule
def secrets_keep_bytes_and_type() -> None:
    body = V1.V1Secret(metadata=meta("typed"), string_data={"token": "hunter2"}, type="Opaque")
    made = core.create_namespaced_secret(NAMESPACE, body)
    same(base64.b64decode(made.data["token"]), b"hunter2")
    same(made.string_data, None)
    error = raises(
        ApiException, lambda: core.patch_namespaced_secret("typed", NAMESPACE, {"type": "kubernetes.io/tls"})
    )
    same(error.status, 422)
    selected = core.list_namespaced_secret(NAMESPACE, field_selector="type=Opaque")
    holds("typed" in [one.metadata.name for one in selected.items])
    core.delete_namespaced_secret("typed", NAMESPACE)


@rule
def services_and_service_accounts_are_kept() -> None:
    port = V1.V1ServicePort(name="http", port=80, target_port="web")
    spec = V1.V1ServiceSpec(type="ExternalName", external_name="agents.example.com", ports=[port])
    made = core.create_namespaced_service(NAMESPACE, V1.V1Service(metadata=meta("typed"), spec=spec))
    same((made.spec.type, made.spec.ports[0].port), ("ExternalName", 80))
    patched = core.patch_namespaced_service(
        "typed", NAMESPACE, {"spec": {"ports": [{"port": 443, "name": "https"}]}}
    )
    same(sorted(one.port for one in patched.spec.ports), [80, 443])  # merged by their key, the port
    core.create_namespaced_service_account(NAMESPACE, V1.V1ServiceAccount(metadata=meta("typed")))
    same(core.read_namespaced_service_account("typed", NAMESPACE).metadata.name, "typed")


@rule
def events_are_selected_by_their_object() -> None:
    reference = V1.V1ObjectReference(kind="Query", name="q1", namespace=NAMESPACE, api_version="v1")
    now = datetime.now(timezone.utc)
    body = V1.CoreV1Event(
        metadata=meta("q1.17"),
        involved_object=reference,
        reason="Started",
        message="It began.",
        type="Normal",
        count=1,
        first_timestamp=now,
        last_timestamp=now,
    )
    core.create_namespaced_event(NAMESPACE, body)
    selector = "involvedObject.name=q1,involvedObject.kind=Query,reason=Started,type=Normal"
    same(len(core.list_namespaced_event(NAMESPACE, field_selector=selector).items), 1)
    same(core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=q2").items, [])
    same(core.patch_namespaced_event("q1.17", NAMESPACE, {"count": 2}).count, 2)


@rule
def leases_keep_microseconds() -> None:
    leases = client.CoordinationV1Api()
    now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
    spec = V1.V1LeaseSpec(holder_identity="me", lease_duration_seconds=15, renew_time=now)
    leases.create_namespaced_lease(NAMESPACE, V1.V1Lease(metadata=meta("typed"), spec=spec))
    same(leases.read_namespaced_lease("typed", NAMESPACE).spec.renew_time, now)


@rule
def a_yaml_file_is_created_document_by_document() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "all.yaml")
        path.write_text(MANIFEST)
        utils.create_from_yaml(client.ApiClient(), str(path), namespace=NAMESPACE)
        same(core.read_namespaced_config_map("from-yaml", NAMESPACE).data, {"greeting": "hello"})
        same(core.read_namespaced_service_account("from-yaml", NAMESPACE).metadata.name, "from-yaml")
        call = lambda: utils.create_from_yaml(client.ApiClient(), str(path), namespace=NAMESPACE)  # noqa: E731
        failures = raises(utils.FailToCreateError, call).api_exceptions
        same([json.loads(one.body)["reason"] for one in failures], ["AlreadyExists"] * 3)


@rule
def a_yaml_file_is_applied_whatever_its_kinds() -> None:
    objects = [
        query("applied"),
        widget("applied", size=2),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1"}},
    ]
    for _ in range(2):
        utils.create_from_yaml(
            client.ApiClient(), yaml_objects=objects, namespace=NAMESPACE, apply=True, force_conflicts=True
        )
    held = core.read_namespaced_config_map("applied", NAMESPACE)
    same(held.data, {"a": "1"})
    same([one.operation for one in held.metadata.managed_fields], ["Apply"])


@rule
def a_lease_elects_one_leader() -> None:
    _elect(lambda name: LeaseLock("lease-lock", NAMESPACE, name))
    spec = client.CoordinationV1Api().read_namespaced_lease("lease-lock", NAMESPACE).spec
    same((spec.holder_identity, spec.lease_duration_seconds), ("two", 4))


@rule
def a_config_map_elects_one_leader() -> None:
    _elect(lambda name: ConfigMapLock("map-lock", NAMESPACE, name))
    held = core.read_namespaced_config_map("map-lock", NAMESPACE).metadata.annotations
    same(json.loads(held["control-plane.alpha.kubernetes.io/leader"])["holderIdentity"], "two")


@rule
def an_unknown_token_is_unauthorized() -> None:
    settings = client.Configuration.get_default_copy()
    settings.cert_file = settings.key_file = None
    settings.api_key = {"authorization": "Bearer wrong", "BearerToken": "Bearer wrong"}
    stranger = client.CoreV1Api(client.ApiClient(settings))
    error = raises(ApiException, lambda: stranger.list_namespaced_secret(NAMESPACE))
    same((error.status, json.loads(error.body)["reason"]), (401, "Unauthorized"))


class Candidate:
    """
    One that wants to lead, and stops being renewed when told to.
    """

    def __init__(self, lock: Any) -> None:
        self.leads = threading.Event()
        self.over = threading.Event()
        self._lock = lock
        settings = electionconfig.Config(
            lock,
            lease_duration=4,
            renew_deadline=3,
            retry_period=1,
            onstarted_leading=self._lead,
            onstopped_leading=lambda: None,
        )
        election = leaderelection.LeaderElection(settings)
        threading.Thread(target=election.run, daemon=True).start()

    def _lead(self) -> None:
        self.leads.set()
        self.over.wait()
        raise RuntimeError("told to stop")  # the library's way to give up leading


def _elect(make: Any) -> None:
    first = Candidate(make("one"))
    until(first.leads.is_set)
    second = Candidate(make("two"))
    holds(not second.leads.wait(1.5))
    first.over.set()
    until(second.leads.is_set)
