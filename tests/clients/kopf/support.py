"""
The operator as a process, and what the rules have in common.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.clients.rules import KUBECONFIG, NAMESPACE, closing
from tests.clients.wire import relayed

HERE = Path(__file__).parent
EXAMPLES: tuple[Any, ...] = ("operator.example.com", "v1", NAMESPACE, "examples")
MERGE = "application/merge-patch+json"
folder = Path(tempfile.mkdtemp(prefix="kopf-"))
closing.callback(shutil.rmtree, folder, ignore_errors=True)
journal = folder / "journal"
relay, kubeconfig = relayed(KUBECONFIG) if KUBECONFIG else (None, "")
if KUBECONFIG:
    config.load_kube_config(KUBECONFIG)
api = client.CustomObjectsApi()


@contextmanager
def operator(name: str, *options: str, settings: str = kubeconfig) -> Iterator[subprocess.Popen[bytes]]:
    """
    The operator as a process; it is asked to end at the end.
    """
    source = str(HERE / "operator_under_test.py")
    command = [sys.executable, "-m", "kopf", "run", source, "--namespace", NAMESPACE, "--verbose", *options]
    environment = {**os.environ, "JOURNAL": str(journal), "KUBECONFIG": settings}
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    closing.callback(_end, name, process)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _end(name: str, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    # Who looks into a broken rule wants to see it.
    print((folder / f"{name}.log").read_text()[-3000:])


@cache
def running() -> Any:
    """
    The operator that most rules look at.
    """
    journal.touch()
    context = operator("first", "--standalone")
    context.__enter__()
    return context


def lines(what: str, name: str) -> list[dict[str, Any]]:
    """
    What the journal has on an object.
    """
    found = [json.loads(line) for line in journal.read_text().splitlines()]
    return [one for one in found if (one["what"], one["name"]) == (what, name)]


def make(name: str, **spec: Any) -> dict[str, Any]:
    """
    A new object, with an operator that sees it.
    """
    running()
    return make_unseen(name, **spec)


def make_unseen(name: str, **spec: Any) -> dict[str, Any]:
    """
    A new object, whoever runs.
    """
    body = {
        "apiVersion": "operator.example.com/v1",
        "kind": "Example",
        "metadata": {"name": name},
        "spec": spec,
    }
    return api.create_namespaced_custom_object(*EXAMPLES, body)


def get(name: str) -> dict[str, Any]:
    """
    An object now.
    """
    return api.get_namespaced_custom_object(*EXAMPLES, name)


def status(name: str) -> dict[str, Any]:
    """
    Its status.
    """
    return get(name).get("status", {})


def annotations(name: str) -> dict[str, str]:
    """
    Its annotations.
    """
    return get(name)["metadata"].get("annotations", {})


def change(name: str, **spec: Any) -> None:
    """
    Change an object.
    """
    api.patch_namespaced_custom_object(*EXAMPLES, name, {"spec": spec}, _content_type=MERGE)


def gone(name: str) -> bool:
    """
    Whether there is no such object.
    """
    try:
        get(name)
    except ApiException as error:
        return error.status == 404
    return False
