"""
Our server behind the aggregator of a cluster, without a node: the service that the cluster forwards to is a
name for this machine.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.ark import console_script, copy_definitions
from tests.cluster.balancer import Balancer
from tests.cluster.certificates import Authority, Pair
from tests.cluster.client import Client, Endpoint
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.process import Process, free_port

NAMESPACE = "ark-system"
NAME = "ark-apiserver"
OWN = (("ark.mckinsey.com", "v1alpha1"), ("ark.mckinsey.com", "v1prealpha1"))
_NEEDED = Path(__file__).with_suffix(".yaml")
_JSON = {"Content-Type": "application/json"}
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


class Replica:
    """
    One process of it.

    @ivar process: L{None} while it does not run.
    """

    def __init__(self, name: str, folder: Path, options: dict[str, str], flags: Sequence[str]) -> None:
        self.name = name
        self.port = free_port()
        self._folder = folder
        given = [f"--{option}={value}" for option, value in options.items()]
        self._command = [*console_script(), *given, f"--secure-port={self.port}", *flags]
        self.process: Process | None = None

    def start(self, environment: dict[str, str] | None = None) -> Process:
        """
        Start it; it is not ready when this returns.
        """
        self.process = Process(self.name, self._command, self._folder, environment)
        return self.process

    def stop(self) -> None:
        """
        Have it end in good order.
        """
        if self.process is not None:
            self.process.stop()
            self.process = None


class AggregatedArk:
    """
    One server, or several of one database, with its service and C{APIService}s.

    @ivar endpoint: how the cluster's administrator reaches it, through kube-apiserver.
    @ivar replicas: its processes.
    @ivar kubeconfig: how it reaches the cluster, as its service account; set by L{start}.
    @ivar database: the server of its database, where that is one.
    """

    kubeconfig: Path
    database: Any = None

    def __init__(
        self,
        cluster: Cluster,
        *,
        replicas: int = 1,
        definitions: Sequence[Path] = (),
        storage: Sequence[str] = (),
        flags: Sequence[str] = (),
    ) -> None:
        """
        @param definitions: files with further CustomResourceDefinitions for it to serve.
        @param storage: flags that say where its data is; a SQLite file in its folder without any.
        @param flags: further flags.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="ark-aggregated-", dir=cluster.folder))
        self.cluster = cluster
        self.endpoint = cluster.endpoint
        self._authority = Authority(self.folder, "serving-ca")
        self._versions = [*OWN, *_versions(definitions)]
        self._definitions = definitions
        self._serving = self._authority.issue(NAME, server=True, names=[f"{NAME}.{NAMESPACE}.svc"])
        self._needs = list(_objects())
        self._replicas = replicas
        self._flags = [*storage, *flags]
        self._balancer: Balancer | None = None
        self.replicas: list[Replica] = []

    def start(self) -> AggregatedArk:
        """
        Start it and return when the cluster forwards to it.

        @raise tests.cluster.process.NotReady: when it does not come up.
        """
        client = self.endpoint.connect()
        try:
            for target, body in self._needs:
                put(client, target, body)
            self._make_replicas()
            for replica in self.replicas:
                self.wait_ready(replica, replica.start())
            for target, body in self._registration(self._port()):
                put(client, target, body)
            self.wait_available()
        except BaseException:
            self.stop()
            raise
        finally:
            client.close()
        return self

    def direct(self, replica: int = 0, user: Endpoint | None = None) -> Endpoint:
        """
        How a user of the cluster reaches a replica without kube-apiserver.

        @param user: the administrator by default.
        """
        url = f"https://127.0.0.1:{self.replicas[replica].port}"
        return (user or self.endpoint)._replace(url=url, authority=self._authority.certificate)

    def replace(self, replica: Replica) -> None:
        """
        Stop one of several replicas and start it again.  As in a cluster, only what is ready is sent
        requests.
        """
        assert self._balancer is not None
        self._balancer.ports = [one.port for one in self.replicas if one is not replica]
        replica.stop()
        self.wait_ready(replica, replica.start())
        self._balancer.ports = [one.port for one in self.replicas]

    def wait_ready(self, replica: Replica, process: Process) -> None:
        """
        Return when a replica says that it is ready.
        """
        client = self.direct(self.replicas.index(replica)).connect()
        try:
            process.wait_until(lambda: client.request("GET", "/readyz").code == 200)
        finally:
            client.close()

    def available(self) -> list[str]:
        """
        What the aggregator says of each version: C{True}, or C{False} with its reason.
        """
        client = self.endpoint.connect()
        try:
            return [
                _available(client.get(f"{_SERVICES}/{version}.{group}")) for group, version in self._versions
            ]
        finally:
            client.close()

    def wait_available(self, seconds: float = 90) -> None:
        """
        Return when the aggregator forwards requests, and has the documents of the kinds.
        """
        process = next(replica.process for replica in self.replicas if replica.process is not None)
        client = self.endpoint.connect()

        def served() -> bool:
            if any(one != "True" for one in self.available()):
                return False
            documents = client.get("/openapi/v3")["paths"]
            return all(f"apis/{group}/{version}" in documents for group, version in self._versions)

        try:
            process.wait_until(served, seconds)
        finally:
            client.close()

    @property
    def processes(self) -> list[Process]:
        """
        Those that run.
        """
        return [replica.process for replica in self.replicas if replica.process is not None]

    def stop(self) -> None:
        """
        Stop it.  The cluster goes on to name it, and the folder stays until the cluster's own goes.
        """
        for replica in self.replicas:
            replica.stop()
        if self._balancer is not None:
            self._balancer.stop()

    def remove(self) -> None:
        """
        Stop it, take it out of the cluster and drop the folder too.
        """
        client = self.endpoint.connect()
        for target, body in self._registration(0):
            client.request("DELETE", f"{target}/{body['metadata']['name']}")
        client.close()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_replicas(self) -> None:
        self.kubeconfig = self.cluster.service_account(NAMESPACE, NAME)
        options = {
            "kubeconfig": str(self.kubeconfig),
            "tls-cert-file": str(self._serving.certificate),
            "tls-private-key-file": str(self._serving.key),
        }
        if self._definitions:
            options["resource-definitions"] = str(copy_definitions(self._definitions, self.folder))
        for number in range(self._replicas):
            own = {**options, "db-path": str(self.folder / f"data-{number}" / "ark.db")}
            name = f"ark-apiserver-{number}" if self._replicas > 1 else "ark-apiserver"
            self.replicas.append(Replica(name, self.folder, own, self._flags))

    def _port(self) -> int:
        if self._replicas == 1:
            return self.replicas[0].port
        self._balancer = Balancer([replica.port for replica in self.replicas])
        return self._balancer.port

    def _registration(self, port: int) -> Iterable[tuple[str, dict[str, Any]]]:
        """
        The service, and what sends the cluster there.
        """
        yield f"/api/v1/namespaces/{NAMESPACE}/services", this_machine(port or 443)
        bundle = base64.b64encode(self._authority.certificate.read_bytes()).decode()
        for group, version in self._versions:
            yield _SERVICES, api_service(group, version, port, caBundle=bundle)

    @property
    def serving(self) -> Pair:
        """
        The certificate that all replicas serve.
        """
        return self._serving


