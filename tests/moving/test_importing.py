"""
Tests for L{ark.moving.importing}.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import orjson

from ark.cluster.memory import MemoryCluster
from ark.meta.records import ADDED, DELETED, MODIFIED, Body, Change, Committed, Key
from ark.moving.importing import HEAD_START, Importer
from ark.registry.codec import Codec
from ark.storage.copying import CopyError
from ark.storage.errors import Unavailable
from tests.moving import QUERIES, MovingCase, query

MANAGED = [
    {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:input": {}}},
        "manager": "someone",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
    }
]


class ImporterTests(MovingCase):
    """
    What the database has afterwards.
    """

    def importer(self, source: str = "cluster") -> Importer:
        """
        A new one, as of a command that is given again.
        """
        return Importer(self.cluster, source, self.database, self.collections, self.progress)

    def test_objects_keep_all_but_their_revision(self) -> None:
        """
        The uid, the times, the generation, the owners, the finalizers and who set what stay as they are.
        """
        told = query(
            "one",
            labels={"team": "a"},
            finalizers=["example.com/wait"],
            deletionTimestamp="2026-01-02T00:00:00Z",
            ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}],
            managedFields=MANAGED,
        )
        given = self.cluster.put(QUERIES, told)
        importer = self.importer()
        self.done(importer.begin())
        self.assertEqual(self.done(importer.copy()).objects, 1)
        (version,) = self.live()
        kept = orjson.loads(version.body)
        self.assertEqual(kept["metadata"].pop("resourceVersion"), str(version.revision))
        del given["metadata"]["resourceVersion"]
        self.assertEqual(kept, given)
        self.assertEqual(version.uid, given["metadata"]["uid"])
        self.assertEqual(orjson.loads(version.labels), {"team": "a"})

    def test_the_text_is_as_the_server_writes_it(self) -> None:
        """
        Who reads it from storage finds who set what where it has to stand.
        """
        self.cluster.put(QUERIES, query("one", managedFields=MANAGED))
        importer = self.importer()
        self.done(importer.begin())
        self.done(importer.copy())
        kind = self.queries.kind
        obj, managed = Codec(kind.api_version, kind.kind).decode_apart(self.live()[0].body)
        self.assertNotIn("managedFields", obj["metadata"])
        self.assertEqual(orjson.loads(managed), MANAGED)

    def test_revisions_are_past_those_of_the_cluster(self) -> None:
        """
        Whoever comes with a revision of the cluster is told that it is too old.
        """
        self.cluster.put(QUERIES, query("one"))
        importer = self.importer()
        self.done(importer.begin())
        self.done(importer.copy())
        self.assertGreater(self.live()[0].revision, HEAD_START)
        self.assertGreaterEqual(self.done(self.backend.compacted_revision()), HEAD_START)

    def test_nothing_can_be_written_until_it_is_finished(self) -> None:
        """
        The database is marked from the first moment to the last.
        """
        importer = self.importer()
        self.done(importer.begin())
        change = Change(
            Key("x", "", "y"), 0, ADDED, Body(b'{"metadata":{"resourceVersion":"', b'"}}'), b"", ""
        )
        self.refused(self.backend.commit([change]), Unavailable)
        self.done(importer.copy())
        self.refused(self.backend.commit([change]), Unavailable)
        self.done(importer.finish())
        self.assertIsInstance(self.done(self.backend.commit([change]))[0], Committed)

    def test_what_was_stopped_goes_on(self) -> None:
        """
        What is there already is not written again; what changed or went meanwhile is.
        """
        for name in ("a", "b", "c"):
            self.cluster.put(QUERIES, query(name))
        first = self.importer()
        self.done(first.begin())
        self.done(first.copy())
        floor = first.revision
        self.cluster.put(QUERIES, {**query("b"), "spec": {"input": "other"}})
        self.cluster.remove(QUERIES, "c", "default")
        second = self.importer()
        self.done(second.begin())
        self.done(second.copy())
        self.assertEqual([version.key.name for version in self.live()], ["a", "b"])
        page = self.done(self.backend.events(floor, 100))
        found = [(event.version.key.name, event.version.event) for event in page.events]
        self.assertEqual(found, [("b", MODIFIED), ("c", DELETED)])

    def test_a_database_with_contents_is_left_alone(self) -> None:
        """
        It is refused before anything is written.
        """
        first = self.importer()
        self.cluster.put(QUERIES, query("one"))
        self.done(first.begin())
        self.done(first.copy())
        self.done(first.finish())
        before = self.live()
        for restart in (False, True):
            self.refused(self.importer().begin(restart), CopyError)
        self.assertEqual(self.live(), before)

    def test_an_import_of_another_cluster_is_not_gone_on_with(self) -> None:
        """
        Only if that is said, and then from the beginning.
        """
        self.cluster.put(QUERIES, query("one"))
        first = self.importer("another")
        self.done(first.begin())
        self.done(first.copy())
        self.refused(self.importer().begin(), CopyError)
        again = self.importer()
        self.done(again.begin(restart=True))
        self.assertEqual(self.live(), [])

    def test_who_goes_on_writing_is_told_of(self) -> None:
        """
        An import that never comes to an end says why.
        """
        numbers = count()

        class Restless(MemoryCluster):
            """
            Something is written before each request.
            """

            async def request(self, method: str, path: str, body: Any = None, **how: Any) -> dict[str, Any]:
                self.put(QUERIES, {**query("one"), "spec": {"input": str(next(numbers))}})
                return await super().request(method, path, body, **how)

        self.cluster = Restless(self.clock)
        importer = self.importer()
        self.done(importer.begin())
        error = self.refused(importer.copy(), CopyError)
        self.assertIn("written to while", error.cause)

    def test_fields_of_nobody_are_dropped(self) -> None:
        """
        Entries that mean nothing do not keep an import from coming to an end.
        """
        self.cluster.put(QUERIES, query("one", managedFields=[{**MANAGED[0], "operation": "Other"}]))
        importer = self.importer()
        self.done(importer.begin())
        self.assertEqual(self.done(importer.copy()).changed, 0)
        self.assertNotIn("managedFields", orjson.loads(self.live()[0].body)["metadata"])
