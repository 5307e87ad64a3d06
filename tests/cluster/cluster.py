"""
A bare Kubernetes control plane on loopback: etcd, kube-apiserver and, where wanted, its controllers.

No node ever joins.  The definitions that both sides serve are applied as CustomResourceDefinitions, so this
cluster answers as the oracle of contract.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.build import binary
from tests.cluster.certificates import Authority, Pair, service_account_keys
from tests.cluster.client import Client, Endpoint
from tests.cluster.kubeconfig import write_kubeconfig, write_token_kubeconfig
from tests.cluster.process import Process, free_port

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ISSUER = "https://kubernetes.default.svc"


class Cluster:
    """
    etcd and kube-apiserver with an administrator's kubeconfig.

    @ivar endpoint: how the administrator reaches it; set by L{start}.
    @ivar processes: what runs, for those who measure it.
    @ivar authority: vouches for its users' certificates; set by L{start}.
    @ivar etcd: the URL of its etcd; set by L{start}.
    """

    endpoint: Endpoint
    authority: Authority
    etcd: str

    def __init__(self, *, controllers: Sequence[str] = (), flags: Sequence[str] = ()) -> None:
        """
        @param controllers: controllers of kube-controller-manager to run; none of them by default.
        @param flags: further flags for kube-apiserver.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="kube-cluster-"))
        self.processes: list[Process] = []
        self._controllers = list(controllers)
        self._flags = list(flags)

    def start(self) -> Cluster:
        """
        Start everything and return when it serves; nothing of it stays when that fails.

        @raise tests.cluster.build.Unavailable: when the programs cannot be had.
        @raise tests.cluster.process.NotReady: when one of them does not come up.
        """
        try:
            etcd, kube = binary("etcd"), binary("kube")
            self.etcd = self._start_etcd(etcd)
            self._start_apiserver(kube, self.etcd)
            if self._controllers:
                self._start_controllers(kube)
        except BaseException:
            self.remove()
            raise
        return self

    def define(self, manifests: Iterable[dict[str, Any]]) -> None:
        """
        Apply CustomResourceDefinitions and return when every served version answers.
        """
        client = self.endpoint.connect()
        applied = list(manifests)
        for manifest in applied:
            answer = client.request(
                "POST", _DEFINITIONS, {"Content-Type": "application/json"}, json.dumps(manifest).encode()
            )
            if answer.code != 201:
                raise ValueError(f"{manifest['metadata']['name']}: {answer.body.decode()}")
        self.processes[-1].wait_until(lambda: all(_served(client, one) for one in applied))
        client.close()

    def user(self, name: str, groups: Sequence[str] = ()) -> Endpoint:
        """
        How a user with a certificate of his own reaches it.
        """
        pair = self.authority.issue(name, groups=groups)
        path = pair.certificate.with_suffix(".kubeconfig")
        write_kubeconfig(path, self.endpoint.url, self.endpoint.authority, pair)
        return self.endpoint._replace(certificate=pair.certificate, key=pair.key, kubeconfig=path)

    def service_account(self, namespace: str, name: str) -> Path:
        """
        A kubeconfig with a token of a service account that is there.
        """
        client = self.endpoint.connect()
        target = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = b'{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}'
        answer = client.request("POST", target, {"Content-Type": "application/json"}, body)
        client.close()
        if answer.code != 201:
            raise ValueError(f"{namespace}/{name}: {answer.body.decode()}")
        path = self.folder / f"{namespace}-{name}.kubeconfig"
        token = answer.json()["status"]["token"]
        return write_token_kubeconfig(path, self.endpoint.url, self.endpoint.authority, token)

    def process(self, name: str) -> Process:
        """
        One of L{processes}.
        """
        return next(process for process in self.processes if process.name == name)

    def restart_controllers(self) -> None:
        """
        End the controllers, and with them all their watches, and start them anew.
        """
        process = self.process("kube-controller-manager")
        process.stop()
        self.processes.remove(process)
        self._start_controllers(binary("kube"))

    def stop(self) -> None:
        """
        Stop what L{start} started, last first.  The folder with the logs stays.
        """
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()

    def remove(self) -> None:
        """
        Stop, and drop the folder too.
        """
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_etcd(self, program: Path) -> str:
        url, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        options = {
            "name": "one",
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"one={peer}",
        }
        process = Process("etcd", [str(program), *_flags(options)], self.folder)
        self.processes.append(process)
        process.wait_until(
            lambda: "ready to serve client requests" in process.log.read_text(errors="replace")
        )
        return url

    def _start_apiserver(self, program: Path, store: str) -> None:
        authority = self.authority = Authority(self.folder, "cluster-ca")
        serving = authority.issue("kube-apiserver", server=True)
        admin = authority.issue("admin", groups=["system:masters"])
        url = f"https://127.0.0.1:{free_port()}"
        kubeconfig = write_kubeconfig(self.folder / "admin.kubeconfig", url, authority.certificate, admin)
        self.endpoint = Endpoint(url, authority.certificate, admin.certificate, admin.key, kubeconfig)
        options = {
            "etcd-servers": store,
            "bind-address": "127.0.0.1",
            "secure-port": url.rpartition(":")[2],
            "endpoint-reconciler-type": "none",
            "tls-cert-file": str(serving.certificate),
            "tls-private-key-file": str(serving.key),
            "client-ca-file": str(authority.certificate),
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.96.0.0/16",
            "service-account-issuer": _ISSUER,
            **self._front_proxy(),
            **self._tokens(service_account_keys(self.folder)),
        }
        command = [str(program), "kube-apiserver", *_flags(options), *self._flags]
        process = Process("kube-apiserver", command, self.folder)
        self.processes.append(process)
        process.wait_until(self._ready)

    def _front_proxy(self) -> dict[str, str]:
        authority = Authority(self.folder, "front-proxy-ca")
        proxy = authority.issue("front-proxy")
        return {
            "requestheader-client-ca-file": str(authority.certificate),
            "requestheader-allowed-names": "front-proxy",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-uid-headers": "X-Remote-Uid",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": str(proxy.certificate),
            "proxy-client-key-file": str(proxy.key),
        }

    def _tokens(self, keys: Pair) -> dict[str, str]:
        return {
            "service-account-key-file": str(keys.certificate),
            "service-account-signing-key-file": str(keys.key),
        }

    def _start_controllers(self, program: Path) -> None:
        options = {
            "kubeconfig": str(self.endpoint.kubeconfig),
            "controllers": ",".join(self._controllers),
            "leader-elect": "false",
            "secure-port": "0",
            "service-account-private-key-file": str(self.folder / "service-account.key"),
        }
        command = [str(program), "kube-controller-manager", *_flags(options)]
        self.processes.append(Process("kube-controller-manager", command, self.folder))

    def _ready(self) -> bool:
        client = self.endpoint.connect()
        try:
            ready = client.request("GET", "/readyz").code == 200
            return ready and client.request("GET", "/api/v1/namespaces/default").code == 200
        finally:
            client.close()