def _objects() -> Iterable[tuple[str, dict[str, Any]]]:
    """
    What it needs, with the collections to create it in.
    """
    for body in yaml.safe_load(_NEEDED.read_text()):
        yield collection_of(body), body


def collection_of(body: dict[str, Any]) -> str:
    """
    The path to create an object at.
    """
    group, namespace = body["apiVersion"], body["metadata"].get("namespace")
    place = f"namespaces/{namespace}/" if namespace else ""
    return f"/{'apis' if '/' in group else 'api'}/{group}/{place}{body['kind'].lower()}s"


def this_machine(port: int) -> dict[str, Any]:
    """
    The service, which is a port of this machine.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }


def api_service(group: str, version: str, port: int, **spec: Any) -> dict[str, Any]:
    """
    What sends the cluster to the service.
    """
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
            "service": {"name": NAME, "namespace": NAMESPACE, "port": port},
            **spec,
        },
    }


def put(client: Client, target: str, body: dict[str, Any]) -> None:
    """
    Create an object; one that is there is replaced.
    """
    answer = client.request("POST", target, _JSON, json.dumps(body).encode())
    if answer.code == 409:
        place = f"{target}/{body['metadata']['name']}"
        version = client.get(place)["metadata"]["resourceVersion"]
        newer = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
        answer = client.request("PUT", place, _JSON, json.dumps(newer).encode())
    if answer.code not in (200, 201):
        raise ValueError(f"{body['kind']} {body['metadata']['name']}: {answer.body.decode()}")


def _available(service: dict[str, Any]) -> str:
    for condition in service.get("status", {}).get("conditions", ()):
        if condition["type"] == "Available":
            return str(condition["status"] if condition["status"] == "True" else condition["message"])
    return "unknown"


def _versions(files: Sequence[Path]) -> list[tuple[str, str]]:
    found = [
        (definition["spec"]["group"], version["name"])
        for definition in read_definitions(*files)
        for version in definition["spec"]["versions"]
        if version["served"]
    ]
    return list(dict.fromkeys(found))
