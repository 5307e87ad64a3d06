"""
Asking PostgreSQL, one thing after the other, over a connection whose socket stays in the reactor.
"""

from __future__ import annotations

from typing import Any

import orjson
import psycopg2
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.trial.unittest import SkipTest, TestCase

from ark.storage.postgresqlconnection import QueriedConnection
from ark.storage.postgresqlerrors import DatabaseFault
from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqlparameters import ParameterConnection
from ark.storage.postgresqlsession import Session
from ark.storage.postgresqlsettings import connection_settings
from tests.storage.postgresqlserver import shared_server
from tests.storage.way import until

reactor: Any = default_reactor
_PATIENCE = 30.0


class ConnectionTestsMixin:
    """
    One session with the server that tests share.
    """

    timeout = 60
    connection: Any
    fault: Any

    async def setUp(self) -> None:
        """
        A session that is open.
        """
        self.case: Any = self
        self.server = shared_server(SkipTest)
        self.session = Session(reactor, self.connection)
        self.case.addCleanup(self.session.close)
        hosts = Hosts(connection_settings({"db_url": self.server.url()}), reactor)
        await self.session.open(hosts, _PATIENCE)

    async def asked(self, text: str, *parameters: Any, timeout: float = _PATIENCE) -> Any:
        return await self.session.query(text, parameters, timeout)

    async def test_who_is_told_may_ask_the_next_thing(self) -> None:
        """
        At once, while the answer before is still being handed out.
        """
        answers: list[int] = []
        ended: Deferred[None] = Deferred()

        def go_on(rows: Any) -> None:
            answers.append(rows[0][0])
            if len(answers) == 5:
                ended.callback(None)
                return
            asked = self.session.connection.ask(f"SELECT {rows[0][0]} + 1", ())
            asked.addCallbacks(go_on, ended.errback)

        self.session.connection.ask("SELECT 1", ()).addCallbacks(go_on, ended.errback)
        await ended
        self.case.assertEqual(answers, [1, 2, 3, 4, 5])

    async def test_a_statement_that_does_not_fit_into_the_socket(self) -> None:
        """
        Is sent as the database takes it.
        """
        text = "x" * (32 << 20)
        self.case.assertEqual(await self.asked("SELECT length(%s)", text), [(len(text),)])

    async def test_an_error_leaves_the_connection_of_use(self) -> None:
        """
        Once the database has told of it.
        """
        failing = Deferred.fromCoroutine(self.asked("SELECT 1 / (SELECT 0)"))
        error = await self.case.assertFailure(failing, self.fault)
        self.case.assertEqual(error.pgcode, "22012")
        self.case.assertEqual(await self.asked("SELECT 2"), [(2,)])

    async def test_several_statements_as_they_are_written(self) -> None:
        """
        What has no parameters is not looked through for them, and gives what its last one does.
        """
        rows = await self.session.query("CREATE TEMPORARY TABLE t (a int); SELECT 5 % 3", None, _PATIENCE)
        self.case.assertEqual(rows, [(2,)])
        self.case.assertEqual(await self.session.query("DROP TABLE t", None, _PATIENCE), [])

    async def test_each_statement_has_a_time_of_its_own(self) -> None:
        """
        One that may take less than those before does not get theirs, nor an earlier one's end.
        """
        await self.asked("SELECT 1", timeout=0.3)
        await self.asked("SELECT pg_sleep(0.6)")
        failing = Deferred.fromCoroutine(self.asked("SELECT pg_sleep(20)", timeout=0.2))
        await self.case.assertFailure(failing, ConnectionClosed)
        self.case.assertTrue(self.session.closed)

    async def test_an_end_while_something_is_asked(self) -> None:
        """
        Fails what was asked, and nothing stays in the reactor.
        """
        ((pid,),) = await self.asked("SELECT pg_backend_pid()")
        failing = Deferred.fromCoroutine(self.asked("SELECT pg_sleep(20)"))
        self.server.sql(f"SELECT pg_terminate_backend({pid})")
        await self.case.assertFailure(failing, self.fault)
        self.case.assertTrue(self.session.closed)

    async def test_an_end_while_nothing_is_asked(self) -> None:
        """
        Is noticed by itself.
        """
        ((pid,),) = await self.asked("SELECT pg_backend_pid()")
        self.server.sql(f"SELECT pg_terminate_backend({pid})")
        await until(lambda: self.session.closed, "the end")


class QueriedConnectionTests(ConnectionTestsMixin, TestCase):
    """
    The connection that hears.
    """

    connection = QueriedConnection
    fault = psycopg2.Error

    async def test_what_cannot_be_asked(self) -> None:
        """
        Is told, and leaves the connection of use.
        """
        failing = Deferred.fromCoroutine(self.asked("SELECT %s", object()))
        await self.assertFailure(failing, psycopg2.ProgrammingError)
        self.assertEqual(await self.asked("SELECT 2"), [(2,)])

    async def test_notifications_are_told_beside_answers(self) -> None:
        """
        Each once and in order, whether they come alone or with an answer.
        """
        heard: list[str] = []
        self.session.connection.addNotifyObserver(lambda notification: heard.append(notification.payload))
        await self.session.query("LISTEN trial_of_ours", None, _PATIENCE)
        await self.asked("SELECT pg_notify('trial_of_ours', 'own')")
        self.server.sql("SELECT pg_notify('trial_of_ours', 'other')")
        await until(lambda: len(heard) == 2, "both")
        self.assertEqual(heard, ["own", "other"])


class ParameterConnectionTests(ConnectionTestsMixin, TestCase):
    """
    The connection over which values travel beside the statement.
    """

    connection = ParameterConnection
    fault = DatabaseFault

    async def test_values_come_as_they_are(self) -> None:
        """
        Texts with whatever is in them, numbers, truth and nothing, and lists of them.
        """
        texts = ["", "'", "\\", '"', "{}", "NULL", "a,b", "%s $1", "\u00e9\n"]
        for text in texts:
            self.assertEqual(await self.asked("SELECT %s::text", text), [(text.encode(),)])
            self.assertEqual(await self.asked("SELECT %s::text", text.encode()), [(text.encode(),)])
        ((joined,),) = await self.asked("SELECT array_to_json(%s::text[])::text", [*texts, None])
        self.assertEqual(orjson.loads(joined), [*texts, None])
        row = await self.asked("SELECT %s::bigint, %s::bool, %s::bool, %s::text", 2**40, True, False, None)
        self.assertEqual(row, [(2**40, True, False, None)])
        ((sum_, every),) = await self.asked(
            "SELECT (SELECT sum(n)::int FROM unnest(%s::int[]) AS n), %s::bool[] = '{t,f}'",
            [1, 2],
            [True, False],
        )
        self.assertEqual((sum_, every), (3, True))

    async def test_values_are_no_statements(self) -> None:
        """
        However they look.
        """
        await self.session.query("CREATE TEMPORARY TABLE kept (a text)", None, _PATIENCE)
        text = "'); DROP TABLE kept; --"
        await self.asked("INSERT INTO kept VALUES (%s)", text)
        self.assertEqual(await self.asked("SELECT a FROM kept"), [(text.encode(),)])

    async def test_nothing_can_be_asked_of_what_was_ended(self) -> None:
        """
        Neither before nor after it was known.
        """
        self.session.close()
        with self.assertRaises(DatabaseFault):
            self.session.connection.ask("SELECT 1", ())
        self.assertEqual(self.session.connection.fileno(), -1)
