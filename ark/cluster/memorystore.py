"""
The store behind a cluster in memory: what kube-apiserver does with objects, less their schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from twisted.internet.interfaces import IReactorTime

from ark.apply.jsonpatch import PatchFailed, apply_json_patch
from ark.apply.mergepatch import merge_patch
from ark.cluster.followed import Object, Place, place_of
from ark.cluster.paths import APIPath
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.meta.status import (
    MODIFIED_MEANWHILE,
    APIStatus,
    already_exists,
    bad_request,
    conflict,
    method_not_allowed,
    no_such_resource,
    not_found,
    success,
    unsupported_media_type,
)
from ark.meta.time import rfc3339

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

See = Callable[[Place, "Object | None"], None]
"""
Told of an object that was just stored, or L{None} when it is gone.
"""


class Asked(NamedTuple):
    """
    A request that was made.
    """

    method: str
    path: str
    body: Any
    query: Mapping[str, str]
    content_type: str


class Collection:
    """
    The objects of one resource, and who is told of changes.
    """

    def __init__(self) -> None:
        self.objects: dict[Place, Object] = {}
        self.followers: list[See] = []


class MemoryStore:
    """
    Collections of objects, with one revision over all of them.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._revision = 0
        self._collections: dict[str, Collection] = {}

    def of(self, path: APIPath) -> Collection:
        """
        The collection that a path leads into.
        """
        return self._collections.setdefault(path.collection, Collection())

    def serve(self, asked: Asked) -> dict[str, Any]:
        """
        The answer to a request, not to be changed.

        @raise APIStatus: as kube-apiserver refuses it.
        """
        path = APIPath.of(asked.path)
        if path is None or path.subresource not in ("", "status"):
            raise no_such_resource()
        if not path.name:
            verbs = {"GET": self._list, "POST": self._create}
        else:
            verbs = {"GET": self._get, "PUT": self._update, "PATCH": self._patch, "DELETE": self._delete}
        verb = verbs.get(asked.method)
        if verb is None:
            raise method_not_allowed()
        answer: dict[str, Any] = verb(path, asked)
        return answer

    def _list(self, path: APIPath, asked: Asked) -> Any:
        selects = selection(path, asked.query)
        objects = sorted(self.of(path).objects.items())
        items = [obj for _, obj in objects if selects(obj)]
        kind = f"{items[0].get('kind', '')}List" if items else "List"
        metadata = {"resourceVersion": str(self._revision)}
        return {"kind": kind, "apiVersion": path.api_version, "metadata": metadata, "items": items}

    def _get(self, path: APIPath, asked: Asked) -> Any:
        return self._found(path)

    def _create(self, path: APIPath, asked: Asked) -> Any:
        obj = _object(asked.body)
        if path.namespace:
            obj["metadata"]["namespace"] = path.namespace
        if not obj["metadata"].get("name"):
            raise bad_request("name or generateName is required")
        place = place_of(obj)
        if place in self.of(path).objects:
            raise already_exists(path.group_resource, place[1])
        if obj["metadata"].pop("resourceVersion", ""):
            raise bad_request("resourceVersion should not be set on objects to be created")
        return self.write(path, obj, None)

    def _update(self, path: APIPath, asked: Asked) -> Any:
        return self._change(path, _object(asked.body), self._found(path))

    def _patch(self, path: APIPath, asked: Asked) -> Any:
        old = self._found(path)
        if asked.content_type == MERGE_PATCH:
            return self._change(path, copied(merge_patch(old, asked.body)), old)
        if asked.content_type != JSON_PATCH:
            raise unsupported_media_type((JSON_PATCH, MERGE_PATCH))
        try:
            return self._change(path, apply_json_patch(old, asked.body), old)
        except PatchFailed as error:
            raise APIStatus(422, "Invalid", str(error)) from error

    def _change(self, path: APIPath, new: Object, old: Object) -> Object:
        if path.subresource:
            status = {"status": new["status"]} if "status" in new else {}
            new = {**{name: value for name, value in old.items() if name != "status"}, **status}
        metadata, before = new["metadata"], old["metadata"]
        for name in ("uid", "resourceVersion"):
            if metadata.get(name) not in (None, "", before[name]):
                raise conflict(path.group_resource, path.name, MODIFIED_MEANWHILE)
        return self.write(path, new, old)

    def _delete(self, path: APIPath, asked: Asked) -> Any:
        obj = self._found(path)
        metadata = obj["metadata"]
        for name, value in ((asked.body or {}).get("preconditions") or {}).items():
            if value != metadata.get(name):
                raise conflict(path.group_resource, path.name, "Precondition failed")
        if not metadata.get("finalizers"):
            self.drop(path, place_of(obj))
            return success(path.group_resource, path.name, metadata["uid"])
        if "deletionTimestamp" in metadata:
            return obj
        dying = {**metadata, "deletionTimestamp": self._time(), "deletionGracePeriodSeconds": 0}
        return self._store(path, {**obj, "metadata": dying})

    def _found(self, path: APIPath) -> Object:
        found = self.of(path).objects.get((path.namespace, path.name))
        if found is None:
            raise not_found(path.group_resource, path.name)
        return found

    def _time(self) -> str:
        return rfc3339(self._clock.seconds())

    def write(self, path: APIPath, new: Object, old: Object | None) -> Object:
        """
        Store an object, in the place of C{old} if there was one.

        @return: the object as it is now, not to be changed.
        """
        metadata = new["metadata"]
        if not metadata.get("namespace"):
            metadata.pop("namespace", None)
        new.setdefault("apiVersion", path.api_version)
        if old is None:
            metadata.setdefault("uid", str(UUID(int=self._revision + 1)))
            metadata.setdefault("creationTimestamp", self._time())
            return self._store(path, new)
        before = old["metadata"]
        for name in ("uid", "creationTimestamp", "resourceVersion", "deletionTimestamp"):
            if name in before:
                metadata[name] = before[name]
        new.setdefault("kind", old.get("kind", ""))
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self.drop(path, place_of(old))
            return new
        return old if new == old else self._store(path, new)

    def _store(self, path: APIPath, obj: Object) -> Object:
        self._revision += 1
        obj["metadata"]["resourceVersion"] = str(self._revision)
        place = place_of(obj)
        collection = self.of(path)
        collection.objects[place] = obj
        for see in tuple(collection.followers):
            see(place, obj)
        return obj

    def drop(self, path: APIPath, place: Place) -> None:
        """
        Take an object away.

        @raise KeyError: there is none.
        """
        collection = self.of(path)
        del collection.objects[place]
        self._revision += 1
        for see in tuple(collection.followers):
            see(place, None)


def copied(value: Any) -> Any:
    """
    A copy of a JSON value that shares nothing with it.
    """
    return orjson.loads(orjson.dumps(value))


def _object(body: Any) -> Object:
    if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
        raise bad_request("the body is not an object with metadata")
    return body


def selection(path: APIPath, query: Mapping[str, str]) -> Callable[[Object], bool]:
    """
    Which objects a list or watch of C{path} is about.
    """
    labels = parse_label_selector(query.get("labelSelector", ""))
    fields = parse_field_selector(query.get("fieldSelector", ""))

    def selects(obj: Object) -> bool:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or ""
        if path.namespace and namespace != path.namespace:
            return False
        named = {"metadata.name": metadata["name"], "metadata.namespace": namespace}
        return fields.matches(named) and labels.matches(metadata.get("labels") or {})

    return selects
