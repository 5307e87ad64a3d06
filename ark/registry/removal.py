"""
How objects are deleted.

Follows C{Delete} in C{k8s.io/apiserver/pkg/registry/generic/registry/store.go} and
C{registry/rest/delete.go}; contract 8.  Who owns which fields is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ark.admission.attributes import DELETE
from ark.apply.managedfields import NOTHING
from ark.meta.gvk import GroupResource
from ark.meta.options import DeleteOptions
from ark.meta.records import Committed, Key, Mismatch, Version
from ark.meta.status import conflict
from ark.registry.deletion import Deleted, finalizers_after, marked, removed
from ark.registry.writing import WriteContext

if TYPE_CHECKING:
    from ark.registry.store import Store


async def delete_once(
    store: Store, key: Key, version: Version, options: DeleteOptions, context: WriteContext
) -> Deleted | Mismatch:
    """
    Take an object away that was last seen as C{version}, or mark it.

    @return: L{Deleted}, or the outcome of a commit that failed because there is a newer one.
    @raise APIStatus: 409, a precondition does not hold.
    """
    if store.texts is not None:
        await store.texts.prepare((version.body,))
    obj, managed = store.live(version)
    _check_preconditions(store, options, obj["metadata"])
    admitting = store.admitting(DELETE, (key.namespace, key.name, ""), (None, obj), context, managed)
    if admitting is not None:
        await admitting.admit(NOTHING)
        await admitting.validate(None, NOTHING)
    finalizers = finalizers_after(obj["metadata"].get("finalizers") or [], options)
    gone = not finalizers and not store.strategy.holds_back(obj)
    if gone:
        if context.dry_run:
            return Deleted(store.serve(version.body), True, False)
        change = removed(store.codec, version)
    else:
        changed = store.strategy.mark_deleted(obj, finalizers, store.now())
        if not changed or context.dry_run:
            return Deleted(store.served_codec.encode(obj, managed.text).at(version.revision), False, False)
        stored = store.stored_form(obj, version.body) if store.texts is None else await store.asked_form(obj)
        change = marked(store.codec, version, stored, managed.text)
    answer = store.answering(obj, managed)
    # As for an update.
    del obj, managed, admitting
    outcome = await store.cacher.commit(change)
    if isinstance(outcome, Committed):
        await store.prepare((outcome.version.body,))
        return Deleted(answer(outcome.version), gone)
    return outcome


def _check_preconditions(store: Store, options: DeleteOptions, metadata: dict[str, Any]) -> None:
    for label, wanted, found, guess in (
        ("UID", options.precondition_uid, metadata["uid"], "deleted and then recreated"),
        ("ResourceVersion", options.precondition_resource_version, metadata["resourceVersion"], "modified"),
    ):
        if wanted is None or wanted == found:
            continue
        if store.strategy.checks_preconditions_itself:
            why = f"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {found}"
            raise conflict(store.kind.gr, metadata["name"], why)
        why = (
            f"the {label} in the precondition ({wanted}) does not match "
            f"the {label} in record ({found}). The object might have been {guess}"
        )
        subject = GroupResource(store.kind.group, store.kind.kind)
        raise conflict(subject, metadata["name"], why)
