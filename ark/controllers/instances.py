"""
All objects of a kind whose definition is being deleted.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.meta.options import DeleteOptions
from ark.meta.records import Key, Range
from ark.meta.status import APIStatus
from ark.registry.store import Store, WriteContext

USER = UserInfo("system:apiserver", groups=(MASTERS_GROUP,))
PAGE = 100


class Instances:
    """
    Deletes them and counts what is left.

    @param store: where they are kept; L{None} if nobody could ever make one.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store

    async def count(self) -> int:
        """
        How many there are.
        """
        store = self._store
        return 0 if store is None else await store.cacher.count(Range(store.kind.resource))

    async def delete(self) -> list[str]:
        """
        Ask for the deletion of each; those with finalizers stay for now.

        @return: what went wrong.
        """
        errors: list[str] = []
        store = self._store
        after: tuple[str, str] | None = None
        while store is not None:
            page = await store.cacher.list(Range(store.kind.resource, None, after), PAGE, None)
            # Together, so that they are committed together.
            deleting = [Deferred.fromCoroutine(_delete(store, version.key)) for version in page.versions]
            told: list[str] = await gatherResults(deleting, consumeErrors=True)
            errors += filter(None, told)
            if not page.more:
                break
            last = page.versions[-1].key
            after = (last.namespace, last.name)
        return errors


async def _delete(store: Store, key: Key) -> str:
    options = DeleteOptions()
    context = WriteContext(user=USER, options=options)
    try:
        await store.delete(key.namespace, key.name, options, context)
    except APIStatus as status:
        if status.code not in (404, 409):
            return status.message
    return ""
