"""
Random histories of objects and owners, and what must be true of what is left.
"""

from __future__ import annotations

import os
import random
from typing import Any

from tests.controllers.garbage import GarbageTestCase, owner

SEED = int(os.environ.get("ARK_TEST_SEED", "1"))
HISTORIES = 40
STEPS = 60
NAMES = tuple("abcdefgh")
POLICIES = ("Background", "Foreground", "Orphan")


class HistoryTests(GarbageTestCase):
    """
    21.4: whatever happens, in whichever order, garbage goes and nothing else does.
    """

    def test_what_is_left_has_owners_that_are_there(self) -> None:
        """
        And nothing waits for a deletion that cannot end, once no finalizer of others holds anything.
        """
        for number in range(HISTORIES):
            self.rng = random.Random(f"{SEED}/{number}")
            self.known: list[dict[str, Any]] = []
            for _ in range(STEPS):
                self.step()
            self.release()
            self.check(f"seed {SEED}/{number}")
            self.clear()

    def step(self) -> None:
        """
        One of the things that may happen.
        """
        what = self.rng.choices(
            (self.create, self.remove, self.own, self.hold, self.free, self.restart), (10, 6, 4, 2, 3, 0.3)
        )[0]
        what(self.rng.choice(NAMES))

    def create(self, name: str) -> None:
        """
        An object comes, perhaps with owners, which may have gone.
        """
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **self.owners_of(name)}}
        answer = self.server.request("POST", self.path("ConfigMap"), body)
        if answer.code == 201:
            self.known.append(answer.json())

    def owners_of(self, name: str) -> dict[str, Any]:
        """
        Some of all that there ever were.
        """
        count = min(self.rng.choice((0, 0, 1, 1, 2, 3)), len(self.known))
        chosen = {one["metadata"]["uid"]: one for one in self.rng.sample(self.known[-20:], min(count, 20))}
        blocks = self.rng.random() < 0.5
        return {"ownerReferences": [owner(one, blockOwnerDeletion=blocks) for one in chosen.values()]}

    def remove(self, name: str) -> None:
        """
        An object is deleted in some way.
        """
        policy = {"propagationPolicy": self.rng.choice(POLICIES)}
        self.server.request("DELETE", self.path("ConfigMap", name), policy)

    def own(self, name: str) -> None:
        """
        An object gets other owners; there may be circles.
        """
        self.merge(name, self.owners_of(name))

    def hold(self, name: str) -> None:
        """
        Somebody holds an object.
        """
        found = self.get(name)
        if found is not None and not found["metadata"].get("deletionTimestamp"):
            self.merge(name, {"finalizers": ["example.com/hold"]})

    def free(self, name: str) -> None:
        """
        And lets it go.
        """
        found = self.get(name)
        finalizers = (found or {"metadata": {}})["metadata"].get("finalizers", [])
        self.merge(name, {"finalizers": [one for one in finalizers if one != "example.com/hold"]})

    def restart(self, name: str) -> None:
        """
        The collector begins anew.
        """
        self.collector.stop()
        self.start()

    def merge(self, name: str, metadata: dict[str, Any]) -> None:
        """
        Patch an object, if it is there.
        """
        self.server.request(
            "PATCH",
            self.path("ConfigMap", name),
            {"metadata": metadata},
            {"content-type": "application/merge-patch+json"},
        )

    def release(self) -> None:
        """
        Nobody holds anything any more.
        """
        for name in self.names():
            self.free(name)
        for _ in range(20):
            self.server.clock.advance(1)
            self.server.settle()

    def items(self) -> list[dict[str, Any]]:
        """
        All that is left.
        """
        found: list[dict[str, Any]] = self.server.request("GET", self.path("ConfigMap")).json()["items"]
        return found

    def check(self, history: str) -> None:
        """
        Nothing is being deleted, and every owner is there.
        """
        items = {item["metadata"]["name"]: item["metadata"] for item in self.items()}
        for metadata in items.values():
            self.assertNotIn("deletionTimestamp", metadata, f"{history}: {items}")
            for entry in metadata.get("ownerReferences", ()):
                there = items.get(entry["name"])
                self.assertTrue(there and there["uid"] == entry["uid"], f"{history}: {metadata}")
        self.assertTrue(self.collector.idle, history)

    def clear(self) -> None:
        """
        Take everything away.
        """
        for name in self.names():
            self.server.request("DELETE", self.path("ConfigMap", name))
        self.server.settle()
        self.assertEqual(self.names(), [])
