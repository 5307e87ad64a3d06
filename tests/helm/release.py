"""
A release of the chart in a real cluster without nodes: what Helm applies is kube-apiserver's to judge, and the one
thing that is missing, the kubelet, is played with the server as a process.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cluster.ark import console_script
from tests.cluster.build import binary
from tests.cluster.cluster import Cluster
from tests.cluster.process import Process, free_port
from tests.helm.chart import CHART, NAMESPACE, Failed
from tests.helm.image import Image

NAME = "ark-apiserver"
VERSIONS = ("v1alpha1.ark.mckinsey.com", "v1prealpha1.ark.mckinsey.com")


class Release:
    """
    The chart, installed by one version of Helm.

    @ivar port: of the server and of its Service.
    """

    def __init__(self, helm: str, cluster: Cluster) -> None:
        self.helm_program = helm
        self.cluster = cluster
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="ark-release-"))
        self._processes: list[Process] = []

    def helm(self, *words: str) -> str:
        """
        What Helm prints.

        @raise Failed: it refused.
        """
        return self._run(self.helm_program, "--namespace", NAMESPACE, *words)

    def kubectl(self, *words: str, text: str | None = None) -> str:
        """
        What kubectl prints.

        @raise Failed: it refused.
        """
        return self._run("kubectl", "--namespace", NAMESPACE, *words, text=text)

    def get(self, *words: str) -> Any:
        """
        An object, or several.
        """
        return json.loads(self.kubectl("get", *words, "--output=json"))

    def create_secret(self, name: str, **members: str) -> None:
        """
        Make a Secret that is the user's.
        """
        self.kubectl("delete", "secret", name, "--ignore-not-found")
        literals = [f"--from-literal={key}={text}" for key, text in members.items()]
        self.kubectl("create", "secret", "generic", name, *literals)

    def install(self, *flags: str) -> str:
        """
        Install it, and have its Service lead to this machine.
        """
        return self._apply("install", "--create-namespace", *flags)

    def upgrade(self, *flags: str) -> str:
        """
        Upgrade it.
        """
        # Ours is not Helm's: with server-side apply that would be a conflict.
        self.kubectl("delete", "service", NAME, "--ignore-not-found")
        return self._apply("upgrade", *flags)

    def apply(self, verb: str, *flags: str) -> str:
        """
        Have Helm do so, and no more.
        """
        ports = f"--set=service.port={self.port},server.port={self.port}"
        return self.helm(verb, NAME, str(CHART), ports, *flags)

    def _apply(self, verb: str, *flags: str) -> str:
        printed = self.apply(verb, *flags)
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**self.get("service", NAME)["metadata"], "resourceVersion": ""},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": self.port}]},
        }
        self.kubectl("replace", "--force", "--filename=-", text=json.dumps(service))
        return printed

    def start(self, wait: bool = True) -> Process:
        """
        Play the kubelet: run the container of the Deployment, with its volumes.
        """
        pod = self.get("deployment", NAME)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        places = dict(self._volumes(pod, container))
        account = self.cluster.service_account(NAMESPACE, pod["serviceAccountName"])
        words = [_placed(word, places) for word in container["args"]]
        words[words.index("--in-cluster=true")] = f"--kubeconfig={account}"
        environment = {one["name"]: _placed(one["value"], places) for one in container.get("env", ())}
        process = Process("ark-server", [*console_script(), *words], self.folder, environment)
        self._processes.append(process)
        if wait:
            process.wait_until(self.available)
        return process

    def run_pod(self, image: Image) -> Process:
        """
        Run the container of the Deployment as it is, in its image, and return when it is available.
        """
        pod = self.get("deployment", NAME)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {place: folder for place, folder in self._volumes(pod, container) if place != "/tmp"}
        for folder in mounts.values():
            _give(folder, pod["securityContext"]["fsGroup"])
        mounts["/var/run/secrets/kubernetes.io/serviceaccount"] = self._account(pod["serviceAccountName"])
        variables = [f"{one['name']}={one['value']}" for one in container.get("env", ())]
        variables += [f"{name}={value}" for name, value in self._cluster_variables().items()]
        program = [*image.config["Entrypoint"], *container["args"]]
        process = Process("ark-pod", image.confined(mounts, program, variables), self.folder)
        self._processes.append(process)
        process.wait_until(self.available)
        return process

    def _account(self, name: str) -> Path:
        """
        The folder that the kubelet makes for a service account.
        """
        folder = self.folder / "account"
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(self.kubectl("create", "token", name).strip())
        (folder / "namespace").write_text(NAMESPACE)
        shutil.copy(self.cluster.endpoint.authority, folder / "ca.crt")
        return folder

    def _cluster_variables(self) -> dict[str, str]:
        host, _, port = self.cluster.endpoint.url.rpartition("/")[2].partition(":")
        return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}

    def _volumes(self, pod: dict[str, Any], container: dict[str, Any]) -> Iterator[tuple[str, Path]]:
        """
        Where the kubelet would mount them, and where they are.
        """
        sources = {volume["name"]: volume for volume in pod["volumes"]}
        for mount in container["volumeMounts"]:
            folder = self.folder / mount["name"]
            folder.mkdir(exist_ok=True)
            source = sources[mount["name"]]
            if "secret" in source:
                wanted = source["secret"]
                found = self.get("secret", wanted["secretName"])["data"]
                items = wanted.get("items") or [{"key": key, "path": key} for key in found]
                for item in items:
                    (folder / item["path"]).write_bytes(base64.b64decode(found[item["key"]]))
            elif "configMap" in source:
                for name, text in self.get("configmap", source["configMap"]["name"])["data"].items():
                    (folder / name).write_text(text)
            yield mount["mountPath"], folder

    def available(self) -> bool:
        """
        Whether kube-apiserver leads to the server.
        """
        return all(self.condition(version)["status"] == "True" for version in VERSIONS)

    def condition(self, version: str) -> dict[str, Any]:
        """
        What it says of an APIService.
        """
        status = self.get("apiservice", version).get("status", {})
        for condition in status.get("conditions", ()):
            if condition["type"] == "Available":
                found: dict[str, Any] = condition
                return found
        return {"status": "Unknown"}

    def run_test(self) -> subprocess.CompletedProcess[str]:
        """
        Play the kubelet for the pod of C{helm test}.
        """
        manifests = self.helm("get", "hooks", NAME)
        pod = json.loads(
            self.kubectl("create", "--dry-run=client", "--output=json", "--filename=-", text=manifests)
        )
        (container,) = pod["spec"]["containers"]
        account = self._account(pod["spec"]["serviceAccountName"])
        environment = {**os.environ, **self._cluster_variables(), "SERVICE_ACCOUNT_FOLDER": str(account)}
        return subprocess.run(
            [sys.executable, *container["command"][1:]],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def stop(self) -> None:
        """
        Stop what runs.
        """
        for process in self._processes:
            process.stop()
        self._processes.clear()

    def remove(self) -> None:
        """
        Stop it, and drop its folder.
        """
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *words: str, text: str | None = None) -> str:
        command = [str(binary(program)), f"--kubeconfig={self.cluster.endpoint.kubeconfig}", *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(done.stdout + done.stderr)
        return done.stdout


def _give(folder: Path, group: int) -> None:
    """
    Let a group use a volume, as the kubelet does.
    """
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 0, group)
        path.chmod(0o2770 if path.is_dir() else 0o440)


def _placed(text: str, places: dict[str, Path]) -> str:
    """
    A text with the paths of mounts replaced by those of this machine.
    """
    value = re.search("(?:^|=)(/.*)$", text)
    for mount, folder in places.items():
        if value is not None and value[1].startswith(f"{mount}/"):
            return text[: value.start(1)] + str(folder) + value[1].removeprefix(mount)
    return text
