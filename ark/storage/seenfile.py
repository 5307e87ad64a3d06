"""
What a database that is a file was last known to be, kept beside it: whoever puts an older copy of the
file back leaves this where it is.
"""

from __future__ import annotations

import os
from pathlib import Path

#: How many revisions may pass until the newest is noted again.  So many may be lost without being noticed,
#: when a server was killed and the copy is that young.
STEP = 100

_DIGITS = 20


class SeenFile:
    """
    The newest revision that servers of this database gave out.

    It is never ahead of the database: it is written after the commit, and need not be on the disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted = 0

    def read(self) -> int:
        """
        The revision; C{0} where nobody knows.
        """
        try:
            text = self._path.read_bytes()[:_DIGITS]
        except OSError:
            return 0
        return int(text) if len(text) == _DIGITS and text.isdigit() else 0

    def moved(self, revision: int) -> None:
        """
        Take note of what the counter is now, from time to time.
        """
        if not self._noted <= revision < self._noted + STEP:
            self.note(revision)

    def note(self, revision: int) -> None:
        """
        Take note of what the counter is now.
        """
        if revision == self._noted:
            return
        self._noted = revision
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(descriptor, b"%0*d\n" % (_DIGITS, revision), 0)
            finally:
                os.close(descriptor)
        except OSError:
            # A full disk, or a folder that is gone: what was noted before still holds.
            return
