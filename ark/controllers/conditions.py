"""
The conditions of a namespace that is on its way out.

Follows C{k8s.io/kubernetes/pkg/controller/namespace/deletion/status_condition_utils.go},
whose texts people and tools look for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ark.meta.gvk import GroupResource

_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


class Remaining(NamedTuple):
    """
    What is left in a namespace.

    @ivar resources: objects by resource.
    @ivar finalizers: objects by the finalizers that hold them.
    @ivar errors: why something could not be deleted.
    """

    resources: Counter[GroupResource]
    finalizers: Counter[str]
    errors: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        """
        Whether nothing is left and nothing went wrong.
        """
        return not self.resources and not self.errors


def conditions_after(old: Sequence[dict[str, Any]], remaining: Remaining, now: str) -> list[dict[str, Any]]:
    """
    The conditions that tell what is left; those that say the same as before stay as they are.

    @param old: the conditions so far.
    @param now: the time, in RFC 3339.
    """
    by_type = {condition.get("type"): condition for condition in old}
    wanted = _wanted(remaining)
    kept = [condition for condition in old if condition.get("type") not in wanted]
    return kept + [_condition(kind, text, by_type.get(kind), now) for kind, text in wanted.items()]


def _wanted(remaining: Remaining) -> dict[str, tuple[str, str, str]]:
    wanted = {kind: ("False", reason, message) for kind, (reason, message) in _FINE.items()}
    if remaining.errors:
        text = ", ".join(sorted(remaining.errors))
        message = f"Failed to delete all resource types, {len(remaining.errors)} remaining: {text}"
        wanted["NamespaceDeletionContentFailure"] = ("True", "ContentDeletionFailed", message)
    if remaining.resources:
        counts = (
            f"{gr.resource}.{gr.group} has {n} resource instances" for gr, n in remaining.resources.items()
        )
        message = f"Some resources are remaining: {', '.join(sorted(counts))}"
        wanted["NamespaceContentRemaining"] = ("True", "SomeResourcesRemain", message)
    if remaining.finalizers:
        counts = (f"{name} in {n} resource instances" for name, n in remaining.finalizers.items())
        message = f"Some content in the namespace has finalizers remaining: {', '.join(sorted(counts))}"
        wanted["NamespaceFinalizersRemaining"] = ("True", "SomeFinalizersRemain", message)
    return wanted


def _condition(kind: str, text: tuple[str, str, str], old: dict[str, Any] | None, now: str) -> dict[str, Any]:
    status, reason, message = text
    since = now if old is None or old.get("status") != status else old.get("lastTransitionTime", now)
    return {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
