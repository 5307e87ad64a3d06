"""
How new objects are written.

Follows C{k8s.io/apiserver/pkg/registry/rest/create.go} and C{Create} in
C{registry/generic/registry/store.go}; contract 5.
"""

from __future__ import annotations

from collections.abc import Awaitable
from random import Random
from typing import TYPE_CHECKING, Any

from ark.admission.attributes import CREATE
from ark.apply.managedfields import NOTHING, ManagedFields
from ark.meta import objectmeta
from ark.meta.names import generate_name
from ark.meta.records import ADDED, Change, Committed
from ark.meta.status import APIStatus, already_exists, bad_request, too_large
from ark.meta.time import rfc3339
from ark.registry.admitting import Admitting
from ark.registry.codec import Object, labels_of, new_uid, with_own_metadata
from ark.registry.writing import LARGEST, WriteContext, Written

if TYPE_CHECKING:
    from ark.registry.store import Store

NAME_ATTEMPTS = 8

_random = Random()


def create(store: Store, namespace: str, obj: Object, context: WriteContext) -> Awaitable[Written]:
    """
    Write a new object as a client sent it, which this call may change.

    @raise APIStatus: 400, 403, 404 of the namespace, 409, 422.
    """
    metadata = obj["metadata"]
    for member in objectmeta.SYSTEM_FIELDS:
        metadata.pop(member, None)
    store.match_namespace(namespace, metadata)
    managed = store.tracked(None, obj, NOTHING, context)
    return create_tracked(store, namespace, obj, managed, context)


async def create_tracked(
    store: Store, namespace: str, obj: Object, managed: ManagedFields, context: WriteContext
) -> Written:
    """
    Write a new object of which is known who set what.

    @raise APIStatus: 400, 403, 404 of the namespace, 409, 422.
    """
    admitting = store.admitting(
        CREATE, (namespace, obj["metadata"].get("name", ""), ""), (obj, None), context
    )
    if admitting is not None:
        admitted, managed = await admitting.admit(managed)
        obj = admitted or obj
        store.match_namespace(namespace, obj["metadata"])
    metadata = obj["metadata"]
    if metadata.get("name") or not metadata.get("generateName"):
        return await _create_once(store, namespace, (obj, managed), admitting, context)
    attempt = 0
    while True:
        attempt += 1
        named = with_own_metadata(obj)
        named["metadata"]["name"] = generate_name(metadata["generateName"], _random)
        try:
            return await _create_once(store, namespace, (named, managed), admitting, context)
        except APIStatus as status:
            if status.reason != "AlreadyExists" or attempt == NAME_ATTEMPTS:
                raise


async def _create_once(
    store: Store,
    namespace: str,
    wanted: tuple[Object, ManagedFields],
    admitting: Admitting | None,
    context: WriteContext,
) -> Written:
    obj, managed = wanted
    metadata = obj["metadata"]
    metadata["creationTimestamp"] = rfc3339(store.now())
    metadata["uid"] = new_uid()
    store.strategy.prepare_for_create(obj)
    store.check(obj, None, managed, context)
    if admitting is not None:
        await admitting.validate(obj, managed)
    # What is no number means nothing (C{ObjectResourceVersion} in C{storage/api_object_versioner.go}).
    if (metadata.pop("resourceVersion", "") or "0").strip("0").isdigit():
        raise bad_request("resourceVersion should not be set on objects to be created")
    written = await _insert(store, namespace, obj, managed, context)
    if written is None:
        raise await _taken(store, namespace, metadata)
    return written


async def _insert(
    store: Store, namespace: str, obj: Object, managed: ManagedFields, context: WriteContext
) -> Written | None:
    metadata = obj["metadata"]
    key = store.key(namespace, metadata["name"])
    if context.dry_run:
        if await store.cacher.get(key, None) is not None:
            return None
        return Written(store.served_codec.encode_unwritten(store.shown(obj), managed.text), True)
    stored = store.stored_form(obj) if store.texts is None else await store.asked_form(obj)
    body = store.codec.encode(stored, managed.text)
    if len(body.tail) > LARGEST:
        raise too_large(LARGEST)
    change = Change(key, 0, ADDED, body, labels_of(stored), metadata["uid"])
    answer = store.answering(obj, managed)
    outcome = await store.cacher.commit(change)
    if not isinstance(outcome, Committed):
        return None
    if store.texts is not None:
        await store.texts.prepare((outcome.version.body,))
    return Written(answer(outcome.version), True)


async def _taken(store: Store, namespace: str, metadata: dict[str, Any]) -> APIStatus:
    kind, name = store.kind, metadata["name"]
    status = already_exists(kind.gr, name)
    if metadata.get("generateName"):
        # Whether the name was made of it or not (C{CheckGeneratedNameError}).
        message = f"{status.message}, the server was not able to generate a unique name for the object"
        details = {"name": name, "group": kind.group, "kind": kind.plural}
        status = APIStatus(409, "AlreadyExists", message, details=details, retry_after=1)
    current = await store.cacher.get(store.key(namespace, name), None)
    if current and store.decode(current.body)["metadata"].get("deletionTimestamp"):
        status.message = f"object is being deleted: {status.message}"
    return status
