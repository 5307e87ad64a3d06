"""
Updates and deletions that begin with what memory holds, which other servers may have changed meanwhile.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.apis.loader import KindRegistry
from ark.interfaces import IStorageBackend, ITellsRevision
from ark.storage.memory import MemoryBackend
from ark.testing import InMemoryServer

QUERIES = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
QUERY = {
    "apiVersion": "ark.mckinsey.com/v1alpha1",
    "kind": "Query",
    "metadata": {"name": "q"},
    "spec": {"input": "hello", "target": {"type": "agent", "name": "a"}},
}
MERGE = {"Content-Type": "application/merge-patch+json"}


@implementer(IStorageBackend, ITellsRevision)
class LaggingBackend:
    """
    The store of another server, of whose commits this one is told, as it believes, at once; but the
    news takes its time.
    """

    def __init__(self, backend: MemoryBackend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self.asked: list[str] = []

    def told(self) -> tuple[int, int]:
        return 1, 0

    async def current_revision(self) -> int:
        self.asked.append("revision")
        await deferLater(self._clock, 0)
        return await self._backend.current_revision()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


class RecentTests(SynchronousTestCase):
    """
    Two servers of one store, of which the second one lags.
    """

    def setUp(self) -> None:
        registry = KindRegistry.load()
        backend = MemoryBackend()
        self.first = InMemoryServer(registry, backend=backend)
        self.created = self.first.request("POST", QUERIES, QUERY).json()
        clock = Clock()
        self.lagging = LaggingBackend(backend, clock)
        self.second = InMemoryServer(registry, backend=self.lagging, clock=clock)
        self.second.request("GET", f"{QUERIES}/q")
        del self.lagging.asked[:]

    def patch_(self, server: InMemoryServer, patch: Any) -> Any:
        """
        A merge patch.
        """
        return server.request("PATCH", f"{QUERIES}/q", patch, MERGE)

    def test_one_question_less(self) -> None:
        """
        What is the newest is written without being asked for.
        """
        answer = self.patch_(self.second, {"metadata": {"labels": {"a": "1"}}})
        self.assertEqual(answer.code, 200, answer.body)
        self.assertEqual(self.lagging.asked, [])

    def test_others_changes_stay(self) -> None:
        """
        A change of the first server, of which the second does not know, is not undone.
        """
        self.patch_(self.first, {"metadata": {"labels": {"a": "1"}}})
        answer = self.patch_(self.second, {"metadata": {"labels": {"b": "2"}}})
        self.assertEqual(answer.json()["metadata"]["labels"], {"a": "1", "b": "2"})

    def test_nothing_to_change(self) -> None:
        """
        That a patch changes nothing must be so of the newest.
        """
        self.patch_(self.first, {"metadata": {"labels": {"a": "1"}}})
        answer = self.patch_(self.second, {"metadata": {"labels": {"a": None}}})
        self.assertNotIn("labels", answer.json()["metadata"])
        again = self.patch_(self.second, {"metadata": {"labels": {"a": None}}})
        self.assertEqual(
            again.json()["metadata"]["resourceVersion"], answer.json()["metadata"]["resourceVersion"]
        )

    def test_refusals_are_of_the_newest(self) -> None:
        """
        Whoever knows what the first server wrote is not refused by what the second remembers; and
        what is refused of the newest is.
        """
        newest = self.patch_(self.first, {"metadata": {"labels": {"a": "1"}}}).json()
        newest["spec"]["input"] = "bye"
        answer = self.second.request("PUT", f"{QUERIES}/q", newest)
        self.assertEqual((answer.code, answer.json()["spec"]["input"]), (200, "bye"))
        self.assertEqual(self.second.request("PUT", f"{QUERIES}/q", newest).code, 409)

    def test_what_is_gone_is_not_found(self) -> None:
        """
        Also while the second server remembers it; and what was made anew is not what it was, to
        the second as to the first.
        """
        self.first.request("DELETE", f"{QUERIES}/q")
        self.assertEqual(self.patch_(self.second, {"metadata": {"labels": {"a": "1"}}}).code, 404)
        self.first.request("POST", QUERIES, QUERY)
        uid = self.created["metadata"]["uid"]
        told = [self.patch_(server, {"metadata": {"uid": uid}}).code for server in (self.second, self.first)]
        self.assertEqual(told[0], told[1])
        self.assertIn(told[0], (409, 422))

    def test_dry_run(self) -> None:
        """
        Shows what would become of the newest.
        """
        self.patch_(self.first, {"metadata": {"labels": {"a": "1"}}})
        answer = self.second.request(
            "PATCH", f"{QUERIES}/q?dryRun=All", {"metadata": {"labels": {"b": "2"}}}, MERGE
        )
        self.assertEqual(answer.json()["metadata"]["labels"], {"a": "1", "b": "2"})

    def test_a_deletion_asks_nothing_either(self) -> None:
        """
        When it is the newest that goes.
        """
        self.assertEqual(self.second.request("DELETE", f"{QUERIES}/q").code, 200)
        self.assertEqual(self.lagging.asked, [])
        self.assertEqual(self.first.request("GET", f"{QUERIES}/q").code, 404)

    def test_a_deletion_heeds_others_finalizers(self) -> None:
        """
        An object that the first server holds back does not go, though the second remembers it without.
        """
        self.patch_(self.first, {"metadata": {"finalizers": ["example.com/hold"]}})
        answer = self.second.request("DELETE", f"{QUERIES}/q")
        self.assertEqual(answer.json()["metadata"]["finalizers"], ["example.com/hold"])
        self.patch_(self.first, {"metadata": {"finalizers": None}})
        self.assertEqual(self.first.request("GET", f"{QUERIES}/q").code, 404)
        self.assertEqual(self.second.request("DELETE", f"{QUERIES}/q").code, 404)

    def test_preconditions_are_of_the_newest(self) -> None:
        """
        Whoever names the revision that the first server wrote deletes that, and nobody an older one.
        """
        older = self.created["metadata"]["resourceVersion"]
        newest = self.patch_(self.first, {"metadata": {"labels": {"a": "1"}}}).json()
        codes = [
            self.second.request("DELETE", f"{QUERIES}/q", {"preconditions": {"resourceVersion": wanted}}).code
            for wanted in (older, newest["metadata"]["resourceVersion"])
        ]
        self.assertEqual(codes, [409, 200])

    def test_dry_run_of_a_deletion(self) -> None:
        """
        Shows the newest, which stays.
        """
        newest = self.patch_(self.first, {"metadata": {"labels": {"a": "1"}}}).json()
        self.second.request("DELETE", f"{QUERIES}/q?dryRun=All")
        self.assertEqual(self.first.request("GET", f"{QUERIES}/q").json(), newest)
