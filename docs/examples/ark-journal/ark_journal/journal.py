"""
The file.  Its methods block: they are called in threads, one at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ark.storage.errors import UnusableDatabase

_HEADER = b"ark-journal 1\n"


def _line(record: Any) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%08x %b\n" % (crc32(text), text)


class Journal:
    """
    Records of JSON, a line each.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file = -1
        self._end = 0
        self.records = 0

    def open(self) -> list[Any]:
        """
        Open the file, or make it, and return its records.  An end that was torn off by a
        loss of power was never acknowledged, and goes.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableDatabase("another process has the journal open", "Stop it first.") from None
        content = self._path.read_bytes()
        if not _HEADER.startswith(content[: len(_HEADER)]):
            raise UnusableDatabase("the file is no journal", "Give --db-path a file that does not exist yet.")
        if len(content) < len(_HEADER):
            self._write(_HEADER, 0)
            self._sync_folder()
            return []
        self._end = len(_HEADER)
        records = list(self._read(content))
        os.ftruncate(self._file, self._end)
        self.records = len(records)
        return records

    def _read(self, content: bytes) -> Iterator[Any]:
        for line in content[self._end :].splitlines(keepends=True):
            sound = line.endswith(b"\n") and line[:9] == b"%08x " % crc32(line[9:-1])
            if not sound and self._end + len(line) < len(content):
                raise UnusableDatabase("the journal is corrupt", "Restore it from a backup.")
            if not sound:
                return
            self._end += len(line)
            yield json.loads(line[9:])

    def _write(self, data: bytes, at: int) -> None:
        while data:
            written = os.pwrite(self._file, data, at)
            data, at = data[written:], at + written
        os.fdatasync(self._file)
        self._end = at

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def append(self, record: Any) -> None:
        """
        Write a record.  When this returns, it survives the loss of power.

        @raise OSError: it may or may not be there, unless L{take_back} succeeds.
        """
        self._write(_line(record), self._end)
        self.records += 1

    def take_back(self) -> None:
        """
        Cut off what an L{append} that failed has left behind.
        """
        os.ftruncate(self._file, self._end)
        os.fdatasync(self._file)

    def replace(self, record: Any) -> None:
        """
        Put one in the place of all, at once.  There is no moment without a lock: the new file
        is locked before it gets the name.
        """
        new = Journal(f"{self._path}.new")
        new._path.unlink(missing_ok=True)
        new.open()
        new.append(record)
        os.replace(new._path, self._path)
        self._sync_folder()
        self.close()
        self._file, self._end, self.records = new._file, new._end, new.records

    def close(self) -> None:
        os.close(self._file)
