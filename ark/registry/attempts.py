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
        warnings = len(context.warnings)
        outcome: _Done | Mismatch | None = None
        failure = None
        try:
            outcome = await attempt(version)
        except APIStatus as error:
            failure = error
        if isinstance(outcome, Mismatch):
            newest = outcome.current
        elif outcome is not None and outcome.changed:
            return outcome
        else:
            newest = await cacher.get(key, None)
            if newest is not None and newest.revision == version.revision:
                if failure is None:
                    return outcome
                try:
                    raise failure
                finally:
                    # Its traceback knows this frame.
                    del failure
        del context.warnings[warnings:]
        version, failure = newest, None
    while version is not None:
        again = await attempt(version)
        if not isinstance(again, Mismatch):
            return again
        version = again.current
    return None
