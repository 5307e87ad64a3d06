"""
Shared informers: caches that follow the server through whatever happens to their connection.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from functools import cache
from typing import Any

from kubernetes import client, config
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer

from tests.clients.rules import KUBECONFIG, NAMESPACE, holds, rule, same, until
from tests.clients.wire import Relay, relayed

WRITES = 40


class Followed:
    """
    An informer of config maps whose connection can be cut.
    """

    def __init__(self, **options: Any) -> None:
        relay, kubeconfig = relay_of_all()
        self.relay = relay
        core = client.CoreV1Api(config.new_client_from_config(kubeconfig))
        self.informer = SharedInformer(core.list_namespaced_config_map, namespace=NAMESPACE, **options)
        self.seen: Counter[str] = Counter()
        for change in (ADDED, MODIFIED, DELETED):
            self.informer.add_event_handler(change, lambda _, change=change: self.seen.update([change]))
        self.informer.start()

    def values(self) -> dict[str, Any]:
        """
        The data of what is in the cache.
        """
        return {one.metadata.name: one.data for one in self.informer.cache.list()}


@cache
def relay_of_all() -> tuple[Relay, str]:
    """
    What every informer here goes through.
    """
    return relayed(KUBECONFIG)


@cache
def core() -> client.CoreV1Api:
    """
    Writes directly.
    """
    return client.CoreV1Api(config.new_client_from_config())


def put(name: str, label: str, **data: str) -> None:
    """
    Make or change a config map.
    """
    body = {"metadata": {"name": name, "labels": {"set": label}}, "data": data}
    try:
        core().create_namespaced_config_map(NAMESPACE, body)
    except client.ApiException as error:
        same(json.loads(error.body)["reason"], "AlreadyExists")
        core().patch_namespaced_config_map(name, NAMESPACE, {"data": data})


@rule
def an_informer_lists_and_then_follows() -> None:
    put("early", "one", a="1")
    followed = Followed(label_selector="set=one")
    until(lambda: followed.values() == {"early": {"a": "1"}})
    put("late", "one", b="1")
    put("early", "one", a="2")
    until(lambda: followed.values() == {"early": {"a": "2"}, "late": {"b": "1"}})
    core().delete_namespaced_config_map("early", NAMESPACE)
    until(lambda: followed.values() == {"late": {"b": "1"}})
    same(dict(followed.seen), {ADDED: 2, MODIFIED: 1, DELETED: 1})
    followed.informer.stop()


@rule
def a_cut_informer_resumes_without_listing_again() -> None:
    followed = Followed(label_selector="set=cut")
    put("cut-0", "cut", n="0")
    until(lambda: followed.seen[ADDED] == 1)
    writer = threading.Thread(target=_write, args=("cut",))
    writer.start()
    while writer.is_alive():
        followed.relay.cut()
        writer.join(0.05)
    expected = _expected("cut")
    until(lambda: followed.values() == expected)
    holds(followed.relay.connections > 2, followed.relay.connections)
    # A second list would tell of every object that is known as changed once more.
    same(followed.seen[ADDED] - followed.seen[DELETED], len(expected))
    same(followed.seen[MODIFIED], WRITES // 2)
    followed.informer.stop()


@rule
def an_informer_resyncs_after_its_period() -> None:
    put("again", "resync", a="1")
    followed = Followed(label_selector="set=resync", resync_period=1)
    until(lambda: followed.seen[MODIFIED] >= 2)
    same(followed.values(), {"again": {"a": "1"}})
    followed.informer.stop()


def _write(label: str) -> None:
    """
    As many creates as changes, and fewer deletes.
    """
    for number in range(1, WRITES + 1):
        place = (number + 1) // 2
        put(f"{label}-{place}", label, n=str(number))
        if number % 8 == 0:
            core().delete_namespaced_config_map(f"{label}-{place}", NAMESPACE)


def _expected(label: str) -> dict[str, Any]:
    found = core().list_namespaced_config_map(NAMESPACE, label_selector=f"set={label}").items
    return {one.metadata.name: one.data for one in found}
