"""
What happens while the operator runs.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.clients.kopf.support import (
    EXAMPLES,
    HERE,
    annotations,
    api,
    change,
    get,
    gone,
    lines,
    make,
    status,
)
from tests.clients.rules import NAMESPACE, holds, rule, same, until

FINALIZER = "kopf.zalando.org/KopfFinalizerMarker"
core = client.CoreV1Api()


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
