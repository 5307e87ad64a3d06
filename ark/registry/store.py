"""
How objects of a kind are read and written: the generic REST flow.

Follows C{k8s.io/apiserver/pkg/registry/generic/registry/store.go} and
C{registry/rest/{create,update}.go}; contract 5 to 7, 9 and 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from ark.admission.attributes import CREATE, DELETE, UPDATE, Attributes
from ark.admission.chain import AdmissionChain
from ark.apis.kind import Kind
from ark.meta import objectmeta
from ark.meta.fielderrors import invalid as invalid_value
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.names import generate_name
from ark.meta.options import DeleteOptions
from ark.meta.records import ADDED, MODIFIED, Change, Committed, Key, Version
from ark.meta.resourceversion import parse_resource_version
from ark.meta.status import (
    MODIFIED_MEANWHILE,
    APIStatus,
    Cause,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_found,
)
from ark.meta.time import rfc3339
from ark.registry.codec import Codec, Object, labels_of, new_uid, same_json, with_own_metadata
from ark.registry.core import strategy_for
from ark.registry.deletion import Deleted, finalizers_after, is_finished, marked, removed
from ark.registry.schema import Processor, compile_schema
from ark.watch.cacher import Cacher

NAME_ATTEMPTS = 8

Transform = Callable[["Object | None"], Object]
"""
Makes the wanted object of a copy of the stored one (L{None}: there is none).  It is
called again with a newer one when another write came between.
"""


@dataclass
class WriteContext:
    """
    Who writes, and how.

    @ivar warnings: collected for the C{Warning} headers.
    """

    user: Any = None
    dry_run: bool = False
    field_manager: str = ""
    options: Any = None
    warnings: list[str] = field(default_factory=list)


class Written(NamedTuple):
    """
    The text to answer a write with, and whether the object is new.
    """

    text: bytes
    created: bool = False


class Store:
    """
    The objects of one served version of one resource.

    @ivar kind: the version that clients of this store see.
    @ivar storage_kind: the version that objects are stored in.
    @ivar converts: whether that is another version than the one objects are stored in.
    """

    def __init__(
        self,
        kind: Kind,
        storage_kind: Kind,
        cacher: Cacher,
        admission: AdmissionChain,
        now: Callable[[], float],
    ) -> None:
        self.kind = kind
        self.storage_kind = storage_kind
        self.cacher = cacher
        self.admission = admission
        self.now = now
        self.strategy = strategy_for(kind)
        self.processor: Processor = compile_schema(kind)
        self.codec = Codec(storage_kind.api_version, storage_kind.kind)
        self._served_codec = Codec(kind.api_version, kind.kind)
        self.converts = kind.api_version != storage_kind.api_version
        self._storage_processor = compile_schema(storage_kind) if self.converts else self.processor
        self._random = Random()

    def key(self, namespace: str, name: str) -> Key:
        """
        Where an object of this resource is stored.
        """
        return Key(self.kind.resource, namespace if self.kind.namespaced else "", name)

    def serve(self, text: bytes) -> bytes:
        """
        A stored text in the version of this store.
        """
        if not self.converts:
            return text
        obj = self.decode(text)
        revision = obj["metadata"]["resourceVersion"]
        return self._served_codec.encode(obj).at(int(revision))

    def decode(self, text: bytes) -> Object:
        """
        The object of a stored text in the version of this store, a new one at each call.
        """
        obj = self.codec.decode(text)
        if self.converts:
            obj["apiVersion"] = self.kind.api_version
            self.processor.settle(obj)
        return obj

    def fields(self, text: bytes) -> dict[str, str]:
        """
        The values that field selectors compare, but those of the key.
        """
        obj = self.codec.decode(text)
        return {name: read(obj) for name, read in self.kind.field_readers}

    def not_found(self, name: str) -> APIStatus:
        """
        The answer about an object that does not exist.
        """
        return not_found(self.kind.gr, name)

    async def get(self, namespace: str, name: str, minimum: int | None = None) -> bytes:
        """
        The text of an object.

        @param minimum: L{None} for the newest, C{0} for any, or a revision that it must
            not be older than (contract 11.1).
        @raise APIStatus: 404; 504 when C{minimum} is too far in the future.
        """
        version = await self.cacher.get(self.key(namespace, name), minimum)
        if version is None:
            raise self.not_found(name)
        return self.serve(version.body)

    # Creation

    async def create(self, namespace: str, obj: Object, context: WriteContext) -> Written:
        """
        Write a new object, which this call may change.

        @raise APIStatus: 400, 403, 404 of the namespace, 409, 422.
        """
        metadata = obj["metadata"]
        for member in objectmeta.SYSTEM_FIELDS:
            metadata.pop(member, None)
        # Who set what is not recorded, and no client may say it.
        metadata.pop("managedFields", None)
        self.match_namespace(namespace, metadata)
        context.warnings.extend(objectmeta.deduplicate_owner_references(metadata))
        if metadata.get("name") or not metadata.get("generateName"):
            return await self._create_once(namespace, obj, context)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._create_once(namespace, with_own_metadata(obj), context)
            except APIStatus as status:
                if status.reason != "AlreadyExists" or attempt == NAME_ATTEMPTS:
                    raise

    async def _create_once(self, namespace: str, obj: Object, context: WriteContext) -> Written:
        metadata = obj["metadata"]
        generated = not metadata.get("name") and bool(metadata.get("generateName"))
        attributes = self._attributes(CREATE, namespace, metadata.get("name", ""), obj, None, context)
        if self.admission.handles(CREATE):
            await self.admission.admit(attributes)
            obj = attributes.object or obj
            metadata = obj["metadata"]
        metadata["creationTimestamp"] = rfc3339(self.now())
        metadata["uid"] = new_uid()
        if generated:
            metadata["name"] = generate_name(metadata["generateName"], self._random)
        self.strategy.prepare_for_create(obj)
        self._check(obj, None, context)
        if self.admission.handles(CREATE):
            await self.admission.validate(attributes)
        # What is no number means nothing (C{ObjectResourceVersion} in C{storage/api_object_versioner.go}).
        if (metadata.pop("resourceVersion", "") or "0").strip("0").isdigit():
            raise bad_request("resourceVersion should not be set on objects to be created")
        written = await self._insert(namespace, obj, context)
        if written is None:
            raise await self._taken(namespace, metadata["name"], generated)
        return written

    async def _insert(self, namespace: str, obj: Object, context: WriteContext) -> Written | None:
        metadata = obj["metadata"]
        key = self.key(namespace, metadata["name"])
        if context.dry_run:
            if await self.cacher.get(key, None) is not None:
                return None
            return Written(self._served_codec.encode_unwritten(obj), True)
        body = self.codec.encode(self._stored_form(obj))
        change = Change(key, 0, ADDED, body, labels_of(obj), metadata["uid"])
        outcome = await self.cacher.commit(change)
        if not isinstance(outcome, Committed):
            return None
        return Written(self._answer(obj, outcome.version), True)

    async def _taken(self, namespace: str, name: str, generated: bool) -> APIStatus:
        if generated:
            message = (
                f'{self.kind.gr} "{name}" already exists, '
                "the server was not able to generate a unique name for the object"
            )
            details = {"name": name, "group": self.kind.group, "kind": self.kind.plural}
            return APIStatus(409, "AlreadyExists", message, details=details, retry_after=1)
        status = already_exists(self.kind.gr, name)
        current = await self.cacher.get(self.key(namespace, name), None)
        if current and self.decode(current.body)["metadata"].get("deletionTimestamp"):
            status.message = f"object is being deleted: {status.message}"
        return status

    # Update

    async def update(
        self,
        namespace: str,
        name: str,
        transform: Transform,
        context: WriteContext,
        subresource: str = "",
        uid: str = "",
    ) -> Written:
        """
        Write what C{transform} makes of an object, trying again while others write it.

        @param subresource: C{status} or C{finalize}: only their part is written.
        @param uid: the uid that the object must have, if any.
        @raise APIStatus: 404, 409, 422; and what C{transform} raises.
        """
        key = self.key(namespace, name)
        version = await self.cacher.get(key, None)
        while True:
            if version is None:
                if subresource or not self.strategy.allow_create_on_update:
                    raise self.not_found(name)
                return await self.create(namespace, transform(None), context)
            done = await self._update_once(key, version, transform, context, subresource, uid)
            if isinstance(done, Written):
                return done
            version = done.current

    async def _update_once(
        self,
        key: Key,
        version: Version,
        transform: Transform,
        context: WriteContext,
        subresource: str,
        uid: str,
    ) -> Any:
        old = self.decode(version.body)
        if uid and uid != old["metadata"]["uid"]:
            why = (
                f"Precondition failed: UID in precondition: {uid}, "
                f"UID in object meta: {old['metadata']['uid']}"
            )
            raise conflict(self.kind.gr, key.name, why)
        new = transform(old)
        self._check_revision(new, version, key.name)
        new = await self._prepared(new, old, context, subresource, key)
        if context.dry_run:
            return Written(self._served_codec.encode(new).at(version.revision))
        if is_finished(new, old) and not self.strategy.holds_back(new):
            outcome = await self.cacher.commit(removed(self.codec, version))
            if isinstance(outcome, Committed):
                return Written(self._served_codec.encode(new).at(version.revision))
            return outcome
        if same_json(new, old):
            return Written(self.serve(version.body))
        body = self.codec.encode(self._stored_form(new))
        change = Change(key, version.revision, MODIFIED, body, labels_of(new), version.uid)
        outcome = await self.cacher.commit(change)
        return Written(self._answer(new, outcome.version)) if isinstance(outcome, Committed) else outcome

    async def _prepared(
        self, new: Object, old: Object, context: WriteContext, subresource: str, key: Key
    ) -> Object:
        metadata, kept = new["metadata"], old["metadata"]
        self.match_namespace(key.namespace, metadata)
        metadata.pop("managedFields", None)
        context.warnings.extend(objectmeta.deduplicate_owner_references(metadata))
        attributes = None
        if self.admission.handles(UPDATE):
            attributes = self._attributes(UPDATE, key.namespace, key.name, new, old, context, subresource)
            await self.admission.admit(attributes)
            new = attributes.object or new
        if subresource == "status":
            new = self.strategy.prepare_for_status_update(new, old)
        elif subresource == "finalize":
            new = self.strategy.prepare_for_finalize(new, old)  # type: ignore[attr-defined]
        else:
            self.strategy.prepare_for_update(new, old)
        metadata = new["metadata"]
        objectmeta.keep_system_fields(metadata, kept)
        self._check(new, old, context, subresource)
        if attributes is not None:
            attributes.object = new
            await self.admission.validate(attributes)
        metadata["resourceVersion"] = kept["resourceVersion"]
        return new

    def _check_revision(self, new: Object, version: Version, name: str) -> None:
        text = new["metadata"].get("resourceVersion") or ""
        wanted = parse_resource_version(text) if text else 0
        if not wanted:
            if self.strategy.allow_unconditional_update:
                return
            cause = invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
            raise invalid(GroupKind(self.kind.group, self.kind.plural), name, (cause,))
        if wanted != version.revision:
            raise conflict(self.kind.gr, name, MODIFIED_MEANWHILE)

    # Deletion

    async def delete(
        self, namespace: str, name: str, options: DeleteOptions, context: WriteContext
    ) -> Deleted:
        """
        Take an object away, or mark it and leave it to its finalizers.

        @raise APIStatus: 404, and 409 when a precondition does not hold.
        """
        key = self.key(namespace, name)
        version = await self.cacher.get(key, None)
        while True:
            if version is None:
                raise self.not_found(name)
            done = await self._delete_once(key, version, options, context)
            if isinstance(done, Deleted):
                return done
            version = done.current

    async def _delete_once(
        self, key: Key, version: Version, options: DeleteOptions, context: WriteContext
    ) -> Any:
        obj = self.decode(version.body)
        metadata = obj["metadata"]
        self._check_preconditions(options, metadata)
        if self.admission.handles(DELETE):
            attributes = self._attributes(DELETE, key.namespace, key.name, None, obj, context)
            await self.admission.admit(attributes)
            await self.admission.validate(attributes)
        finalizers = finalizers_after(metadata.get("finalizers") or [], options)
        if not finalizers and not self.strategy.holds_back(obj):
            if context.dry_run:
                return Deleted(self.serve(version.body), True)
            outcome = await self.cacher.commit(removed(self.codec, version))
            if isinstance(outcome, Committed):
                return Deleted(self._answer(obj, outcome.version), True)
            return outcome
        changed = self.strategy.mark_deleted(obj, finalizers, self.now())
        if not changed or context.dry_run:
            return Deleted(self._served_codec.encode(obj).at(version.revision), False)
        outcome = await self.cacher.commit(marked(self.codec, version, self._stored_form(obj)))
        return (
            Deleted(self._answer(obj, outcome.version), False) if isinstance(outcome, Committed) else outcome
        )

    def _check_preconditions(self, options: DeleteOptions, metadata: dict[str, Any]) -> None:
        for label, wanted, found, guess in (
            ("UID", options.precondition_uid, metadata["uid"], "deleted and then recreated"),
            (
                "ResourceVersion",
                options.precondition_resource_version,
                metadata["resourceVersion"],
                "modified",
            ),
        ):
            if wanted is not None and wanted != found:
                why = (
                    f"the {label} in the precondition ({wanted}) does not match "
                    f"the {label} in record ({found}). The object might have been {guess}"
                )
                subject = GroupResource(self.kind.group, self.kind.kind)
                raise conflict(subject, metadata["name"], why)

    # What creation and update share

    def match_namespace(self, namespace: str, metadata: dict[str, Any]) -> None:
        """
        Fill in C{metadata.namespace}, or refuse one that is not the request's.

        @raise APIStatus: 400 (contract 5.2).
        """
        if not self.kind.namespaced:
            metadata.pop("namespace", None)
            return
        given = metadata.get("namespace") or ""
        if given and given != namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace

    def _check(self, new: Object, old: Object | None, context: WriteContext, subresource: str = "") -> None:
        causes = self._causes(new, old, subresource)
        if causes:
            # The subject is of the kind that the object says.
            group, slash, _ = str(new.get("apiVersion")).rpartition("/")
            said = GroupKind(group if slash else "", new.get("kind") or "")
            raise invalid(said, new["metadata"].get("name", ""), causes)
        if not self.kind.typed:
            finalizers = new["metadata"].get("finalizers")
            if finalizers:
                before = (old or new)["metadata"].get("finalizers") if old else ()
                context.warnings.extend(objectmeta.finalizer_warnings(finalizers, before or ()))

    def _causes(self, new: Object, old: Object | None, subresource: str) -> list[Cause]:
        causes: list[Cause] = []
        if old is not None:
            causes = objectmeta.validate_metadata_update(
                new["metadata"], old["metadata"], self.kind.namespaced
            )
        wrong_type = [
            invalid_value(member, new.get(member), f"must be {right}")
            for member, right in (("kind", self.kind.kind), ("apiVersion", self.kind.api_version))
            if new.get(member) != right
        ]
        if wrong_type:
            return causes + wrong_type
        if old is None:
            name_rule = self.kind.name_validator
            causes = objectmeta.validate_metadata(new["metadata"], self.kind.namespaced, name_rule)
        elif causes:
            # The strategies judge the change once more (C{ValidateUpdate}).
            causes += objectmeta.update_causes(new["metadata"], old["metadata"])
        if subresource == "status" and old is not None:
            return causes + self.processor.validate_status(new, old)
        return causes + self.processor.validate(new, old) + self.strategy.validate(new, old)

    def _stored_form(self, obj: Object) -> Object:
        if self.converts:
            self._storage_processor.prune(obj)
        return obj

    def _answer(self, obj: Object, version: Version) -> bytes:
        if not self.converts:
            return version.body
        return self._served_codec.encode(obj).at(version.revision)

    def _attributes(
        self,
        operation: str,
        namespace: str,
        name: str,
        new: Object | None,
        old: Object | None,
        context: WriteContext,
        subresource: str = "",
    ) -> Attributes:
        return Attributes(
            operation,
            self.kind.gk,
            self.kind.gr,
            self.kind.version,
            namespace,
            name,
            new,
            old,
            subresource,
            context.dry_run,
            context.user,
            context.options,
            context.warnings,
        )
