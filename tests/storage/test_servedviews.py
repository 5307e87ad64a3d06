"""
The views of PostgreSQL (L{ark.storage.postgresqlviews}) and MySQL (L{ark.storage.mysqlviews}), and
the queries that their page shows.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psycopg2
import pymysql
import pysqlite3.dbapi2
from psycopg2.extras import RealDictCursor
from pymysql.cursors import DictCursor
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from ark.apis.loader import KindRegistry
from ark.interfaces import IReportsKinds
from ark.meta.records import ADDED, DELETED, Body, Change, Key
from ark.storage import mysql, postgresql, sqlite
from tests.storage import mysqlserver, postgresqlserver
from tests.storage.test_views import BODY, TAIL, Column, FakeKind

_TEAM = b"""{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Team","metadata":{"name":"newsroom",
"namespace":"default","labels":{"area":"press"},"resourceVersion":\""""
_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sql-views.md"


def examples(title: str) -> list[str]:
    """
    The queries that the page shows below a heading.
    """
    text = _PAGE.read_text()
    part = text[text.index(f"### {title}\n") :]
    end = re.search(r"\n##", part[1:])
    assert end is not None
    return re.findall(r"```sql\n(.*?);\n```", part[: end.start()], re.DOTALL)


class ViewsTestsMixin:
    """
    What is the same on all databases.
    """

    title: str
    reads_json = staticmethod(json.loads)

    async def open_backend(self) -> Any:
        """
        An empty store.
        """
        raise NotImplementedError

    def rows(self, text: str) -> list[dict[str, Any]]:
        """
        What a query gives.
        """
        raise NotImplementedError

    async def setUp(self) -> None:
        case: Any = self
        self.backend = await self.open_backend()
        case.addCleanup(lambda: Deferred.fromCoroutine(self.backend.close()))
        self.reporter = IReportsKinds(self.backend)
        body = Body(BODY, TAIL)
        where = Key("queries.ark.mckinsey.com", "default", "q")
        gone = where._replace(name="gone")
        changes = [Change(where, 0, ADDED, body, b"", "u"), Change(gone, 0, ADDED, body, b"", "g")]
        await self.backend.commit(changes)
        await self.backend.commit([Change(gone, 3, DELETED, body, b"", "g")])

    async def test_resources(self) -> None:
        """
        C{resources} has the live objects, C{resource_history} all that is kept.
        """
        case: Any = self
        await self.reporter.describe([])
        (row,) = self.rows("SELECT * FROM resources")
        found = (row["kind"], row["namespace"], row["name"], row["resource_version"], row["generation"])
        case.assertEqual(found, ("Query", "default", "q", 2, 3))
        case.assertEqual(self.reads_json(row["labels"]), {"team": "a"})
        case.assertIsNone(row["annotations"])
        case.assertRegex(str(row["updated_at"]), r"^\d{4}-\d\d-\d\d.\d\d:\d\d:\d\d(Z|\+00:00)$")
        rows = self.rows(
            "SELECT name, event, previous_version FROM resource_history ORDER BY resource_version"
        )
        case.assertEqual(
            [tuple(row.values()) for row in rows],
            [("q", ADDED, None), ("gone", ADDED, None), ("gone", DELETED, 3)],
        )

    async def test_definitions_are_no_sql(self) -> None:
        """
        Whoever may write definitions chooses names of members, and paths of columns.
        """
        case: Any = self
        ends = ("$ark$", "'", '"', "`", "\\", "\\'", '\\"', "*/", "{x}", "%s", ":x", "?", ";")
        names = [f"m{number}{end}; CREATE TABLE taken (x int); {end}" for number, end in enumerate(ends)]
        columns = tuple(Column(f"c{number}", f".spec['{name}']") for number, name in enumerate(names))
        schema = {"properties": {"spec": {"properties": {name: {} for name in names}}}}
        plain = FakeKind(plural="plain", resource="plain.ark.mckinsey.com")
        await self.reporter.describe([FakeKind(columns=columns, schema=schema), plain])
        case.assertEqual(self.rows("SELECT name FROM plain"), [])
        errors = (psycopg2.Error, pymysql.Error, pysqlite3.dbapi2.Error)
        case.assertRaises(errors, self.rows, "SELECT * FROM taken")
        many = {"properties": {"spec": {"properties": {f"m{number}": {} for number in range(5000)}}}}
        await self.reporter.describe([FakeKind(schema=many), plain._replace(plural="simple")])
        case.assertEqual(self.rows("SELECT name FROM simple"), [])
        case.assertEqual(len(self.rows("SELECT * FROM queries")[0]), 1000)

    async def test_kind(self) -> None:
        """
        A kind's view has its printer columns and the members of its spec, each once.
        """
        case: Any = self
        await self.reporter.describe([FakeKind()])
        (row,) = self.rows("SELECT * FROM queries")
        wanted = {"type": "user", "phase": "done", "is_ready": "True", "names": ["x", "y"], "ttl": "1h"}
        wanted["age"] = "2026-11-20T10:00:00Z"
        found = {name: row[name] for name in wanted}
        found["names"] = self.reads_json(found["names"])
        case.assertEqual(found, wanted)
        case.assertEqual(row["name"], "q")
        case.assertIsNone(row["spec_name"])
        case.assertNotIn("odd", row)

    async def test_kept_up_to_date(self) -> None:
        """
        Views of kinds that are gone go, those that changed are made anew, and the operator's stay.
        """
        case: Any = self
        await self.reporter.describe([FakeKind()])
        self.rows("CREATE VIEW mine AS SELECT 1 AS one")
        self.rows("CREATE VIEW agents AS SELECT 2 AS two")
        fewer = FakeKind(columns=FakeKind().columns[1:2])
        agents = FakeKind("agents", resource="agents.ark.mckinsey.com")
        await self.reporter.describe([fewer, agents])
        (row,) = self.rows("SELECT * FROM queries")
        case.assertIn("phase", row)
        case.assertNotIn("is_ready", row)
        await self.reporter.describe([agents])
        with case.assertRaisesRegex(Exception, "queries"):
            self.rows("SELECT * FROM queries")
        case.assertEqual(self.rows("SELECT one FROM mine"), [{"one": 1}])
        case.assertEqual(self.rows("SELECT two FROM agents"), [{"two": 2}])

    async def test_examples(self) -> None:
        """
        The queries of the page work over the kinds that come with the server, and find something.
        """
        case: Any = self
        team = Body(
            _TEAM, b'"},"spec":{"strategy":"sequential","members":[{"type":"agent","name":"writer"}]}}'
        )
        key = Key("teams.ark.mckinsey.com", "default", "newsroom")
        await self.backend.commit([Change(key, 0, ADDED, team, b"", "t")])
        await self.reporter.describe(KindRegistry.load().kinds())
        texts = examples(self.title)
        case.assertGreaterEqual(len(texts), 2)
        for text in texts:
            case.assertTrue(self.rows(text), text)


class SQLiteViewsTests(ViewsTestsMixin, TestCase):
    """
    On SQLite.
    """

    title = "SQLite"

    async def open_backend(self) -> Any:
        self.path = self.mktemp()
        return await sqlite.open_backend({"db_path": self.path, "ballast_bytes": 0}, reactor)

    def rows(self, text: str) -> list[dict[str, Any]]:
        connection = sqlite.dbapi2.connect(self.path)
        connection.row_factory = sqlite.dbapi2.Row
        try:
            return [dict(row) for row in connection.execute(text)]
        finally:
            connection.close()


class PostgreSQLViewsTests(ViewsTestsMixin, TestCase):
    """
    On PostgreSQL.
    """

    title = "PostgreSQL"

    @staticmethod
    def reads_json(value: Any) -> Any:
        return value

    async def open_backend(self) -> Any:
        self.server = postgresqlserver.shared_server(SkipTest)
        self.url = self.server.url()
        return await postgresql.open_backend({"db_url": self.url}, reactor)

    def rows(self, text: str, user: str = "ark") -> list[dict[str, Any]]:
        connection = psycopg2.connect(
            self.url.replace("ark@", f"{user}@") + "%20-ctimezone%3DUTC", cursor_factory=RealDictCursor
        )
        connection.autocommit = True
        try:
            cursor = connection.cursor()
            cursor.execute(text)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    async def test_types(self) -> None:
        """
        Members have the type that the definition gives, and are null in objects that keep to
        another one.
        """
        spec = {"count": {"type": "integer"}, "on": {"type": "boolean"}, "any": {}}
        kind = FakeKind(schema={"properties": {"spec": {"properties": spec}}})
        await self.reporter.describe([kind])
        for name, members in (
            ("a", '{"count":7,"on":true,"any":null}'),
            ("b", '{"count":"x","on":1,"any":[1]}'),
        ):
            body = Body(
                b'{"kind":"Query","metadata":{"resourceVersion":"', f'"}},"spec":{members}}}'.encode()
            )
            key = Key("queries.ark.mckinsey.com", "default", name)
            await self.backend.commit([Change(key, 0, ADDED, body, b"", "u")])
        rows = self.rows("SELECT count, \"on\", \"any\" FROM queries WHERE name IN ('a', 'b') ORDER BY name")
        self.assertEqual([tuple(row.values()) for row in rows], [(7, True, None), (None, None, [1])])

    async def test_roles(self) -> None:
        """
        A role that may read a view sees it and nothing below; a server whose role owns nothing
        leaves the views as they are, and goes on.
        """
        await self.reporter.describe([FakeKind()])
        schema = self.url.rpartition("%3D")[2]
        reader, user = f"{schema}_reader", f"{schema}_user"
        self.rows(f"CREATE ROLE {reader} LOGIN")
        self.rows(f"CREATE ROLE {user} LOGIN")
        self.rows(f"GRANT USAGE ON SCHEMA {schema} TO {reader}, {user}")
        self.rows(f"GRANT SELECT ON resources, queries TO {reader}")
        self.rows(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}")
        self.assertEqual(self.rows("SELECT name FROM queries", reader), [{"name": "q"}])
        with self.assertRaisesRegex(Exception, "permission denied"):
            self.rows("SELECT name FROM ark_object", reader)
        backend = await postgresql.open_backend({"db_url": self.url.replace("ark@", f"{user}@")}, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(backend.close()))
        self.assertEqual(self.rows("SELECT name FROM queries", user), [{"name": "q"}])
        await IReportsKinds(backend).describe([])
        self.assertEqual(self.rows("SELECT name FROM queries", reader), [{"name": "q"}])
        await IReportsKinds(self.backend).describe(
            [FakeKind(columns=(*FakeKind().columns, FakeKind().columns[0]))]
        )
        self.assertEqual(self.rows("SELECT name FROM queries", reader), [{"name": "q"}])


class MySQLViewsTests(ViewsTestsMixin, TestCase):
    """
    On MariaDB or MySQL.
    """

    title = "MySQL and MariaDB"

    async def open_backend(self) -> Any:
        self.url = mysqlserver.shared_server(SkipTest).url()
        return await mysql.open_backend({"db_url": self.url}, reactor)

    def rows(self, text: str) -> list[dict[str, Any]]:
        to = mysql.connection_settings({"db_url": self.url})
        connection: Any = mysqlserver.pymysql.connect(
            host=to.host, port=to.port, user=to.user, password=to.password, database=to.database,
            autocommit=True, cursorclass=DictCursor,
        )  # fmt: skip
        try:
            cursor = connection.cursor()
            cursor.execute(text)
            return list(cursor.fetchall())
        finally:
            connection.close()
