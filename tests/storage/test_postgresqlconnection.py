"""
Asking PostgreSQL, one thing after the other, over a connection whose socket stays in the reactor.
"""

from __future__ import annotations

from typing import Any

import psycopg2
from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.trial.unittest import SkipTest, TestCase

from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqlsession import Session
from ark.storage.postgresqlsettings import connection_settings
from tests.storage.postgresqlserver import shared_server
from tests.storage.way import until

reactor: Any = default_reactor
_PATIENCE = 30.0


class ConnectionTests(TestCase):
    """
    One session with the server that tests share.
    """

    timeout = 60

    async def setUp(self) -> None:
        """
        A session that is open.
        """
        self.server = shared_server(SkipTest)
        self.session = Session(reactor)
        self.addCleanup(self.session.close)
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
            self.session.connection.ask("SELECT %s + 1", rows[0]).addCallbacks(go_on, ended.errback)

        self.session.connection.ask("SELECT 1", ()).addCallbacks(go_on, ended.errback)
        await ended
        self.assertEqual(answers, [1, 2, 3, 4, 5])

    async def test_a_statement_that_does_not_fit_into_the_socket(self) -> None:
        """
        Is sent as the database takes it.
        """
        text = "x" * (32 << 20)
        self.assertEqual(await self.asked("SELECT length(%s)", text), [(len(text),)])

    async def test_an_error_leaves_the_connection_of_use(self) -> None:
        """
        Of the text that is sent, and of one that cannot even be made.
        """
        failing = Deferred.fromCoroutine(self.asked("SELECT 1 / %s", 0))
        await self.assertFailure(failing, psycopg2.DataError)
        failing = Deferred.fromCoroutine(self.asked("SELECT %s", object()))
        await self.assertFailure(failing, psycopg2.ProgrammingError)
        self.assertEqual(await self.asked("SELECT 2"), [(2,)])

    async def test_several_statements_as_they_are_written(self) -> None:
        """
        What has no parameters is not looked through for them, and gives what its last one does.
        """
        rows = await self.session.query("CREATE TEMPORARY TABLE t (a int); SELECT 5 % 3", None, _PATIENCE)
        self.assertEqual(rows, [(2,)])
        self.assertEqual(await self.session.query("DROP TABLE t", None, _PATIENCE), [])

    async def test_each_statement_has_a_time_of_its_own(self) -> None:
        """
        One that may take less than those before does not get theirs, nor an earlier one's end.
        """
        await self.asked("SELECT 1", timeout=0.3)
        await self.asked("SELECT pg_sleep(0.6)")
        failing = Deferred.fromCoroutine(self.asked("SELECT pg_sleep(20)", timeout=0.2))
        await self.assertFailure(failing, ConnectionClosed)
        self.assertTrue(self.session.closed)

    async def test_an_end_while_something_is_asked(self) -> None:
        """
        Fails what was asked, and nothing stays in the reactor.
        """
        ((pid,),) = await self.asked("SELECT pg_backend_pid()")
        failing = Deferred.fromCoroutine(self.asked("SELECT pg_sleep(20)"))
        self.server.sql(f"SELECT pg_terminate_backend({pid})")
        await self.assertFailure(failing, psycopg2.OperationalError)
        self.assertTrue(self.session.closed)

    async def test_an_end_while_nothing_is_asked(self) -> None:
        """
        Is noticed by itself.
        """
        ((pid,),) = await self.asked("SELECT pg_backend_pid()")
        self.server.sql(f"SELECT pg_terminate_backend({pid})")
        await until(lambda: self.session.closed, "the end")

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
