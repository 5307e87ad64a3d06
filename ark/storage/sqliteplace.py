"""
Where an SQLite file lies: what its file system must be, and who may write to it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ark.storage.errors import UnusableDatabase

#: The mounts that this process sees, as C{proc(5)} describes them.
MOUNTS = Path("/proc/self/mountinfo")

#: SQLite's log is read through memory that processes share, which those on two machines do not; and
#: locks of such file systems keep no promise (U{https://www.sqlite.org/wal.html}, section 1).
NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "lustre",
        "beegfs",
        "gpfs",
        "pvfs2",
        "ocfs2",
        "gfs2",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.juicefs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.seaweedfs",
        "fuse.sshfs",
    }
)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_REMEDIES = {
    errno.EROFS: "Mount its file system read-write, or give --db-path another place.",
    **dict.fromkeys(_NO_ROOM, "Make room there and start again."),
}


def no_place(error: OSError, path: Path) -> UnusableDatabase:
    """
    What a failure of the file system means.

    @param path: where it was, if the error does not know.
    """
    remedy = _REMEDIES.get(error.errno or 0, "Give --db-path a place that the server's user may write to.")
    return UnusableDatabase(f"{error.filename or path}: {error.strerror}", remedy)


def file_system(path: Path) -> str:
    """
    The type of the file system on which something lies, as C{mount} names it; empty where that is not known.
    """
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for fields in map(str.split, lines):
        if fields[2] == number and "-" in fields:
            return fields[fields.index("-") + 1]
    return ""


def room(path: Path) -> int:
    """
    How many bytes may still be written beside a file.
    """
    free = os.statvfs(path.parent)
    return free.f_bavail * free.f_frsize


def check_place(path: Path) -> None:
    """
    See whether a database can be kept there.

    @raise UnusableDatabase: with the cause and what to do about it.
    """
    if path.is_dir():
        raise UnusableDatabase(f"{path} is a directory", "Give --db-path the name of a file in it.")
    if not path.parent.is_dir():
        raise UnusableDatabase(
            f"{path.parent} is not a directory", "Create it, or give --db-path another place."
        )
    if (kind := file_system(path.parent)) in NETWORK:
        raise UnusableDatabase(
            f"{path} is on a network file system ({kind})",
            "Keep it on a local disk; servers on several machines need --storage=postgresql or mysql.",
        )
    _check_files(path, Path(f"{path}-wal"))


def _check_files(path: Path, wal: Path) -> None:
    empty = not path.exists() or not path.stat().st_size
    if empty and wal.exists() and wal.stat().st_size:
        raise UnusableDatabase(
            f"{path} is missing or empty, but its write-ahead log {wal.name} is there",
            "Put the database file back beside its log; only if the data may be lost, remove the log.",
        )
    if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        raise no_place(OSError(errno.EROFS, os.strerror(errno.EROFS)), path)
    for each in (path, wal, Path(f"{path}-shm"), path.parent):
        if each.exists() and not os.access(each, os.R_OK | os.W_OK):
            raise UnusableDatabase(
                f"{each} cannot be written by user {os.geteuid()} (owner {each.stat().st_uid})",
                f"Give it to the server's user: chown {os.geteuid()} {each}, and chmod u+rw.",
            )
