"""
What the garbage collector does to objects.

Follows C{patch.go}, C{operations.go} and C{deleteObject} of
C{k8s.io/kubernetes/pkg/controller/garbagecollector}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.controllers.garbagenodes import ObjectReference
from ark.controllers.garbageowners import Live, OwnerLookup
from ark.meta.options import DeleteOptions
from ark.meta.status import APIStatus
from ark.registry.codec import with_own_metadata
from ark.registry.store import WriteContext

USER = UserInfo("system:serviceaccount:kube-system:generic-garbage-collector", groups=(MASTERS_GROUP,))
FIELD_MANAGER = "kube-controller-manager"
"""Who writes, in C{managedFields}: there it is the program that the collector is a part of."""


class Changed(Exception):
    """
    The owners of an object changed while it was judged.
    """

    def __init__(self, reference: ObjectReference) -> None:
        super().__init__(f"the owners of {reference} have changed")


class _Gone(Exception):
    """
    Another object has the name by now.
    """


class GarbageActions:
    """
    Writes through the stores, as any client would; an object that has gone is no failure.
    """

    def __init__(self, lookup: OwnerLookup) -> None:
        self._lookup = lookup

    async def delete(self, reference: ObjectReference, live: Live, policy: str) -> bool:
        """
        Delete an object if it is still as it was judged.

        @param live: as it was judged.
        @return: whether it was there.
        @raise Changed: its owners are others by now.
        """
        revision: str | None = live.metadata["resourceVersion"]
        while True:
            options = DeleteOptions(
                propagation_policy=policy,
                precondition_uid=reference.uid,
                precondition_resource_version=revision,
            )
            try:
                await live.store.delete(reference.namespace, reference.name, options, _context(options))
                return True
            except APIStatus as status:
                if status.code == 404:
                    return False
                if status.code != 409 or revision is None:
                    raise
            now = await self._lookup.live(reference)
            if now is None:
                return False
            if now.metadata.get("ownerReferences") != live.metadata.get("ownerReferences"):
                raise Changed(reference)
            # Others who write it often must not keep it from going.
            revision = None

    async def remove_owners(self, reference: ObjectReference, uids: set[str]) -> None:
        """
        Take owners off an object.
        """

        def without(metadata: dict[str, Any]) -> None:
            kept = [owner for owner in metadata.get("ownerReferences") or () if owner["uid"] not in uids]
            if kept:
                metadata["ownerReferences"] = kept
            else:
                metadata.pop("ownerReferences", None)

        await self._change(reference, without)

    async def unblock_owners(self, reference: ObjectReference) -> None:
        """
        Let no owner wait for an object.
        """

        def unblocked(metadata: dict[str, Any]) -> None:
            owners = metadata.get("ownerReferences") or ()
            metadata["ownerReferences"] = [{**owner, "blockOwnerDeletion": False} for owner in owners]

        await self._change(reference, unblocked)

    async def remove_finalizer(self, reference: ObjectReference, finalizer: str) -> None:
        """
        Take a finalizer off an object.
        """

        def without(metadata: dict[str, Any]) -> None:
            kept = [name for name in metadata.get("finalizers") or () if name != finalizer]
            if kept:
                metadata["finalizers"] = kept
            else:
                metadata.pop("finalizers", None)

        await self._change(reference, without)

    async def _change(self, reference: ObjectReference, change: Callable[[dict[str, Any]], None]) -> None:
        """
        Change the metadata of an object, if it is still there.
        """

        def transform(old: dict[str, Any] | None) -> dict[str, Any]:
            if old is None or old["metadata"]["uid"] != reference.uid:
                raise _Gone
            new = with_own_metadata(old)
            change(new["metadata"])
            return new

        store = self._lookup.store(reference.api_version, reference.kind)
        try:
            await store.update(reference.namespace, reference.name, transform, _context())
        except _Gone:
            return
        except APIStatus as status:
            if status.code != 404:
                raise


def _context(options: DeleteOptions | None = None) -> WriteContext:
    return WriteContext(user=USER, field_manager=FIELD_MANAGER, options=options)