def read_definitions(*folders: Path) -> list[dict[str, Any]]:
    """
    The CustomResourceDefinition manifests of some folders (or files), in the order of their names.
    """
    files = [
        file
        for folder in folders
        for file in ([folder] if folder.is_file() else sorted(folder.glob("*.yaml")))
    ]
    documents = (document for file in files for document in yaml.safe_load_all(file.read_text()))
    return [one for one in documents if one and one.get("kind") == "CustomResourceDefinition"]


def _flags(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _served(client: Client, definition: dict[str, Any]) -> bool:
    """
    Whether every served version lists, and discovery and OpenAPI (both made later) know of it.
    """
    spec = definition["spec"]
    plural = spec["names"]["plural"]
    documents = client.get("/openapi/v3")["paths"]
    for version in spec["versions"]:
        if not version["served"]:
            continue
        group_version = f"apis/{spec['group']}/{version['name']}"
        if group_version not in documents or client.request("GET", f"/{group_version}/{plural}").code != 200:
            return False
        resources = client.get(f"/{group_version}")["resources"]
        paths = client.get(documents[group_version]["serverRelativeURL"])["paths"]
        if not any(one["name"] == plural for one in resources):
            return False
        if not any(path.endswith(f"/{plural}") for path in paths):
            return False
    return True
