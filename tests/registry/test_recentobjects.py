"""
Tests for L{ark.registry.recent}: what is remembered of an object is of use, and never seen.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apply.managedfields import NOTHING
from ark.meta.records import MODIFIED, Key, Version
from ark.registry.recent import RecentObjects
from ark.registry.store import Store
from ark.storage.memory import MemoryBackend
from ark.testing import Answer, InMemoryServer
from tests.controllers.test_definitions import CRDS, NAME, SPEC, THINGS, DefinitionTestCase
from tests.endpoints.support import GROUP, WIDGETS, ServerTestCase, registry
from tests.registry.definitions.cases import version

W = f"{WIDGETS}/w"
STATUS = f"{W}/status"
MERGE = {"content-type": "application/merge-patch+json"}


def written(name: str, text: bytes, revision: int = 7) -> Version:
    """
    A version with this text.
    """
    return Version(Key("things", "default", name), revision, MODIFIED, text, b"", "u", 1)


def store_of(server: InMemoryServer) -> Store:
    """
    The store of widgets.
    """
    store = server.application.stores.get(GROUP, "v1", "widgets")
    assert store is not None
    return store


class MemoryTests(SynchronousTestCase):
    """
    What is kept, and for how long.
    """

    def test_only_the_version_that_was_written_is_found(self) -> None:
        """
        Not another one of the same object.
        """
        recent, obj = RecentObjects(), {"metadata": {}}
        recent.keep(written("a", b"one"), obj, NOTHING, True)
        found = recent.find(written("a", b"one"))
        self.assertIsNotNone(found)
        self.assertEqual(found and found.obj, {"metadata": {"resourceVersion": "7"}})
        self.assertIsNone(recent.find(written("a", b"two")))
        self.assertIsNone(recent.find(written("b", b"one")))

    def test_only_the_very_object_is_sound(self) -> None:
        """
        Not one that is as it, and not each that is kept.
        """
        recent, obj, other = RecentObjects(), {"metadata": {}}, {"metadata": {}}
        recent.keep(written("a", b"one"), obj, NOTHING, True)
        recent.keep(written("b", b"one"), other, NOTHING, False)
        self.assertTrue(recent.is_sound(written("a", b"").key, obj))
        self.assertFalse(recent.is_sound(written("a", b"").key, {"metadata": {"resourceVersion": "7"}}))
        self.assertFalse(recent.is_sound(written("a", b"").key, None))
        self.assertFalse(recent.is_sound(written("b", b"").key, other))
        self.assertFalse(recent.is_sound(written("c", b"").key, obj))

    def test_no_more_is_kept_than_may_be(self) -> None:
        """
        The texts are counted; what was written last stays.
        """
        recent = RecentObjects(100)
        for number in range(20):
            recent.keep(written(str(number), b"x" * 30), {"metadata": {}}, NOTHING, True)
        self.assertEqual(len(recent), 3)
        recent.keep(written("17", b"y" * 40), {"metadata": {}}, NOTHING, True)
        self.assertEqual(len(recent), 3)
        recent.keep(written("20", b"z" * 40), {"metadata": {}}, NOTHING, True)
        self.assertIsNone(recent.find(written("18", b"x" * 30)))
        self.assertIsNotNone(recent.find(written("17", b"y" * 40)))
        recent.keep(written("21", b"x" * 101), {"metadata": {}}, NOTHING, True)
        self.assertEqual(len(recent), 0)

    def test_what_is_written_again_soon_is_wanted(self) -> None:
        """
        Not what was written long before, and nothing where nothing may be kept.
        """
        recent = RecentObjects()
        recent.note(written("a", b"", 2000))
        self.assertTrue(recent.wants(written("b", b"", 1900)))
        self.assertFalse(recent.wants(written("b", b"", 1000)))
        self.assertFalse(RecentObjects(0).wants(written("b", b"", 1)))


DOUBLED = [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u"}] * 2

PATCHES: tuple[Any, ...] = (
    {"status": {"phase": "a"}},
    {"status": {"phase": 1}},
    {"status": {"nope": 1, "phase": "b"}},
    {"status": []},
    {"status": None},
    {"status": {"phase": None}},
    {"spec": {"size": 4, "free": {"a": [None, 1.0, {"b": 2}]}}},
    {"spec": {"size": 11}},
    {"spec": {"size": None}},
    {"spec": {"color": "none"}},
    {"spec": {"bogus": 1}, "top": 2},
    {"spec": None},
    {"spec": {"free": {"a": True}}},
    {"spec": {"free": {"a": 1}}},
    {"metadata": {"labels": {"a": "b"}}},
    {"metadata": {"labels": {"a": "-"}}},
    {"metadata": {"labels": 3}},
    {"metadata": {"labels": {"a": None}, "annotations": {"x": ""}}},
    {"metadata": {"annotations": {"x": 1}}},
    {"metadata": {"generation": True}},
    {"metadata": {"generation": 100}},
    {"metadata": {"bogus": 1}},
    {"metadata": {"resourceVersion": "1"}},
    {"metadata": {"resourceVersion": "x"}},
    {"metadata": {"resourceVersion": None}, "status": {"phase": "c"}},
    {"metadata": {"uid": "other"}},
    {"metadata": {"name": "other"}},
    {"metadata": {"namespace": "other"}},
    {"metadata": {"creationTimestamp": None, "selfLink": "x"}},
    {"metadata": {"managedFields": []}},
    {"metadata": {"managedFields": [{}]}, "status": {"phase": "d"}},
    {"metadata": {"ownerReferences": DOUBLED}},
    {"metadata": {"ownerReferences": [{"kind": "A"}]}},
    {"metadata": None},
    {"metadata": {}},
    {"kind": ""},
    {"kind": "Other"},
    {"apiVersion": "other/v1"},
    {"apiVersion": None},
    {},
    {"metadata": {"finalizers": ["a", "b.c/d"]}},
    {"status": {"phase": "e"}},
)
QUERIES = ("", "?fieldValidation=Strict", "?dryRun=All", "?fieldManager=me")


class AnswerTests(SynchronousTestCase):
    """
    A server that remembers answers like one that does not.
    """

    def setUp(self) -> None:
        """
        Start both.
        """
        self.servers = InMemoryServer(registry()), InMemoryServer(registry())
        store_of(self.servers[1]).recent = RecentObjects(0)
        self.uids: list[str] = []

    def told(self, server: InMemoryServer, answer: Answer) -> tuple[int, bytes, list[bytes]]:
        """
        What a client is told, but for the uid.
        """
        body = answer.body
        if answer.code == 201:
            self.uids.append(answer.json()["metadata"]["uid"])
        for uid in self.uids:
            body = body.replace(uid.encode(), b"uid")
        return answer.code, body, answer.header_values(b"warning")

    def both(self, method: str, path: str, body: Any = None) -> int:
        """
        Ask both servers for the same.
        """
        headers = MERGE if method == "PATCH" else None
        told = [self.told(server, server.request(method, path, body, headers)) for server in self.servers]
        self.assertEqual(told[0], told[1], (method, path, body))
        return told[0][0]

    def make(self, **spec: Any) -> None:
        """
        Create the widget.
        """
        metadata = {"name": "w", "labels": {"k": "v"}}
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": metadata, "spec": spec}
        self.assertEqual(self.both("POST", WIDGETS, body), 201)

    def test_all_patches(self) -> None:
        """
        Each on the object and on its status, first and once more, and then a good one.
        """
        self.make(free={"a": 1, "b": [{}]})
        for patch in PATCHES:
            for path in (W, STATUS):
                for query in QUERIES:
                    self.both("PATCH", path + query, patch)
                self.both("GET", W)
        self.assertEqual(len(store_of(self.servers[0]).recent), 1)
        self.assertEqual(len(store_of(self.servers[1]).recent), 0)

    def test_between_other_writes(self) -> None:
        """
        Replacements, applied configurations and deletions come between.
        """
        self.make()
        for number, patch in enumerate(PATCHES):
            self.both("PATCH", STATUS, {"status": {"phase": f"p{number}"}})
            self.both("PATCH", W, patch)
            found = self.servers[0].request("GET", W).json()
            del found["metadata"]["uid"]
            found["metadata"].pop("managedFields", None)
            found["metadata"]["labels"] = {"n": str(number)}
            self.both("PUT", W, found)
            found["status"] = {"phase": str(number)}
            self.both("PUT", STATUS, found)
            del found["metadata"]["resourceVersion"]
            self.both("PUT", STATUS, {**found, "status": {"phase": number}})
            self.both("PUT", STATUS, {**found, "status": {"nope": number}})
        self.both("DELETE", W)
        for patch in PATCHES:
            self.both("PATCH", W, patch)
            self.both("PATCH", STATUS, patch)
        self.both("PATCH", W, {"metadata": {"finalizers": ["new/one"]}})
        self.both("PATCH", W, {"metadata": {"finalizers": None}})
        self.assertEqual(self.both("PATCH", STATUS, {"status": {}}), 404)
        self.make(size=1)
        self.both("PATCH", STATUS, {"status": {"phase": "new"}})


class OthersTests(ServerTestCase):
    """
    What is remembered is not used when it must not be.
    """

    def patch_(self, server: InMemoryServer, path: str, patch: Any) -> dict[str, Any]:
        """
        A merge patch that is taken.
        """
        answer = server.request("PATCH", path, patch, MERGE)
        self.assertEqual(answer.code, 200, answer.body)
        patched: dict[str, Any] = answer.json()
        return patched

    def test_another_server_writes(self) -> None:
        """
        Each begins with what the other one has left.
        """
        backend = MemoryBackend()
        one, two = InMemoryServer(registry(), backend=backend), InMemoryServer(registry(), backend=backend)
        one.request("POST", WIDGETS, self.widget(size=1))
        for number in range(3):
            self.patch_(one, STATUS, {"status": {"phase": f"{number}"}})
            two.advance(30)
            self.patch_(two, W, {"spec": {"free": {f"n{number}": number}}})
            one.advance(30)
            found = self.patch_(one, W, {"metadata": {"labels": {f"n{number}": "x"}}})
            two.advance(30)
            self.assertEqual(sorted(found["spec"]["free"]), [f"n{n}" for n in range(number + 1)])
            self.assertEqual(found["status"], {"phase": f"{number}"})

    def test_the_object_stays_as_it_was_written(self) -> None:
        """
        No later write changes it, whether it succeeds or not.
        """
        self.create(free={"a": {"b": 1}})
        self.patch_(self.server, STATUS, {"status": {"phase": "a"}})
        store = store_of(self.server)
        version = self.server._run(store.cacher.get(store.key("default", "w"), None))
        kept = store.recent.find(version)
        assert kept is not None
        before = store.live(version)[0]
        self.assertEqual(kept.obj, before)
        for patch in PATCHES:
            self.server.request("PATCH", W, patch, MERGE)
            self.server.request("PATCH", STATUS, patch, MERGE)
        self.assertEqual(kept.obj, before)


class ChangedDefinitionTests(DefinitionTestCase):
    """
    What a definition wants is asked anew once it has changed.
    """

    def test_fields_that_are_declared_no_longer_go(self) -> None:
        """
        Of an object that was written before.
        """
        self.define()
        self.thing(spec={"size": 1, "color": "red"})
        self.send("PATCH", f"{THINGS}/one", {"metadata": {"labels": {"a": "b"}}})
        smaller = {**SPEC, "properties": {"size": {"type": "integer", "maximum": 0}}}
        schema = {"type": "object", "properties": {"spec": smaller}}
        self.send("PATCH", f"{CRDS}/{NAME}", {"spec": {"versions": [version(schema=schema)]}})
        self.server.settle()
        patched = self.send("PATCH", f"{THINGS}/one", {"metadata": {"labels": {"a": "c"}}})
        self.assertEqual(patched["spec"], {"size": 1})
        self.send("PATCH", f"{THINGS}/one", {"spec": {"size": 2}}, 422)
