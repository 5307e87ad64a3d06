"""
The marks of databases that are copied: what they say, and what a server does about them.

A mark keeps a database from being written (L{ark.interfaces.IRestores}).  It is a JSON
object: of a database that is being copied into, how far that has come; of one that was
copied from, where it went.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from ark.interfaces import IRestores
from ark.meta.records import Key
from ark.storage.errors import UnusableDatabase

#: What whoever wants to write a marked database is told.
HELD = "writes are held: the database is being moved by ark-server copy, or was moved"

_USER = re.compile(r"(?<=://)[^@]*@")
_MOVED = "moved to"
_SOURCE = "copied from"


class CopyState(NamedTuple):
    """
    How far a copy into a database has come.

    First come the versions that were live at C{base}, in the order of their keys; when all
    are there, the log after C{base}, up to the counter of the database.

    @ivar source: the database it comes from, without its password.
    @ivar after: the last key that was copied; L{None} before the first one.
    @ivar whole: all that was live at C{base} is there.
    @ivar following: it had all that the source had, and a server may read it.
    """

    source: str
    base: int
    after: Key | None = None
    whole: bool = False
    following: bool = False

    def to_mark(self) -> str:
        """
        The text of the mark.
        """
        members = self._asdict()
        source, after = members.pop("source"), members.pop("after")
        return orjson.dumps({_SOURCE: source, "after": after and list(after), **members}).decode()


def moved_mark(target: str) -> str:
    """
    The mark of a database that all that is to come goes to C{target} instead.
    """
    return orjson.dumps({_MOVED: target}).decode()


def _members(mark: str) -> dict[str, Any]:
    try:
        members = orjson.loads(mark)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def copy_state(mark: str) -> CopyState | None:
    """
    What the mark of a copy says; L{None} of any other one.
    """
    members = _members(mark)
    if _SOURCE not in members:
        return None
    after = members.pop("after")
    return CopyState(members.pop(_SOURCE), after=None if after is None else Key(*after), **members)


def moved_to(mark: str) -> str:
    """
    Where a database was moved; empty when it was not.
    """
    return str(_members(mark).get(_MOVED, ""))


def is_same_place(one: str, other: str) -> bool:
    """
    Whether two names are of one database, be it as different users.
    """
    return _USER.sub("", one, count=1) == _USER.sub("", other, count=1)


async def check_servable(backend: Any) -> None:
    """
    See that a server may serve a database: a copy that follows its source may be read.

    @raise UnusableDatabase: it may not.
    """
    restores = IRestores(backend, None)
    mark = await restores.mark() if restores is not None else ""
    if not mark:
        return
    moved, state = moved_to(mark), copy_state(mark)
    if moved:
        raise UnusableDatabase(
            f"the database was moved to {moved}",
            "Serve that one; if this one is to be used all the same, run ark-server copy --release on it",
        )
    if state is None or not state.following:
        raise UnusableDatabase(
            f"the database is an unfinished copy of {state.source if state else 'another one'}",
            "Let ark-server copy finish first, or run it again if it was stopped",
        )
