"""
Tests for L{ark.storage.sqliteplace}: where a database may lie.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ark.storage import sqliteplace
from ark.storage.errors import UnusableDatabase
from ark.storage.sqliteplace import check_place, file_system, no_place


class PlaceTests(SynchronousTestCase):
    """
    File systems.
    """

    def setUp(self) -> None:
        """
        A folder, and a list of mounts of our own.
        """
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.mounts = self.folder / "mountinfo"
        self.patch(sqliteplace, "MOUNTS", self.mounts)

    def mount(self, kind: str) -> None:
        """
        Say of what type the file system of the folder is.
        """
        device = self.folder.stat().st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        self.mounts.write_text(
            "22 1 0:1 / / rw shared:1 - overlay overlay rw,lowerdir=/a\n"
            f"36 22 {number} / /srv/a\\040b rw,relatime shared:5 master:1 - {kind} there:/data rw\n"
        )

    def test_local(self) -> None:
        """
        A disk of this machine is taken, and one of which nothing is known.
        """
        self.mount("ext4")
        self.assertEqual(file_system(self.folder), "ext4")
        check_place(self.folder / "ark.db")
        self.mounts.unlink()
        self.assertEqual(file_system(self.folder), "")
        check_place(self.folder / "ark.db")

    def test_network(self) -> None:
        """
        A file system that machines share is refused, and what serves several machines is named.
        """
        for kind in ("nfs4", "cifs", "fuse.sshfs"):
            self.mount(kind)
            with self.assertRaises(UnusableDatabase) as caught:
                check_place(self.folder / "ark.db")
            self.assertIn(f"is on a network file system ({kind})", str(caught.exception))
            self.assertIn("--storage=postgresql", caught.exception.remedy)

    def test_remedies(self) -> None:
        """
        What is to be done depends on what went wrong.
        """
        for number, remedy in (
            (errno.ENOSPC, "Make room"),
            (errno.EDQUOT, "Make room"),
            (errno.EROFS, "read-write"),
            (errno.EACCES, "may write to"),
        ):
            error = no_place(OSError(number, os.strerror(number)), self.folder)
            self.assertIn(remedy, error.remedy)
            self.assertEqual(str(error), f"{self.folder}: {os.strerror(number)}")
