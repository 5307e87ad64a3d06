"""
A disk that can be filled without harm.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SkipTest, TestCase


def small_disk(test: TestCase, size: str) -> Path:
    """
    A file system in memory that is gone after the test, for whoever the servers of tests run as.

    @param size: as C{mount} has it.
    """
    folder = Path(mkdtemp(prefix="ark-disk-"))
    test.addCleanup(folder.rmdir)
    command = ["mount", "-t", "tmpfs", "-o", f"{size},mode=0777", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        raise SkipTest("a small file system can be mounted by root only")
    test.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=True)
    return folder


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
