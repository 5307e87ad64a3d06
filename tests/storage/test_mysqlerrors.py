"""
Tests for L{ark.storage.mysqlerrors}.
"""

from __future__ import annotations

import ssl

from pymysql.err import OperationalError
from twisted.trial.unittest import SynchronousTestCase

from ark.storage.errors import Unavailable
from ark.storage.mysqlerrors import is_away, remedy_of, translate


def unconnected(cause: OSError) -> OperationalError:
    """
    What the driver raises when its socket fails.
    """
    error = OperationalError(2003, f"Can't connect to MySQL server ({cause})")
    error.original_exception = cause
    return error


class AwayTests(SynchronousTestCase):
    """
    Whether it is worth to wait for a database that cannot be opened.
    """

    def test_what_may_pass_by_itself(self) -> None:
        """
        Nobody listens yet, the socket is not made yet, or too many are there.
        """
        for error in (
            unconnected(ConnectionRefusedError(111, "Connection refused")),
            unconnected(FileNotFoundError(2, "No such file or directory")),
            OperationalError(1040, "Too many connections"),
        ):
            self.assertTrue(is_away(error), error)
            told = translate(error)
            told.__cause__ = error
            self.assertTrue(is_away(told), told)

    def test_what_somebody_has_to_mend(self) -> None:
        """
        A password, a file that is not there, a certificate, a server without TLS.
        """
        for error in (
            OperationalError(1045, "Access denied"),
            FileNotFoundError(2, "No such file or directory"),
            ssl.SSLError("no certificate in the file"),
            unconnected(ssl.SSLCertVerificationError("certificate verify failed")),
            OperationalError(2026, "SSL is required but the server doesn't support it"),
        ):
            self.assertFalse(is_away(error), error)
            self.assertIsInstance(translate(error), Unavailable)


class RemedyTests(SynchronousTestCase):
    """
    What somebody is told to do.
    """

    def test_it_is_about_what_is_wrong(self) -> None:
        """
        Not about the network when the database has answered.
        """
        for code, word in (
            (1045, "password"),
            (1044, "Create the database"),
            (1049, "Create the database"),
            (1142, "GRANT"),
            (1226, "limit of connections"),
            (1290, "takes writes"),
            (1665, "binlog_format"),
            (2003, "can be reached"),
        ):
            error = OperationalError(code, "what it says")
            told = translate(error)
            told.__cause__ = error
            self.assertIn(word, remedy_of(error))
            self.assertIn(word, remedy_of(told))
