"""
Writing what depends on what is there, while others write it too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, Union

from ark.meta.records import Key, Mismatch, Version
from ark.meta.status import APIStatus
from ark.registry.writing import WriteContext
from ark.watch.cacher import Cacher


class Done(Protocol):
    """
    How an attempt ended that was not overtaken.
    """

    @property
    def changed(self) -> bool:
        """
        Whether anything was written.
        """


_Done = TypeVar("_Done", bound=Done)
Attempt = Callable[[Version], Awaitable[Union[_Done, Mismatch]]]


async def attempted(cacher: Cacher, key: Key, attempt: Attempt[_Done], context: WriteContext) -> _Done | None:
    """
    What came of a write to an object, tried again while others write it; L{None} if there is none.

    The first try is with what is at hand: if it is not the newest, the commit finds out.  What
    is not committed has to be tried with the newest, like C{GuaranteedUpdate} of
    C{k8s.io/apiserver/pkg/storage/etcd3/store.go}.

    @param attempt: writes what it makes of a version, or is told of a newer one.
    @raise APIStatus: what C{attempt} raises of the newest version.
    """
    version = None if context.dry_run else await cacher.get_recent(key)
    if version is None:
        version = await cacher.get(key, None)
    else:
        done, version = await _tried(cacher, version, attempt, context)
        if done is not None:
            return done
    while version is not None:
        outcome = await attempt(version)
        if not isinstance(outcome, Mismatch):
            return outcome
        version = outcome.current
    return None


async def _tried(
    cacher: Cacher, version: Version, attempt: Attempt[_Done], context: WriteContext
) -> tuple[_Done | None, Version | None]:
    """
    What came of a try with a version that need not be the newest, or the newest to try with.
    """
    warnings = len(context.warnings)
    done, failure = None, None
    try:
        outcome = await attempt(version)
    except APIStatus as error:
        failure = error
    else:
        if isinstance(outcome, Mismatch):
            del context.warnings[warnings:]
            return None, outcome.current
        if outcome.changed:
            return outcome, version
        done = outcome
    newest = await cacher.get(version.key, None)
    if newest is not None and newest.revision == version.revision:
        if failure is not None:
            try:
                raise failure
            finally:
                # Its traceback knows this frame.
                del failure
        return done, version
    del context.warnings[warnings:]
    return None, newest
