"""
The rules of C{kopf}: each looks at what an operator does that runs all the while.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.clients.rules import KUBECONFIG, NAMESPACE, closing, holds, main, rule, same, until
from tests.clients.wire import relayed

HERE = Path(__file__).parent
EXAMPLES: tuple[Any, ...] = ("operator.example.com", "v1", NAMESPACE, "examples")
PEERINGS: tuple[Any, ...] = ("kopf.dev", "v1", NAMESPACE, "kopfpeerings")
FINALIZER = "kopf.zalando.org/KopfFinalizerMarker"
MERGE = "application/merge-patch+json"

folder = Path(tempfile.mkdtemp(prefix="kopf-"))
journal = folder / "journal"
relay, kubeconfig = relayed(KUBECONFIG, folder) if KUBECONFIG else (None, "")
if KUBECONFIG:
    config.load_kube_config(KUBECONFIG)
api = client.CustomObjectsApi()
core = client.CoreV1Api()


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
    closing.callback(process.kill)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@cache
def running() -> Any:
    """
    The operator that most rules look at.
    """
    journal.touch()
    context = operator("first", "--standalone")
    context.__enter__()
    return context


def stop() -> None:
    """
    End it.
    """
    running().__exit__(None, None, None)
    running.cache_clear()


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


@rule
def definitions_are_made_while_the_server_runs() -> None:
    definitions = client.ApiextensionsV1Api()
    names = []
    for one in yaml.safe_load_all((HERE / "definitions.yaml").read_text()):
        names.append(one["metadata"]["name"])
        try:
            definitions.create_custom_resource_definition(one)
        except ApiException as error:
            # Another run on the same server.
            same(error.status, 409)

    def established(name: str) -> bool:
        conditions = definitions.read_custom_resource_definition(name).status.conditions or []
        return any((one.type, one.status) == ("Established", "True") for one in conditions)

    until(lambda: all(established(name) for name in names))
    until(lambda: api.list_namespaced_custom_object(*EXAMPLES)["kind"] == "ExampleList")


@rule
def a_created_object_is_handled() -> None:
    make("first", color="red")
    until(lambda: "kopf.zalando.org/last-handled-configuration" in annotations("first"))
    found = get("first")
    same(found["status"]["greet"], {"message": "hello first"})
    same(found["metadata"]["finalizers"], [FINALIZER])
    handled = json.loads(found["metadata"]["annotations"]["kopf.zalando.org/last-handled-configuration"])
    same(handled, {"spec": {"color": "red"}})


@rule
def progress_is_kept_between_retries() -> None:
    make("flaky", flaky=True)

    def tried_twice() -> bool:
        kept = annotations("flaky").get("kopf.dev/stumble")
        return kept is not None and json.loads(kept)["retries"] == 2

    until(tried_twice)
    until(lambda: status("flaky").get("kopf", {}).get("progress", {}).get("stumble", {}).get("retries") == 2)
    until(lambda: status("flaky").get("stumble") == {"retries": 2})
    found = get("flaky")
    holds("kopf.dev/stumble" not in found["metadata"]["annotations"], found)
    holds(not found["status"].get("kopf", {}).get("progress"), found)


@rule
def a_permanent_error_is_not_retried() -> None:
    make("hopeless", hopeless=True)
    until(lambda: any("no way" in (one.message or "") and one.type == "Error" for one in events("hopeless")))
    same(len(lines("hopeless", "hopeless")), 1)


@rule
def an_update_tells_what_differs() -> None:
    change("first", color="blue", size=3)
    expected = [["add", ["spec", "size"], None, 3], ["change", ["spec", "color"], "red", "blue"]]
    until(lambda: sorted(status("first").get("diff", [])) == expected)


@rule
def a_field_handler_sees_its_field_alone() -> None:
    change("first", size=4)
    change("first", color="green")
    until(lambda: len(lines("color", "first")) == 3)
    seen = [(one["old"], one["new"]) for one in lines("color", "first")]
    same(seen, [(None, "red"), ("red", "blue"), ("blue", "green")])


@rule
def timers_tick() -> None:
    make("ticking", ticking=True)
    until(lambda: status("ticking").get("ticks", 0) >= 3)
    api.delete_namespaced_custom_object(*EXAMPLES, "ticking")
    until(lambda: gone("ticking"))


@rule
def an_index_holds_every_object() -> None:
    make("later", color="green")
    make("indexed", color="red", indexed=True)

    def found() -> dict[str, list[str]]:
        known = lines("index", "indexed")
        return known[-1]["found"] if known else {}

    until(lambda: found().get("green") == ["first", "later"] and found().get("red") == ["indexed"])


def events(name: str) -> list[Any]:
    """
    The events of an object.
    """
    selector = f"involvedObject.name={name},involvedObject.kind=Example"
    return core.list_namespaced_event(NAMESPACE, field_selector=selector).items


@rule
def events_are_posted() -> None:
    until(lambda: "Greeting" in {one.reason for one in events("first")})
    greeting = next(one for one in events("first") if one.reason == "Greeting")
    same((greeting.message, greeting.type), ("Hello, first!", "Normal"))
    same(greeting.involved_object.uid, get("first")["metadata"]["uid"])
    until(lambda: "said hello" in {one.message for one in events("first")})


@rule
def core_objects_are_watched() -> None:
    body = {"metadata": {"name": "watched", "labels": {"watched": "yes"}}}
    core.create_namespaced_config_map(NAMESPACE, body)
    until(lambda: lines("map ADDED", "watched"))
    core.delete_namespaced_config_map("watched", NAMESPACE)
    until(lambda: lines("map DELETED", "watched"))


@rule
def children_are_adopted_and_collected() -> None:
    (owner,) = core.read_namespaced_config_map("later-child", NAMESPACE).metadata.owner_references
    same((owner.uid, owner.kind, owner.controller), (get("later")["metadata"]["uid"], "Example", True))
    api.delete_namespaced_custom_object(*EXAMPLES, "later")

    def collected() -> bool:
        found = core.list_namespaced_config_map(NAMESPACE, field_selector="metadata.name=later-child")
        return not found.items

    until(collected)


@rule
def a_deletion_waits_for_its_handler() -> None:
    make("haunted", haunted=True)
    until(lambda: lines("daemon began", "haunted"))
    answer = api.delete_namespaced_custom_object(*EXAMPLES, "haunted")
    holds("deletionTimestamp" in answer["metadata"], answer)
    until(lambda: gone("haunted"))
    same((len(lines("deleted", "haunted")), len(lines("daemon ended", "haunted"))), (1, 1))


@rule
def a_cut_connection_loses_nothing() -> None:
    for number in range(3):
        # Between its own writes: kopf forgets an object when it never learns how its patch ended.
        relay.cut()
        name = f"cut-{number}"
        make(name, color="red")
        change("first", color=name)
        until(partial(_settled, name))


def _settled(name: str) -> bool:
    return (
        "greet" in status(name)
        and "kopf.dev/greet" not in annotations(name)
        and lines("color", "first")[-1]["new"] == name
    )


@rule
def a_restarted_operator_catches_up() -> None:
    stop()
    before = len(lines("updated", "first"))
    change("first", color="offline")
    make_unseen("offline")
    api.delete_namespaced_custom_object(*EXAMPLES, "cut-0")
    holds(not gone("cut-0"))
    running()
    until(lambda: "greet" in status("offline") and gone("cut-0"))
    until(lambda: len(lines("updated", "first")) == before + 1)
    until(lambda: lines("resumed", "cut-1"))


@rule
def a_peer_of_higher_priority_pauses_the_operator() -> None:
    stop()
    body = {"apiVersion": "kopf.dev/v1", "kind": "KopfPeering", "metadata": {"name": "example"}}
    api.create_namespaced_custom_object(*PEERINGS, body)

    def log(name: str) -> str:
        return (folder / f"{name}.log").read_text()

    with operator("low", "--peering=example", "--priority=1"):
        until(lambda: _peers() == [1])
        with operator("high", "--peering=example", "--priority=2"):
            until(lambda: "Pausing operations" in log("low"))
            until(lambda: sorted(_peers()) == [1, 2])
        until(lambda: "Resuming operations" in log("low"))
        make_unseen("peered")
        until(lambda: "greet" in status("peered"))


def _peers() -> list[int]:
    peering = api.get_namespaced_custom_object(*PEERINGS, "example")
    return [one["priority"] for one in peering.get("status", {}).values()]


if __name__ == "__main__":
    main()
