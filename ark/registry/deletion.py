"""
Deletion: at once, or marked and left to finalizers.

Follows C{k8s.io/apiserver/pkg/registry/generic/registry/store.go} (C{Delete},
C{deletionFinalizersForGarbageCollection}, C{markAsDeleting}); contract 8.
"""

from __future__ import annotations

from typing import NamedTuple

from ark.meta.options import DeleteOptions
from ark.meta.records import DELETED, MODIFIED, Change, Version
from ark.meta.time import rfc3339
from ark.registry.codec import Codec, Object, labels_of

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_COLLECTOR_FINALIZERS = (ORPHAN, FOREGROUND)


class Deleted(NamedTuple):
    """
    How a deletion ended.

    C{text} is the object that stays, waiting for its finalizers, or that went;
    C{gone} tells which, and C{changed} whether anything was written.
    """

    text: bytes
    gone: bool
    changed: bool = True


def removed(codec: Codec, version: Version) -> Change:
    """
    The change that takes an object away, in its last stored state.
    """
    return Change(version.key, version.revision, DELETED, codec.cut(version), version.labels, version.uid)


def marked(codec: Codec, version: Version, obj: Object, managed: bytes = b"") -> Change:
    """
    The change that stores an object as being deleted.

    @param managed: the text of its C{metadata.managedFields}.
    """
    body = codec.encode(obj, managed)
    return Change(version.key, version.revision, MODIFIED, body, labels_of(obj), version.uid)


def is_finished(new: Object, old: Object) -> bool:
    """
    Whether an update takes the last finalizer off an object that is being deleted.
    """
    metadata = old["metadata"]
    return (
        bool(metadata.get("deletionTimestamp"))
        and not new["metadata"].get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
    )


def finalizers_after(finalizers: list[str], options: DeleteOptions) -> list[str]:
    """
    The finalizers that an object has once its deletion was asked for (contract 8.3).

    With no policy in the options the object's own collector finalizer decides.
    """
    policy = ""
    if options.orphan_dependents is not None:
        policy = ORPHAN if options.orphan_dependents else ""
    elif options.propagation_policy:
        policy = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(options.propagation_policy, "")
    else:
        policy = next((name for name in finalizers if name in _COLLECTOR_FINALIZERS), "")
    kept = [name for name in finalizers if name not in _COLLECTOR_FINALIZERS]
    return [*kept, policy] if policy else kept


def mark(obj: Object, finalizers: list[str], now: float) -> bool:
    """
    Mark an object as being deleted, in place.

    @return: whether that changed anything.
    """
    metadata = obj["metadata"]
    before = (
        metadata.get("deletionTimestamp"),
        metadata.get("deletionGracePeriodSeconds"),
        metadata.get("finalizers") or [],
    )
    if set(finalizers) != set(before[2]):
        metadata["finalizers"] = finalizers
        if not finalizers:
            del metadata["finalizers"]
    if before[0] is None:
        if metadata.get("generation"):
            metadata["generation"] += 1
        metadata["deletionTimestamp"] = rfc3339(now)
    metadata["deletionGracePeriodSeconds"] = 0
    after = (metadata["deletionTimestamp"], 0, metadata.get("finalizers") or [])
    return before != after
