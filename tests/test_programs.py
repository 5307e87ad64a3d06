"""
Tests for L{tests.programs}.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import programs
from tests.programs import NotInstalled, Programs


class ProgramsTests(SynchronousTestCase):
    """
    Where programs are found.
    """

    def setUp(self) -> None:
        """
        Folders of two versions, of which the newer one has all; and nothing is installed.
        """
        self.folder = Path(self.mktemp()).resolve()
        for version, names in (("9", ("ark-one",)), ("15", ("ark-one", "ark-two"))):
            for name in names:
                path = self.folder / version / "bin" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(0o755)
        self.installed: list[str] = []
        self.patch(programs, "can_install", lambda: True)
        self.patch(programs, "install", self.installed.append)

    def wanted(self, *names: str) -> Programs:
        """
        Programs that are looked for in the folders.
        """
        return Programs("Ark's", "ark-programs", names, (f"{self.folder}/*/bin",))

    def test_the_newest_counts(self) -> None:
        """
        By number: 15 is newer than 9.
        """
        found = self.wanted("ark-one", "ark-two").require()
        expected = {name: self.folder / "15" / "bin" / name for name in ("ark-one", "ark-two")}
        self.assertEqual(found, expected)
        self.assertEqual(self.installed, [])

    def test_the_search_path_counts_too(self) -> None:
        """
        For what is in no folder of its own.
        """
        self.assertEqual(list(Programs("A shell", "dash", ("sh",)).require()), ["sh"])

    def test_what_is_missing_is_installed(self) -> None:
        """
        And when that did not help, it is said what to do.
        """
        failure = self.assertRaises(NotInstalled, self.wanted("ark-one", "ark-three").require)
        self.assertEqual(self.installed, ["ark-programs"])
        self.assertIn("apt-get install ark-programs", str(failure))

    def test_nothing_is_installed_where_one_would_have_to_ask(self) -> None:
        """
        Nobody expects tests to.
        """
        self.patch(programs, "can_install", lambda: False)
        self.assertRaises(NotInstalled, self.wanted("ark-three").require)
        self.assertEqual(self.installed, [])
