"""
Tests of L{ark.storage.sqlitelibrary}.
"""

from __future__ import annotations

from pysqlite3 import dbapi2
from twisted.trial.unittest import SynchronousTestCase

from ark.storage.errors import UnusableDatabase
from ark.storage.sqlitelibrary import LEAST, SAFE, check_library, doubts


class LibraryTests(SynchronousTestCase):
    """
    Versions of SQLite.
    """

    def test_what_lacks_functions_is_refused(self) -> None:
        """
        Before anybody believes to be served: Debian 12 has 3.40, with which each list and watch fails.
        """
        with self.assertRaises(UnusableDatabase) as caught:
            check_library((3, 40, 1))
        self.assertEqual(str(caught.exception), "SQLite 3.40.1 is too old")
        self.assertIn("3.53.2", caught.exception.remedy)
        check_library((*LEAST, 0))

    def test_what_may_damage_files_is_told(self) -> None:
        """
        Debian 13 has 3.46.
        """
        self.assertIn("SQLite 3.46.1 has faults", doubts((3, 46, 1)))
        self.assertEqual(doubts(SAFE), "")

    def test_that_of_the_wheels_is_good(self) -> None:
        """
        It is what is asked about where no version is given.
        """
        with dbapi2.connect(":memory:") as connection:
            ((version,),) = connection.execute("SELECT sqlite_version()").fetchall()
        self.assertEqual(doubts(), doubts(tuple(map(int, version.split(".")))))
        check_library()
