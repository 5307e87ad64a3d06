"""
Tests for L{ark.storage.views} and L{ark.storage.sqliteviews}.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ark.meta.records import ADDED, DELETED, Body, Change, Key
from ark.storage.sqlite import open_backend
from ark.storage.sqliteviews import SQLiteViews, create_views
from ark.storage.views import column_name, expression_of, path_segments, view_name

BODY = b"""{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Query","metadata":{"name":"q","namespace":"default",
"generation":3,"labels":{"team":"a"},"creationTimestamp":"2026-11-20T10:00:00Z","resourceVersion":\""""
TAIL = b"""\"},"spec":{"type":"user","input":"hi","ttl":"1h","it's":1,"targets":[{"name":"x"},{"name":"y"}]},
"status":{"phase":"done","conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}}"""


class Column(NamedTuple):
    """
    A printer column.
    """

    name: str
    json_path: str
    type: str = "string"


class FakeKind(NamedTuple):
    """
    What the views read of a kind.
    """

    plural: str = "queries"
    kind: str = "Query"
    group: str = "ark.mckinsey.com"
    resource: str = "queries.ark.mckinsey.com"
    columns: tuple[Column, ...] = (
        Column("Type", ".spec.type"),
        Column("Phase", ".status.phase"),
        Column("Is Ready", '.status.conditions[?(@.type=="Ready")].status'),
        Column("Age", ".metadata.creationTimestamp"),
        Column("Odd", ".spec..type"),
        Column("Names", ".spec.targets[*].name"),
    )
    schema: Any = {
        "properties": {
            "spec": {"properties": {"type": {}, "input": {}, "ttl": {}, "name": {}, "it's": {}}},
        }
    }


class JSONPathTests(SynchronousTestCase):
    """
    From JSONPath to SQL.
    """

    def read(self, path: str) -> Any:
        expression = expression_of(SQLiteViews(), path_segments(path), ":body", "")
        self.assertIsNotNone(expression)
        connection = sqlite3.connect(":memory:")
        ((value,),) = connection.execute(
            f"SELECT {expression}", {"body": (BODY + b"7" + TAIL).decode()}
        ).fetchall()
        connection.close()
        return value

    def test_members(self) -> None:
        """
        Members, quoted ones and indices lead to the value.
        """
        self.assertEqual(self.read(".spec.type"), "user")
        self.assertEqual(self.read("['spec']['ttl']"), "1h")
        self.assertEqual(self.read(".spec.targets[1].name"), "y")
        self.assertIsNone(self.read(".spec.none.of.these"))

    def test_filter(self) -> None:
        """
        A filter takes the first element that fits, in either quotes.
        """
        self.assertEqual(self.read('.status.conditions[?(@.type=="Ready")].status'), "True")
        self.assertEqual(self.read(".status.conditions[?(@.type == 'Other')].status"), "False")
        self.assertIsNone(self.read(".status.conditions[?(@.type=='None')].status"))

    def test_all(self) -> None:
        """
        C{[*]} gives all values, as a JSON array.
        """
        self.assertEqual(self.read(".spec.targets[*].name"), '["x","y"]')

    def test_untranslatable(self) -> None:
        """
        What has no simple translation has none.
        """
        for path in ("", "spec", ".spec..type", ".a[?(@.b>1)].c", "[*].a", ".a[1:2]"):
            self.assertIsNone(expression_of(SQLiteViews(), path_segments(path), "body", ""), path)


class NamesTests(SynchronousTestCase):
    """
    What things are called.
    """

    def test_columns(self) -> None:
        """
        Titles become words in lower case with underscores.
        """
        for title in ("Last Seen", "last-seen", "lastSeen", "LAST SEEN"):
            self.assertEqual(column_name(title), "last_seen")

    def test_views(self) -> None:
        """
        A plural that is taken, or is a name of ours or SQLite's, gets its group.
        """
        self.assertEqual(view_name("queries", "ark.mckinsey.com", {}), "queries")
        self.assertEqual(view_name("events", "events.k8s.io", {"events": ""}), "events_events_k8s_io")
        self.assertEqual(view_name("resources", "", {}), "resources_core")
        self.assertEqual(view_name("ark_log", "x", {}), "ark_log_x")


class ViewsTests(TestCase):
    """
    In a database.
    """

    async def setUp(self) -> None:
        self.path = self.mktemp()
        self.backend = await open_backend({"db_path": self.path, "ballast_bytes": 0}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.backend.close()))
        where = Key("queries.ark.mckinsey.com", "default", "q")
        gone = Key("queries.ark.mckinsey.com", "default", "gone")
        body = Body(BODY, TAIL)
        await self.backend.commit(
            [Change(where, 0, ADDED, body, b"", "u"), Change(gone, 0, ADDED, body, b"", "g")]
        )
        await self.backend.commit([Change(gone, 3, DELETED, body, b"", "g")])

    async def query(self, text: str) -> list[dict[str, Any]]:
        def read(connection: Any) -> list[dict[str, Any]]:
            cursor = connection.execute(text)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

        return await self.backend._run(self.backend._readers, read)

    async def test_resources(self) -> None:
        """
        C{resources} has the live objects of all kinds with the documented columns.
        """
        await self.backend.describe([])
        (row,) = await self.query("SELECT * FROM resources")
        self.assertEqual(
            list(row),
            [
                "kind",
                "resource",
                "namespace",
                "name",
                "resource_version",
                "generation",
                "uid",
                "spec",
                "status",
                "labels",
                "annotations",
                "created_at",
                "updated_at",
                "deleted_at",
            ],
        )
        self.assertEqual((row["kind"], row["name"], row["resource_version"]), ("Query", "q", 2))
        self.assertEqual((row["generation"], row["labels"]), (3, '{"team":"a"}'))
        self.assertRegex(row["updated_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    async def test_history(self) -> None:
        """
        C{resource_history} has every version that is kept, deletions too.
        """
        await self.backend.describe([])
        rows = await self.query(
            "SELECT name, event, resource_version, previous_version FROM resource_history"
        )
        self.assertEqual(
            [tuple(row.values()) for row in rows],
            [("q", ADDED, 2, None), ("gone", ADDED, 3, None), ("gone", DELETED, 4, 3)],
        )

    async def test_kind(self) -> None:
        """
        A kind's view has its printer columns and the members of its spec, each once.
        """
        await self.backend.describe([FakeKind()])
        (row,) = await self.query("SELECT * FROM queries")
        self.assertEqual(
            {name: row[name] for name in ("type", "phase", "is_ready", "age", "input", "ttl")},
            {
                "type": "user",
                "phase": "done",
                "is_ready": "True",
                "age": "2026-11-20T10:00:00Z",
                "input": "hi",
                "ttl": "1h",
            },
        )
        self.assertNotIn("odd", row)
        self.assertIn("spec_name", row)
        self.assertEqual(row["name"], "q")

    async def test_kept_up_to_date(self) -> None:
        """
        Views of kinds that are gone go; those of the operator stay, even under our name.
        """
        await self.backend.describe([FakeKind()])

        def prepare(connection: Any) -> None:
            connection.execute("CREATE VIEW mine AS SELECT 1 AS one")
            connection.execute("CREATE VIEW agents AS SELECT 2 AS two")

        await self.backend._run(self.backend._writer, prepare)
        await self.backend.describe([FakeKind("agents", resource="agents.ark.mckinsey.com")])
        views = await self.query("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
        self.assertEqual([row["name"] for row in views], ["agents", "mine", "resource_history", "resources"])
        self.assertEqual(await self.query("SELECT two FROM agents"), [{"two": 2}])

    async def test_nothing_to_do(self) -> None:
        """
        Views that fit are not touched, so that statements in use stay compiled.
        """
        await self.backend.describe([FakeKind()])
        before = await self.query("PRAGMA schema_version")
        await self.backend._run(self.backend._writer, create_views, [FakeKind()])
        self.assertEqual(await self.query("PRAGMA schema_version"), before)
