"""
Tests for L{ark.cluster.informer} and L{ark.cluster.watchstream}.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from ark.cluster.access import Access
from ark.cluster.client import Cluster
from ark.cluster.informer import PAGE, SILENT_SECONDS, WATCH_SECONDS
from ark.interfaces import IInformer
from tests.cluster_client.wire import Response, Wire

MAPS = "/api/v1/configmaps"


def thing(name: str, version: int, namespace: str = "n", **members: Any) -> dict[str, Any]:
    """
    An object.
    """
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **members}


def listed(version: int, *objects: dict[str, Any], **metadata: str) -> dict[str, Any]:
    """
    A list, whose objects leave out their kind.
    """
    items = [{name: obj[name] for name in obj if name not in ("kind", "apiVersion")} for obj in objects]
    about = {"resourceVersion": str(version), **metadata}
    return {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": about, "items": items}


def line(type: str, obj: dict[str, Any]) -> bytes:
    """
    An event as it is sent.
    """
    return json.dumps({"type": type, "object": obj}).encode() + b"\n"


class InformerTests(TestCase):
    """
    An informer has what the cluster has, as soon as it hears of it.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        access = Access("https://kube")
        self.cluster = Cluster(
            access, self.clock, self.clock.seconds, environ={}, random=Random(1), agent=self.wire
        )
        self.informer = self.cluster.informer(MAPS, {"labelSelector": "a=b"})
        self.told: list[list[str]] = []
        self.informer.subscribe(lambda: self.told.append(self.names()))
        self.addCleanup(self.informer.stop)

    def names(self) -> list[str]:
        """
        The names of what it has.
        """
        return [obj["metadata"]["name"] for obj in self.informer.items()]

    def query(self) -> dict[str, str]:
        """
        The query of the last request.
        """
        parts = urlsplit(self.wire.last.uri)
        self.assertEqual(parts.path, MAPS)
        return {name: values[0] for name, values in parse_qs(parts.query).items()}

    def watching(self, *objects: dict[str, Any], version: int = 10) -> Response:
        """
        Start, answer the list, and begin the watch.
        """
        self.informer.start()
        self.wire.last.answer(listed(version, *objects))
        return self.wire.last.begin()

    def asked(self) -> int:
        """
        How many requests there were.
        """
        return len(self.wire.exchanges)

    def test_is_an_informer(self) -> None:
        """
        It has all that the interface names.
        """
        verifyObject(IInformer, self.informer)

    def test_lists_then_watches(self) -> None:
        """
        It is synced when the list is there, and watches from where the list was made.
        """
        waiting = Deferred.fromCoroutine(self.informer.wait())
        self.informer.start()
        self.assertEqual(self.query(), {"labelSelector": "a=b", "limit": str(PAGE)})
        self.assertFalse(self.informer.synced)
        self.wire.last.answer(listed(10, thing("b", 3), thing("a", 4)))
        self.successResultOf(waiting)
        self.assertEqual(self.informer.get("n", "a"), thing("a", 4))
        self.assertEqual(self.told, [["a", "b"]])
        query = self.query()
        seconds = int(query.pop("timeoutSeconds"))
        self.assertTrue(WATCH_SECONDS <= seconds <= 2 * WATCH_SECONDS)
        watch = {"watch": "true", "resourceVersion": "10", "allowWatchBookmarks": "true"}
        self.assertEqual(query, {"labelSelector": "a=b", **watch})

    def test_pages(self) -> None:
        """
        A long list comes in pages, a turn of the reactor for each; only all of them are the list.
        """
        self.informer.start()
        self.wire.last.answer(listed(10, thing("a", 1), **{"continue": "t1"}))
        self.assertEqual(self.asked(), 1)
        self.clock.advance(0)
        self.assertEqual(self.query()["continue"], "t1")
        self.assertFalse(self.informer.synced)
        self.wire.last.answer(listed(10, thing("b", 2)))
        self.assertEqual(self.told, [["a", "b"]])

    def test_pages_that_are_forgotten(self) -> None:
        """
        When the cluster forgets a list before its last page, it is asked for all at once.
        """
        self.informer.start()
        self.wire.last.answer(listed(10, thing("a", 1), **{"continue": "t1"}))
        self.clock.advance(0)
        self.wire.last.answer({"kind": "Status", "code": 410}, 410)
        self.assertEqual(self.query(), {"labelSelector": "a=b"})
        self.wire.last.answer(listed(12, thing("b", 2)))
        self.assertEqual(self.told, [["b"]])

    def test_events(self) -> None:
        """
        Objects come, change and go; those of one piece are told of once.
        """
        watch = self.watching(thing("a", 1))
        watch.send(line("ADDED", thing("b", 11)) + line("MODIFIED", thing("a", 12, data={})))
        self.assertEqual(self.told, [["a"], ["a", "b"]])
        self.assertEqual(self.informer.get("n", "a"), thing("a", 12, data={}))
        watch.send(line("DELETED", thing("b", 13)))
        watch.send(line("BOOKMARK", {"metadata": {"resourceVersion": "20"}}))
        self.assertEqual(self.told, [["a"], ["a", "b"], ["a"]])

    def test_cut_anywhere(self) -> None:
        """
        However the network cuts a stream, its events are the same.
        """
        stream = b"".join(line("ADDED", thing(f"é{number}", number + 11)) for number in range(5)) + b"\n"
        for size in (1, 2, 7, 64, len(stream)):
            self.setUp()
            watch = self.watching()
            for start in range(0, len(stream), size):
                watch.send(stream[start : start + size])
            self.assertEqual(self.names(), [f"é{number}" for number in range(5)])

    def test_resumes(self) -> None:
        """
        When a watch ends, the next begins where it was, or at the last bookmark, with no list.
        """
        watch = self.watching()
        watch.send(line("ADDED", thing("a", 11)))
        self.clock.advance(5)
        watch.end()
        self.assertEqual(self.query()["resourceVersion"], "11")
        watch = self.wire.last.begin()
        watch.send(line("BOOKMARK", {"metadata": {"resourceVersion": "30"}}))
        watch.end()
        self.assertEqual(self.query()["resourceVersion"], "30")
        self.assertEqual(self.names(), ["a"])

    def test_watches_that_end_at_once(self) -> None:
        """
        A watch that ends at once, with nothing told, is tried again later each time.
        """
        watch = self.watching()
        for _ in range(3):
            before = self.asked()
            watch.end()
            self.assertEqual(self.asked(), before)
            self.clock.advance(8)
            self.assertEqual(self.asked(), before + 1)
            watch = self.wire.last.begin()

    def test_too_old(self) -> None:
        """
        When what it knows is too old to go on from, it lists again, and has that and nothing else.
        """
        watch = self.watching(thing("a", 1), thing("b", 2))
        watch.send(line("ERROR", {"kind": "Status", "code": 410, "message": "too old"}))
        self.assertEqual(self.query(), {"labelSelector": "a=b", "limit": str(PAGE)})
        self.assertEqual(self.names(), ["a", "b"])
        self.wire.last.answer(listed(50, thing("b", 40)))
        self.assertEqual(self.told, [["a", "b"], ["b"]])
        self.wire.last.answer({"kind": "Status", "code": 410}, 410)
        before = self.asked()
        self.clock.advance(8)
        self.assertEqual(self.asked(), before + 1)

    def test_events_before_an_error_count(self) -> None:
        """
        What came before an error, in the same piece, is told.
        """
        watch = self.watching()
        watch.send(line("ADDED", thing("a", 11)) + line("ERROR", {"kind": "Status", "code": 500}))
        self.assertEqual(self.told, [[], ["a"]])
        self.assertTrue(watch.transport.disconnecting)
        self.clock.advance(2)
        self.assertEqual(self.query()["resourceVersion"], "11")

    def test_backs_off(self) -> None:
        """
        Failures are followed by longer and longer pauses, up to a minute, until it goes well.
        """
        self.informer.start()
        pauses = []
        for _ in range(10):
            self.wire.last.fail(ConnectionRefusedError())
            before, since = self.asked(), self.clock.seconds()
            while self.asked() == before:
                self.clock.advance(0.1)
            pauses.append(self.clock.seconds() - since)
        self.assertTrue(0.8 <= pauses[0] <= 1.7, pauses)
        self.assertTrue(30 <= pauses[-1] <= 60.1, pauses)
        self.wire.last.answer(listed(10))
        self.assertTrue(self.informer.synced)

    def test_comes_back_when_told(self) -> None:
        """
        A cluster that says when to come back is not asked before.
        """
        watch = self.watching()
        watch.end()
        self.clock.advance(2)
        self.wire.last.answer({"kind": "Status", "code": 429}, 429, retry_after="20")
        before = self.asked()
        self.clock.advance(19)
        self.assertEqual(self.asked(), before)
        self.clock.advance(1)
        self.assertEqual(self.asked(), before + 1)

    def test_broken_streams(self) -> None:
        """
        A stream that breaks off, or says what is no event, is begun anew.
        """
        for broken in (
            b"nonsense\n",
            b'{"type":"ADDED"}\n',
            b'{"object":{}}\n',
            b'{"type":"ADDED","object":{}}\n',
        ):
            self.setUp()
            watch = self.watching()
            watch.send(broken)
            self.assertTrue(watch.transport.disconnecting)
            watch.end(ConnectionLost())
            self.clock.advance(2)
            self.assertEqual(self.query()["resourceVersion"], "10")

    def test_dead_connections(self) -> None:
        """
        A connection that has been silent for too long is taken for dead.
        """
        watch = self.watching()
        self.clock.advance(SILENT_SECONDS - 1)
        watch.send(b"\n")
        self.clock.advance(SILENT_SECONDS - 1)
        self.assertFalse(watch.transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(watch.transport.disconnecting)
        before = self.asked()
        self.clock.advance(2)
        self.assertEqual(self.asked(), before + 1)

    def test_unknown_when_a_watch_begins(self) -> None:
        """
        A watch that is refused because nobody knows who asks is begun again with a newer token.
        """
        token = Path(self.mktemp())
        token.write_text("old")
        access = Access("https://kube", token_file=str(token))
        cluster = Cluster(access, self.clock, self.clock.seconds, environ={}, agent=self.wire)
        self.informer = cluster.informer(MAPS)
        self.watching().end()
        self.clock.advance(2)
        token.write_text("newer")
        self.wire.last.answer({"kind": "Status", "code": 401}, 401)
        self.clock.advance(5)
        self.assertEqual(self.wire.last.headers.getRawHeaders("authorization"), ["Bearer newer"])

    def test_stops(self) -> None:
        """
        A stopped one lets its connection go and keeps what it has; it can be started again.
        """
        watch = self.watching(thing("a", 1))
        before = self.asked()
        self.informer.stop()
        self.assertTrue(watch.transport.disconnecting)
        self.clock.advance(100)
        self.assertEqual((self.asked(), self.names()), (before, ["a"]))
        self.informer.start()
        self.assertEqual(self.query()["resourceVersion"], "10")

    def test_no_list(self) -> None:
        """
        An answer that is no list is as good as none.
        """
        self.informer.start()
        self.wire.last.answer({"kind": "ConfigMap", "metadata": {}})
        self.assertFalse(self.informer.synced)
        self.clock.advance(2)
        self.assertEqual(self.asked(), 2)

    def test_no_objects(self) -> None:
        """
        Neither is a list of what are no objects, and the next one is taken.
        """
        for broken in (5, {}, {"metadata": None}, {"metadata": {}}):
            self.setUp()
            self.informer.start()
            self.wire.last.answer({**listed(10), "items": [thing("a", 1), broken]})
            self.assertFalse(self.informer.synced, broken)
            self.clock.advance(2)
            self.wire.last.answer(listed(10, thing("a", 1)))
            self.assertEqual(self.names(), ["a"], broken)
