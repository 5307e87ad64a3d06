"""
What a storage backend may raise.  Nothing else leaves one.
"""

from __future__ import annotations


class StorageError(Exception):
    """
    Storage did not do what it was asked.
    """


class Compacted(StorageError):
    """
    The revision asked for is before the floor.

    @ivar revision: what was asked for.
    @ivar floor: the oldest revision that can be read.
    """

    def __init__(self, revision: int, floor: int) -> None:
        super().__init__(f"revision {revision} was compacted; the oldest is {floor}")
        self.revision = revision
        self.floor = floor


class Unavailable(StorageError):
    """
    The database cannot be reached or is busy; nothing was written.
    """


class TimedOut(Unavailable):
    """
    The database did not answer in time; nothing was written.
    """


class Denied(Unavailable):
    """
    The database does not let this role or user do that, until somebody gives it the right.
    """


class StorageFull(StorageError):
    """
    There is no room to write; reads go on.
    """


class OutcomeUnknown(StorageError):
    """
    A commit may or may not have happened, and there is no way to find out.
    """


class UnusableDatabase(StorageError):
    """
    The database cannot be opened: unknown version, corrupt, wrong owner, or in use.

    @ivar remedy: one sentence that says what to do.
    @ivar passing: whether it may be usable soon though nobody does anything.
    """

    passing = False

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.remedy = remedy
