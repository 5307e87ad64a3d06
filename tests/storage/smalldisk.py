"""
A disk that can be filled without harm.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SkipTest, TestCase


@contextmanager
def mounted(size: str) -> Iterator[Path]:
    """
    A file system in memory, for whoever the servers of tests run as.

    @param size: as C{mount} has it.
    @raise SkipTest: it cannot be had here.
    """
    folder = Path(mkdtemp(prefix="ark-disk-"))
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"{size},mode=0777", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
            raise SkipTest("a small file system can be mounted by root only")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    finally:
        folder.rmdir()


def small_disk(test: TestCase, size: str) -> Path:
    """
    A file system as L{mounted} makes it, which is gone after the test.
    """
    stack = ExitStack()
    test.addCleanup(stack.close)
    return stack.enter_context(mounted(size))


def fill(folder: Path, rest: int) -> Path:
    """
    Take all room but some bytes.

    @return: the file that takes it.
    """
    filler = folder / "filler"
    room = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - rest)
    return filler
