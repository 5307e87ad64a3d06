"""
Files that only their owner may read, written all or not at all.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, data: bytes, mode: int = 0o600) -> None:
    """
    Put C{data} into C{path}, so that a reader sees the old content or the new one.

    A link is followed: what it points to is replaced.

    @raise OSError: it cannot be written; the old content stays.
    """
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_private_directory(path: Path) -> None:
    """
    Make a directory, and those above it, that nobody else may enter.  One that exists stays as it is.

    @raise OSError: it cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
