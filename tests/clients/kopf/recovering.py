"""
What happens when something else fails, ends or comes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.clients.kopf.support import (
    EXAMPLES,
    annotations,
    api,
    change,
    folder,
    gone,
    lines,
    make,
    make_unseen,
    operator,
    relay,
    running,
    status,
)
from tests.clients.rules import NAMESPACE, holds, rule, until

PEERINGS: tuple[Any, ...] = ("kopf.dev", "v1", NAMESPACE, "kopfpeerings")


def stop() -> None:
    """
    End it.
    """
    running().__exit__(None, None, None)
    running.cache_clear()


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
