"""
Tests for L{ark.storage.mysqlsettings}.
"""

from __future__ import annotations

import ssl
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.storage.errors import UnusableDatabase
from ark.storage.mysqlsettings import connection_settings


class SettingsTests(SynchronousTestCase):
    """
    From options and a URL to a connection.
    """

    def settings(self, url: str = "", **options: str) -> Any:
        """
        The settings.
        """
        return connection_settings({"db_url": url, **options})

    def test_url(self) -> None:
        """
        A URL says everything; its parts may be escaped.
        """
        found = self.settings("mysql://us%40er:pa%3Ass@db:3307/objects?ssl-mode=verify-identity&ssl-ca=/ca")
        self.assertEqual(
            (found.user, found.password, found.host, found.port, found.database),
            ("us@er", "pa:ss", "db", 3307, "objects"),
        )
        self.assertEqual((found.ssl_mode, found.ssl_ca), ("verify-identity", "/ca"))
        self.assertEqual(self.settings("mariadb://db/objects").host, "db")

    def test_socket(self) -> None:
        """
        In place of a host, as it is written.
        """
        self.assertEqual(self.settings("mysql://ark@%2FRun%2Fmysqld.sock/d").host, "/Run/mysqld.sock")

    def test_options_count_more(self) -> None:
        """
        An option replaces its part of the URL, and nothing else.
        """
        found = self.settings("mysql://user:old@db/objects", mysql_password="new", mysql_host="other")
        self.assertEqual((found.user, found.password, found.host), ("user", "new", "other"))

    def test_defaults(self) -> None:
        """
        Nothing given means the usual place.
        """
        found = self.settings()
        self.assertEqual(
            (found.host, found.port, found.database, found.user), ("127.0.0.1", 3306, "ark", "ark")
        )
        self.assertEqual(found.ssl_mode, "preferred")

    def test_an_authority_or_a_certificate_ask_for_encryption(self) -> None:
        """
        As with the C{mysql} program.
        """
        self.assertEqual(self.settings(mysql_ssl_ca="/ca").ssl_mode, "verify-ca")
        self.assertEqual(self.settings(mysql_ssl_cert="/cert").ssl_mode, "required")
        self.assertEqual(self.settings(mysql_ssl_ca="/ca", mysql_ssl_mode="REQUIRED").ssl_mode, "required")

    def test_modes(self) -> None:
        """
        What each mode checks of the server.
        """
        modes = {
            "required": (ssl.CERT_NONE, False),
            "verify-ca": (ssl.CERT_REQUIRED, False),
            "verify_identity": (ssl.CERT_REQUIRED, True),
        }
        for mode, expected in modes.items():
            context = self.settings(mysql_ssl_mode=mode).tls_context()
            self.assertEqual((context.verify_mode, context.check_hostname), expected)
        self.assertIsNone(self.settings(mysql_ssl_mode="disabled").tls_context())

    def test_files_that_cannot_be_used_are_named(self) -> None:
        """
        Those that are not there, and those that hold something else.
        """
        other = self.mktemp()
        with open(other, "w") as file:
            file.write("a letter")
        for options in ({"mysql_ssl_ca": "/nowhere"}, {"mysql_ssl_cert": other}, {"mysql_ssl_ca": other}):
            failure = self.assertRaises(OSError, self.settings(**options).tls_context)
            self.assertIn(*options.values(), str(failure))

    def test_nonsense_is_refused(self) -> None:
        """
        With what is wrong, and a remedy.
        """
        for given, cause in (
            ({"url": "postgresql://h/d"}, "does not begin with mysql://"),
            ({"url": "mysql://h/d?sslmode=x"}, "unknown parameter 'sslmode'"),
            ({"url": "mysql://h:port/d"}, "no number"),
            ({"url": "mysql://u:p[1@h/d"}, "written as %XX"),
            ({"url": "mysql://u:p#1@h/d"}, "written as %23"),
            ({"mysql_port": "0"}, "no port"),
            ({"mysql_ssl_mode": "sometimes"}, "'sometimes' is not known"),
        ):
            failure = self.assertRaises(UnusableDatabase, self.settings, **given)
            self.assertIn(cause, str(failure))
            self.assertTrue(failure.remedy)

    def test_the_password_is_not_shown(self) -> None:
        """
        Settings may end up in a log.
        """
        self.assertNotIn("hidden", repr(self.settings(mysql_password="hidden")))
