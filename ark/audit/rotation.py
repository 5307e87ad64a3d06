"""
A file that is put aside when it is large, and removed when it is old.

As C{gopkg.in/natefinch/lumberjack.v2}, which kube-apiserver writes its audit log with: the file that is
written keeps its name, those put aside have the time in theirs.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO, NamedTuple

from twisted.logger import Logger

MEBIBYTE = 1024 * 1024
DEFAULT_SIZE = 100
_DAY = 86400.0
_PACKED = ".gz"
_log = Logger()


class Limits(NamedTuple):
    """
    What is kept.

    @ivar size: the MiB at which a file is put aside; C{0} for L{DEFAULT_SIZE}.
    @ivar backups: how many files put aside are kept; C{0} for all.
    @ivar days: how long; C{0} for ever.
    @ivar compress: whether they are compressed.
    """

    size: int = 0
    backups: int = 0
    days: int = 0
    compress: bool = False


class RotatedFile:
    """
    May be written by one thread at a time, and does what takes time there.

    Only its owner may read it, since what is told of requests may be secret.

    @param now: the time of day.
    """

    def __init__(self, path: Path, limits: Limits, now: Callable[[], float]) -> None:
        self._path = path
        self._limits = limits
        self._now = now
        self._most = (limits.size or DEFAULT_SIZE) * MEBIBYTE
        self._file: BinaryIO | None = None
        self._size = 0
        self._is_torn = False

    def write(self, data: bytes) -> None:
        """
        Write whole lines, all into the same file.

        @raise OSError: they could not be written.
        """
        if self._file is None:
            self._open()
        if self._size and self._size + len(data) > self._most:
            self._rotate()
        # What was torn off is told of as lost; it must not swallow what comes next.
        left = memoryview(b"\n" + data if self._is_torn else data)
        assert self._file is not None
        while left:
            written = self._file.write(left)
            self._size += written
            left = left[written:]
            self._is_torn = bool(left)

    def leave(self) -> None:
        """
        There is nothing to wait for.
        """

    def close(self) -> None:
        """
        Write no more; it is opened again by the next L{write}.
        """
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._size = os.fstat(descriptor).st_size

    def _rotate(self) -> None:
        self.close()
        moment = datetime.fromtimestamp(self._now(), timezone.utc)
        stamp = f"{moment:%Y-%m-%dT%H-%M-%S}.{moment.microsecond // 1000:03d}"
        aside = self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}")
        os.replace(self._path, aside)
        self._open()
        self._is_torn = False
        try:
            if self._limits.compress:
                _compress(aside)
            self._clean()
        except OSError as error:
            _log.warn("what was put aside of {path} cannot be tidied: {error}", path=self._path, error=error)

    def _clean(self) -> None:
        """
        Remove what is too old or too much.
        """
        stem, suffix = re.escape(self._path.stem), re.escape(self._path.suffix)
        pattern = re.compile(rf"{stem}-\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{{3}}{suffix}(\.gz)?")
        kept = [path for path in self._path.parent.iterdir() if pattern.fullmatch(path.name)]
        kept.sort(key=lambda path: path.name, reverse=True)
        limits = self._limits
        oldest = self._now() - limits.days * _DAY
        for place, path in enumerate(kept):
            too_many = limits.backups and place >= limits.backups
            if too_many or (limits.days and path.stat().st_mtime < oldest):
                path.unlink()


def _compress(path: Path) -> None:
    packed = path.with_name(path.name + _PACKED)
    descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(descriptor, "wb") as file, gzip.open(file, "wb") as target:
        shutil.copyfileobj(source, target)
    path.unlink()
