"""
Bringing a cluster's custom resources to what a database has: the way back.

What the cluster still has of an object is changed where it is other, and so keeps its uid.  An object that was
made since is made anew, and gets a uid and a time of its own, for kube-apiserver gives those to
whatever is created; references to it from objects that are moved with it follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ark.interfaces import ICluster, IStorageBackend
from ark.meta.records import Key, Range
from ark.meta.status import APIStatus
from ark.moving.objects import GROUP, Collection, kept, pages
from ark.registry.codec import Object
from ark.storage.copying import CopyError, Progress

FORMER_UID = f"{GROUP}/former-uid"
"""
The annotation of an object that was made anew, which says what its uid was.
"""

_MERGE = "application/merge-patch+json"
_MISSING = 404
_SYSTEM = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp", "selfLink")
_OWN = ("apiVersion", "kind", "metadata", "status")


class Exported(NamedTuple):
    """
    What was done.

    @ivar kept: the objects that the cluster had as they are.
    @ivar renewed: those that have another uid now.
    """

    kept: int = 0
    changed: int = 0
    renewed: int = 0
    removed: int = 0


class Exporter:
    """
    Writes to a cluster what a database has.
    """

    def __init__(
        self,
        cluster: ICluster,
        backend: IStorageBackend,
        collections: Sequence[Collection],
        progress: Progress,
    ) -> None:
        self._cluster = cluster
        self._backend = backend
        self._collections = collections
        self._progress = progress
        self._uids: dict[str, str] = {}
        self._owned: list[tuple[Collection, Object, Object]] = []
        self._done = Exported()

    async def export(self) -> Exported:
        """
        Make, change and remove objects until the cluster has what the database has.

        @raise CopyError: some could not be written.
        """
        theirs = {
            collection.key_of(obj): obj
            for collection in self._collections
            async for page in pages(self._cluster, collection)
            for obj in page.items
        }
        total = sum([await self._backend.count(Range(each.resource)) for each in self._collections])
        self._progress.begin("objects to compare", total)
        waiting: list[tuple[Collection, Object]] = []
        ours: set[Key] = set()
        new = await self._change(theirs, waiting, ours)
        await self._make(waiting, new)
        for collection, there, obj in self._owned:
            await self._update(collection, there, obj)
        for collection in self._collections:
            gone = [key for key in theirs if key.resource == collection.resource and key not in ours]
            for key in sorted(gone):
                await self._remove(collection, theirs[key])
        return self._done

    async def _change(
        self, theirs: Mapping[Key, Object], waiting: list[tuple[Collection, Object]], ours: set[Key]
    ) -> set[str]:
        """
        Change what the cluster has, and find what it has not.

        @return: the uids of what has to be made.
        """
        new: set[str] = set()
        for collection in self._collections:
            async for version in kept(self._backend, collection):
                key, obj = version.key, orjson.loads(version.body)
                ours.add(key)
                there = theirs.get(key)
                if there is not None and await self._is_there(collection, there, obj):
                    self._progress.advance(1)
                    continue
                if there is not None:
                    await self._remove(collection, there)
                new.add(obj["metadata"]["uid"])
                waiting.append((collection, obj))
        return new

    async def _is_there(self, collection: Collection, there: Object, obj: Object) -> bool:
        """
        Bring what the cluster has to what it should be, if it is the same object.
        """
        metadata, uid = there["metadata"], obj["metadata"]["uid"]
        if metadata["uid"] == uid:
            if obj["metadata"].get("ownerReferences"):
                # Not before it is known what uids the owners have.
                self._owned.append((collection, there, obj))
            else:
                await self._update(collection, there, obj)
            return True
        if (metadata.get("annotations") or {}).get(FORMER_UID) != uid:
            return False
        # It was made by an export that was stopped.
        self._uids[uid] = metadata["uid"]
        await self._write_status(collection, there, obj)
        self._done = self._done._replace(kept=self._done.kept + 1)
        return True

    async def _make(self, waiting: list[tuple[Collection, Object]], new: set[str]) -> None:
        """
        Make objects, owners before what they own: who names an owner that is not there is collected.
        """
        while waiting:
            left = []
            for collection, obj in waiting:
                if any(uid in new and uid not in self._uids for uid in _owners(obj)):
                    left.append((collection, obj))
                else:
                    await self._create(collection, obj)
                    self._progress.advance(1)
            if len(left) == len(waiting):
                # They own each other: nobody can be first.
                for _, obj in left:
                    obj["metadata"]["ownerReferences"] = [
                        reference
                        for reference in obj["metadata"]["ownerReferences"]
                        if reference["uid"] not in new
                    ]
            waiting = left

    async def _create(self, collection: Collection, obj: Object) -> None:
        self._follow_owners(obj)
        metadata = {name: value for name, value in obj["metadata"].items() if name not in _SYSTEM}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), FORMER_UID: obj["metadata"]["uid"]}
        path = collection.path_in(metadata.get("namespace", ""))
        made = await self._ask("POST", path, {**obj, "metadata": metadata})
        self._uids[obj["metadata"]["uid"]] = made["metadata"]["uid"]
        await self._write_status(collection, made, obj)
        if "deletionTimestamp" in obj["metadata"]:
            await self._delete(collection.path_of(collection.key_of(obj)))
        self._done = self._done._replace(renewed=self._done.renewed + 1)

    async def _update(self, collection: Collection, there: Object, obj: Object) -> None:
        self._follow_owners(obj)
        path = collection.path_of(collection.key_of(obj))
        written = there
        if _own(there) != _own(obj):
            metadata = {**obj["metadata"], "resourceVersion": there["metadata"]["resourceVersion"]}
            written = await self._ask("PUT", path, {**obj, "metadata": metadata})
        await self._write_status(collection, written, obj)
        if "deletionTimestamp" in obj["metadata"] and "deletionTimestamp" not in there["metadata"]:
            await self._delete(path)
        changed = written is not there or there.get("status") != obj.get("status")
        self._done = self._done._replace(
            changed=self._done.changed + changed, kept=self._done.kept + (not changed)
        )

    def _follow_owners(self, obj: Object) -> None:
        for reference in obj["metadata"].get("ownerReferences") or ():
            reference["uid"] = self._uids.get(reference["uid"], reference["uid"])

    async def _write_status(self, collection: Collection, there: Object, obj: Object) -> None:
        if not collection.kind.has_status or there.get("status") == obj.get("status"):
            return
        path = f"{collection.path_of(collection.key_of(obj))}/status"
        body = {name: value for name, value in there.items() if name != "status"}
        if "status" in obj:
            body["status"] = obj["status"]
        await self._ask("PUT", path, body)

    async def _remove(self, collection: Collection, obj: Object) -> None:
        """
        Remove an object at once: those that its finalizers wait for did their work when it was
        deleted where it was served since.
        """
        path = collection.path_of(collection.key_of(obj))
        if obj["metadata"].get("finalizers"):
            await self._ask("PATCH", path, {"metadata": {"finalizers": None}}, content_type=_MERGE)
        await self._delete(path)
        self._done = self._done._replace(removed=self._done.removed + 1)

    async def _delete(self, path: str) -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        try:
            await self._cluster.request("DELETE", path, options)
        except APIStatus as status:
            if status.code != _MISSING:
                raise

    async def _ask(self, method: str, path: str, body: Any, **how: Any) -> dict[str, Any]:
        try:
            return await self._cluster.request(method, path, body, **how)
        except APIStatus as status:
            raise CopyError(
                f"{path} cannot be written: {status.message}.",
                "Correct the object or its definition; run the same command again to go on.",
            ) from None


def _owners(obj: Object) -> Iterable[str]:
    return (reference["uid"] for reference in obj["metadata"].get("ownerReferences") or ())


def _own(obj: Object) -> dict[str, Any]:
    """
    What a client can write of an object but its status.
    """
    metadata = {
        name: value
        for name, value in obj["metadata"].items()
        if name not in _SYSTEM and name != "managedFields"
    }
    return {"metadata": metadata, **{name: value for name, value in obj.items() if name not in _OWN}}
