"""
Where a PostgreSQL is, from options and URLs.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from ark.storage.errors import Unavailable, UnusableDatabase
from ark.storage.postgresqlhosts import Hosts
from ark.storage.postgresqlsettings import connection_settings

reactor: Any = default_reactor


class URLTests(SynchronousTestCase):
    """
    What a URL says.
    """

    def settings(self, url: str, **options: str) -> dict[str, str]:
        """
        Read a URL.
        """
        return connection_settings({"db_url": url, **options})

    def test_all_parts(self) -> None:
        """
        With what is escaped in them.
        """
        found = self.settings("postgresql://a%40b:c%2Fd@db.example.com:5433/ark?sslmode=verify-full")
        wanted = {
            "host": "db.example.com", "port": "5433", "user": "a@b", "password": "c/d", "dbname": "ark",
            "sslmode": "verify-full",
        }  # fmt: skip
        self.assertEqual({name: found[name] for name in wanted}, wanted)

    def test_several_hosts(self) -> None:
        """
        As libpq reads them, with and without ports.
        """
        for text, hosts, ports in (
            ("a,b", "a,b", None),
            ("a:1,b:2", "a,b", "1,2"),
            ("a:1,b", "a,b", "1,"),
            ("[::1]:5432,[fe80::2]", "::1,fe80::2", "5432,"),
        ):
            found = self.settings(f"postgresql://ark@{text}/ark")
            self.assertEqual((found["host"], found.get("port")), (hosts, ports))

    def test_folders_of_sockets(self) -> None:
        """
        In place of a host and as a parameter, as they are written.
        """
        for url in (
            "postgresql://ark@%2FRun%2FSockets:5433/ark",
            "postgresql:///ark?host=/Run/Sockets&port=5433",
        ):
            found = self.settings(url)
            self.assertEqual((found["host"], found["port"], found["dbname"]), ("/Run/Sockets", "5433", "ark"))

    def test_parameters(self) -> None:
        """
        Those that providers of PostgreSQL write into URLs, read as libpq reads them: a plus sign is one.
        """
        found = self.settings(
            "postgresql://a,b/?user=ark&password=s%26t&dbname=data&sslmode=require&channel_binding=require"
            "&target_session_attrs=primary&sslrootcert=/etc/a+b.pem"
        )
        wanted = {
            "host": "a,b", "user": "ark", "password": "s&t", "dbname": "data", "channel_binding": "require",
            "target_session_attrs": "read-write", "sslrootcert": "/etc/a+b.pem",
        }  # fmt: skip
        self.assertEqual({name: found[name] for name in wanted}, wanted)

    def test_options_count_more(self) -> None:
        """
        Than the URL.
        """
        found = self.settings("postgresql://ark@a/ark", postgres_host="b", postgres_password="x")
        self.assertEqual((found["host"], found["password"], found["user"]), ("b", "x", "ark"))

    def test_what_is_wrong_is_told_without_the_password(self) -> None:
        """
        Ports that are none; schemes, parameters and modes that nobody knows.
        """
        for url in (
            "postgresql://ark:hidden@a:x/ark",
            "mysql://ark:hidden@a/ark",
            "postgresql://ark:hidden@a/ark?colour=red",
            "postgresql://ark:hidden@a/ark?sslmode=verified",
            "postgresql://ark:hid[den@a/ark",
            "postgresql://ark:hidden#1@a/ark",
            "postgresql://ark:1#hidden@a/ark",
            "postgresql://ark:hidden/1@a/ark",
            "postgresql://ark:hidden@a/ark?target_session_attrs=prefer-standby",
        ):
            failure = self.assertRaises(UnusableDatabase, self.settings, url)
            self.assertNotIn("hidden", f"{failure} {failure.remedy}")


class Resolver:
    """
    Knows some names.
    """

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.known = known
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, name: str) -> None:
        """
        See L{twisted.internet.interfaces.IHostnameResolver}.
        """
        for address in self.known.get(name, []):
            receiver.addressResolved(IPv4Address("TCP", address, 0))
        receiver.resolutionComplete()

    def callLater(self, seconds: float, call: Any) -> Any:
        """
        Time does not pass.
        """
        return reactor.callLater(seconds, call)


class HostTests(SynchronousTestCase):
    """
    Which hosts are tried, and how.
    """

    def hosts(self, settings: dict[str, str]) -> Hosts:
        """
        Hosts whose names are known.
        """
        return Hosts(settings, Resolver({"a": ["10.0.0.1"], "b": ["10.0.0.2", "10.0.0.3"]}))

    def settings(self, hosts: Hosts, number: int) -> dict[str, str]:
        """
        What to connect with.
        """
        coroutine = hosts.settings(number, 1)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return dict(end.value)
        raise AssertionError("it waits")

    def test_each_by_itself(self) -> None:
        """
        With its own port, and its name beside its addresses, so that the name can be verified.
        """
        hosts = self.hosts({"host": "a,b", "port": "1,2"})
        self.assertEqual(self.settings(hosts, 0), {"host": "a", "hostaddr": "10.0.0.1", "port": "1"})
        found = self.settings(hosts, 1)
        self.assertEqual(found, {"host": "b,b", "hostaddr": "10.0.0.2,10.0.0.3", "port": "2"})

    def test_one_port_is_that_of_all(self) -> None:
        """
        And two are not those of three.
        """
        self.assertEqual(self.settings(self.hosts({"host": "a,b", "port": "7"}), 1)["port"], "7")
        self.assertRaises(UnusableDatabase, self.hosts, {"host": "a,b,c", "port": "1,2"})

    def test_sockets_are_not_looked_up(self) -> None:
        """
        Neither a folder nor nothing at all.
        """
        self.assertEqual(self.settings(self.hosts({"host": "/run/pg"}), 0), {"host": "/run/pg"})

    def test_names_that_nobody_knows(self) -> None:
        """
        Are told.
        """
        failure = self.assertRaises(Unavailable, self.settings, self.hosts({"host": "nowhere"}), 0)
        self.assertIn("nowhere", str(failure))

    def test_the_right_one_comes_first(self) -> None:
        """
        The next time, and the others after it in order.
        """
        hosts = self.hosts({"host": "a,b,c"})
        self.assertEqual(list(hosts.order()), [0, 1, 2])
        hosts.was_right(1)
        self.assertEqual(list(hosts.order()), [1, 2, 0])
