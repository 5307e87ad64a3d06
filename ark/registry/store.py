"""
How objects of a kind are read and written: the generic REST flow.

Follows C{k8s.io/apiserver/pkg/registry/generic/registry/store.go}; the ways in which
objects are made, changed and deleted are in L{ark.registry.creation},
L{ark.registry.updating} and L{ark.registry.removal}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ark.admission.chain import AdmissionChain
from ark.apis.kind import Kind
from ark.apply.fieldtracker import FieldTracker
from ark.apply.managedfields import NOTHING, ManagedFields
from ark.apply.managedfieldsscale import ScaleEntries
from ark.meta import objectmeta
from ark.meta.options import DeleteOptions
from ark.meta.records import Key, Mismatch, Version
from ark.meta.resourceversion import parse_resource_version
from ark.meta.status import APIStatus, not_found
from ark.meta.time import rfc3339
from ark.registry import creation
from ark.registry.attempts import attempted
from ark.registry.codec import Object
from ark.registry.conversion.webhook import WebhookConversion
from ark.registry.deletion import Deleted
from ark.registry.fieldtracking import Tracking, VersionOf, copied
from ark.registry.forms import Forms
from ark.registry.recent import BYTES, RecentObjects
from ark.registry.removal import delete_once
from ark.registry.updating import Target, check_uid, update_once
from ark.registry.writing import Proposal, Transform, WriteContext, Written
from ark.watch.cacher import Cacher

__all__ = ["Proposal", "Store", "Transform", "WriteContext", "Written"]


class Store(Forms):
    """
    The objects of one served version of one resource.

    @ivar recent: objects that were written a moment ago.
    """

    def __init__(
        self,
        kind: Kind,
        storage_kind: Kind,
        cacher: Cacher,
        admission: AdmissionChain,
        now: Callable[[], float],
        version_of: VersionOf | None = None,
        conversion: WebhookConversion | None = None,
        kinds: Sequence[Kind] = (),
    ) -> None:
        """
        See L{Forms} for what is not said here.
        """
        super().__init__(kind, storage_kind, admission, version_of, conversion, kinds)
        self.cacher = cacher
        self.now = now
        # What is kept has to be what would be read of a text: in this version, without a webhook.
        is_plain = not kind.typed and not self.converts and self.texts is None
        self.recent = RecentObjects(BYTES if is_plain else 0)
        self._tracking = Tracking(self.strategy, self._version_of, lambda: rfc3339(now()))

    def key(self, namespace: str, name: str) -> Key:
        """
        Where an object of this resource is stored.
        """
        return Key(self.kind.resource, namespace if self.kind.namespaced else "", name)

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
        if self.texts is not None:
            await self.texts.prepare((version.body,))
        return self.serve(version.body)

    # Writing

    def create(self, namespace: str, obj: Object, context: WriteContext) -> Awaitable[Written]:
        """
        Write a new object, which this call may change.

        @raise APIStatus: 400, 403, 404 of the namespace, 409, 422.
        """
        return creation.create(self, namespace, obj, context)

    async def update(
        self,
        namespace: str,
        name: str,
        transform: Transform,
        context: WriteContext,
        subresource: str = "",
        uid: str = "",
        shares: bool = False,
    ) -> Written:
        """
        Write what C{transform} makes of an object, trying again while others write it.

        @param subresource: C{status} or C{finalize}: only their part is written.
        @param uid: the uid that the object must have, if any.
        @param shares: see L{Target}; of custom resources alone.
        @raise APIStatus: 404, 409, 422; and what C{transform} raises.
        """

        def propose(live: Object | None, managed: ManagedFields) -> tuple[Object, ManagedFields]:
            new = transform(live)
            self.match_namespace(namespace, new["metadata"])
            return new, self.tracked(live, new, managed, context, subresource)

        target = Target(self.key(namespace, name), subresource, uid, shares=shares)
        creates = self.strategy.allow_create_on_update and not subresource
        return await self.replace(target, propose, context, creates)

    async def replace(
        self, target: Target, propose: Proposal, context: WriteContext, creates: bool = False
    ) -> Written:
        """
        Write what is proposed for an object, trying again while others write it (L{attempted}).

        @param creates: whether it is made if there is none.
        @raise APIStatus: 403, 404, 409, 422; and what C{propose} raises.
        """
        key = target.key

        def update(version: Version) -> Awaitable[Written | Mismatch]:
            return update_once(self, target, version, propose, context)

        done = await attempted(self.cacher, key, update, context)
        if done is not None:
            return done
        if not creates:
            raise self.not_found(key.name)
        check_uid(self, target, "")
        obj, managed = propose(None, NOTHING)
        # A revision that is told means nothing, but has to be one (C{Update} in C{generic/registry/store.go}).
        if obj["metadata"].get("resourceVersion"):
            parse_resource_version(obj["metadata"]["resourceVersion"])
        for member in (*objectmeta.SYSTEM_FIELDS, "resourceVersion"):
            obj["metadata"].pop(member, None)
        if context.may_create is not None:
            await context.may_create()
        return await creation.create_tracked(self, key.namespace, obj, managed, context)

    def applied(
        self,
        live: Object | None,
        config: Object,
        managed: ManagedFields,
        context: WriteContext,
        subresource: str,
        force: bool,
    ) -> tuple[Object, ManagedFields]:
        """
        What an applied configuration makes of an object, of which every part may be changed,
        and who owns what then.

        @param force: take over what others own.
        @raise APIStatus: 400, 409, 500.
        """
        tracker = self._tracking.tracker(subresource)
        new, managed = tracker.apply(live, config, managed, context.field_manager, force)
        return copied(new), managed

    def tracked(
        self,
        live: Object | None,
        new: Object,
        managed: ManagedFields,
        context: WriteContext,
        subresource: str = "",
    ) -> ManagedFields:
        """
        Who owns what once C{new}, which a client wants, takes the place of C{live}.

        What C{new} says of that itself is taken out of it, and what Kubernetes fills in
        before it looks is filled in.
        """
        metadata = new["metadata"]
        if "ownerReferences" in metadata:
            context.warnings.extend(objectmeta.deduplicate_owner_references(metadata))
        self.strategy.default(new)
        tracker = self._tracking.tracker(subresource)
        return tracker.update(live, new, managed, context.field_manager)

    def scale_entries(self) -> ScaleEntries:
        """
        What tells who set how many replicas an object of this kind wants.
        """
        return self._tracking.scale_entries()

    def scale_tracker(self) -> FieldTracker:
        """
        What tracks the fields of scales.
        """
        return self._tracking.tracker("scale")

    async def delete(
        self, namespace: str, name: str, options: DeleteOptions, context: WriteContext
    ) -> Deleted:
        """
        Take an object away, or mark it and leave it to its finalizers.

        @raise APIStatus: 404, and 409 when a precondition does not hold.
        """
        key = self.key(namespace, name)

        def remove(version: Version) -> Awaitable[Deleted | Mismatch]:
            return delete_once(self, key, version, options, context)

        done = await attempted(self.cacher, key, remove, context)
        if done is None:
            raise self.not_found(name)
        return done
