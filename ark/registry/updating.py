"""
How objects that are there are changed.

Follows C{k8s.io/apiserver/pkg/registry/rest/update.go} and C{Update} in
C{registry/generic/registry/store.go}; contract 6, 7.5 and 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ark.admission.attributes import UPDATE
from ark.apply.managedfields import NOTHING, ManagedFields
from ark.meta import objectmeta
from ark.meta.fielderrors import invalid as invalid_value
from ark.meta.gvk import GroupKind
from ark.meta.records import MODIFIED, Change, Committed, Key, Mismatch, Version
from ark.meta.resourceversion import parse_resource_version
from ark.meta.status import MODIFIED_MEANWHILE, conflict, invalid, too_large
from ark.registry.codec import Object, labels_of, same_json
from ark.registry.deletion import is_finished, removed
from ark.registry.scale import ScalePart
from ark.registry.writing import LARGEST, Proposal, WriteContext, Written

if TYPE_CHECKING:
    from ark.registry.store import Store


class Target(NamedTuple):
    """
    What an update is of.

    @ivar subresource: C{status}, C{scale} or C{finalize}; empty for the object as a whole.
    @ivar uid: the uid that the object must have; empty if any will do.
    @ivar part: makes an object of what is proposed where that is another one, a scale.
    @ivar shares: whether what proposes leaves the object that is there as it is; what it proposes may
        have parts of it, but is settled.
    """

    key: Key
    subresource: str = ""
    uid: str = ""
    part: ScalePart | None = None
    shares: bool = False


class Before(NamedTuple):
    """
    What is there.

    @ivar obj: the object, without C{metadata.managedFields}.
    @ivar is_sound: see L{ark.registry.recent.Recent}.
    """

    obj: Object
    managed: ManagedFields
    version: Version
    is_sound: bool


def _before(store: Store, version: Version, shares: bool) -> Before:
    recent = store.recent.find(version) if shares else None
    if recent is None:
        return Before(*store.live(version), version, False)
    return Before(recent.obj, recent.managed, version, recent.is_sound)


async def update_once(
    store: Store, target: Target, version: Version, propose: Proposal, context: WriteContext
) -> Written | Mismatch:
    """
    Write what is proposed for an object that was last seen as C{version}.

    @return: L{Written}, or the outcome of a commit that failed because there is a newer one.
    @raise APIStatus: 409, 422, and what C{propose} raises.
    """
    if store.texts is not None:
        await store.texts.prepare((version.body,))
    is_admitted = store.is_admitted(UPDATE, target.subresource)
    # Plug-ins may change what they see.
    shares = target.shares and not is_admitted
    before = _before(store, version, shares)
    old, managed = before.obj, before.managed
    check_uid(store, target, old["metadata"]["uid"])
    proposed = propose(old, managed)
    if target.part is None and not is_admitted:
        new = _judged(store, target, proposed, before, context)
        owned = proposed[1]
        is_sound = before.is_sound or _is_judged(target, new, proposed[0])
    else:
        new, owned = await _admitted(store, target, proposed, before, context)
        is_sound = False
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    finished = is_finished(new, old) and not store.strategy.holds_back(new)
    unchanged = same_json(new, old) and _same_owners(owned, managed)
    if unchanged:
        owned = managed
    if context.dry_run:
        return Written(
            store.served_codec.encode(store.shown(new, version.body), owned.text).at(version.revision)
        )
    if finished:
        return await _removed(store, version, new, owned)
    stored = store.stored_form(new, version.body) if store.texts is None else await store.asked_form(new)
    if unchanged and store.is_stored(stored, version):
        return Written(store.serve(version.body), changed=False)
    body = store.codec.encode(stored, owned.text)
    if len(body.tail) > LARGEST and len(body.tail) > len(version.body):
        raise too_large(LARGEST)
    # The key that is known already: one for all versions that are kept.
    change = Change(version.key, version.revision, MODIFIED, body, labels_of(stored), version.uid)
    answer = store.answering(new, owned)
    keeps = shares and store.recent.wants(version)
    if not keeps:
        # Many wait for one batch: what each lets go now, the next one finds in the processor's cache.
        del new, owned
    del before, old, proposed, stored, managed
    outcome = await store.cacher.commit(change)
    if not isinstance(outcome, Committed):
        return outcome
    store.recent.note(outcome.version)
    if keeps:
        store.recent.keep(outcome.version, new, owned, is_sound)
    if store.texts is not None:
        await store.texts.prepare((outcome.version.body,))
    return Written(answer(outcome.version))


async def _removed(
    store: Store, version: Version, last: Object, managed: ManagedFields
) -> Written | Mismatch:
    """
    Take an object away that nothing holds back any more.
    """
    outcome = await store.cacher.commit(removed(store.codec, version))
    if isinstance(outcome, Committed):
        return Written(store.served_codec.encode(last, managed.text).at(version.revision))
    return outcome


def _same_owners(new: ManagedFields, old: ManagedFields) -> bool:
    """
    Whether nothing but times differs (contract 6.6, 13.16;
    C{IgnoreManagedFieldsTimestampsTransformer} in C{endpoints/handlers/fieldmanager/equality.go}).
    """
    return new is old or new.same_but_times(old)


async def _admitted(
    store: Store,
    target: Target,
    proposed: tuple[Object, ManagedFields],
    before: Before,
    context: WriteContext,
) -> tuple[Object, ManagedFields]:
    """
    The object as it would be stored, judged by admission, too.
    """
    new, managed = proposed
    old, owned = before.obj, before.managed
    key, subresource, part = target.key, target.subresource, target.part
    was = (old, owned) if part is None else part.before(old, owned)
    where = (key.namespace, key.name, subresource)
    admitting = store.admitting(UPDATE, where, (new, was[0]), context, was[1])
    if admitting is not None:
        admitted, managed = await admitting.admit(managed)
        new = admitted or new
    if part is not None:
        new, managed = part.merged((old, owned), (new, managed))
    new = _judged(store, target, (new, managed), before, context)
    if admitting is not None and part is None:
        await admitting.validate(new, managed)
    elif admitting is not None and part is not None:
        await admitting.validate(part.shown(new), NOTHING, part.shown(old))
    return new, managed


def _is_judged(target: Target, new: Object, proposed: Object) -> bool:
    """
    Whether all that comes into an object by a write to its status was in what was proposed, too,
    of which every member was judged.
    """
    return (
        target.shares
        and target.subresource == "status"
        and new["metadata"] == proposed["metadata"]
        and all(value is proposed.get(name) for name, value in new.items() if name != "metadata")
    )


def _judged(
    store: Store,
    target: Target,
    proposed: tuple[Object, ManagedFields],
    before: Before,
    context: WriteContext,
) -> Object:
    """
    The object with nothing changed that may not be, judged by its kind.
    """
    (new, managed), old = proposed, before.obj
    subresource, strategy = target.subresource, store.strategy
    _check_revision(store, new, before, target.key.name)
    if subresource == "status":
        new = strategy.prepare_for_status_update(new, old)
        if before.is_sound and store.is_status_right(new, old, managed, context):
            return new
    elif subresource == "finalize":
        new = strategy.prepare_for_finalize(new, old)  # type: ignore[attr-defined]
    else:
        strategy.prepare_for_update(new, old)
    objectmeta.keep_system_fields(new["metadata"], old["metadata"])
    store.check(new, old, managed, context, subresource)
    return new


def check_uid(store: Store, target: Target, found: str) -> None:
    """
    @param found: the uid of what is there; empty if nothing is.
    @raise APIStatus: 409, the object has to have another one.
    """
    if target.uid and target.uid != found:
        why = f"Precondition failed: UID in precondition: {target.uid}, UID in object meta: {found}"
        raise conflict(store.kind.gr, target.key.name, why)


def _check_revision(store: Store, new: Object, before: Before, name: str) -> None:
    text = new["metadata"].get("resourceVersion") or ""
    if text == before.obj["metadata"]["resourceVersion"]:
        return
    wanted = parse_resource_version(text) if text else 0
    if not wanted:
        if store.strategy.allow_unconditional_update:
            return
        cause = invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid(GroupKind(store.kind.group, store.kind.plural), name, (cause,))
    if wanted != before.version.revision:
        raise conflict(store.kind.gr, name, MODIFIED_MEANWHILE)
