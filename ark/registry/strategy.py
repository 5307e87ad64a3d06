"""
What a resource does with its objects before they are written.

Follows C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/strategy.go} for
custom resources.  The built-in core kinds that differ are in L{ark.registry.core}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.apis.kind import Kind
from ark.meta.status import Cause, forbidden
from ark.registry.codec import Object, same_json, with_own_metadata
from ark.registry.deletion import mark
from ark.registry.schema import Processor, compile_schema


def without_metadata(obj: Object) -> Object:
    """
    Everything of an object that counts for its generation.
    """
    return {name: value for name, value in obj.items() if name != "metadata"}


def keep(new: Object, old: Object, member: str) -> None:
    """
    Give C{new} the C{member} that C{old} has, or none.
    """
    if member in old:
        new[member] = old[member]
    else:
        new.pop(member, None)


class Strategy:
    """
    The rules for custom resources (contract 5.3, 5.10, 6.4, 6.5, 10.1).

    @cvar returns_deleted: whether a deletion answers with the object that went, and not
        with a C{Status} (C{ReturnDeletedObject} in C{registry/generic/registry/store.go}).
    @cvar checks_preconditions_itself: whether Kubernetes' own code for this resource judges
        the preconditions of deletions, which has other words.
    @cvar blank: the members that an object has before anybody sets them.
    @cvar judges_metadata: whether the rules of a kind look at changes of metadata once more.
    """

    returns_deleted = False
    checks_preconditions_itself = False
    blank: Mapping[str, Any] = {}
    judges_metadata = True

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.allow_unconditional_update = kind.allow_unconditional_update
        self.allow_create_on_update = kind.allow_create_on_update

    def reset_fields(self, subresource: str) -> tuple[str, ...]:
        """
        The members that a write to a subresource, or to the main resource, leaves alone
        (C{GetResetFields}; contract 13.7).
        """
        if subresource == "status":
            return ("spec",) if self.kind.typed else ("metadata", "spec")
        return ("status",) if self.kind.has_status else ()

    def default(self, obj: Object) -> None:
        """
        Fill in, in place, what the schema cannot say of an object that a client sent.
        """

    def processor(self) -> Processor:
        """
        What prunes, defaults and validates objects by their schema.
        """
        return compile_schema(self.kind)

    def prepare_for_create(self, obj: Object) -> None:
        """
        Drop what a creation may not set.

        @raise ark.meta.status.APIStatus: 403, nothing is created any more
            (C{forbidCreateAdmission} in C{customresource_handler.go} of apiextensions).
        """
        if self.kind.terminating:
            why = "create not allowed while custom resource definition is terminating"
            raise forbidden(self.kind.gr, obj["metadata"].get("name", ""), why)
        if self.kind.has_status:
            obj.pop("status", None)
        if not self.kind.typed:
            obj["metadata"]["generation"] = 1

    def prepare_for_update(self, new: Object, old: Object) -> None:
        """
        Drop what an update may not change, and count the generation.
        """
        if self.kind.has_status:
            keep(new, old, "status")
        keep(new["metadata"], old["metadata"], "generation")
        if self.kind.typed:
            return
        if not same_json(without_metadata(new), without_metadata(old)):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def prepare_for_status_update(self, new: Object, old: Object) -> Object:
        """
        The object that a write to C{/status} makes: only C{status} is taken from C{new}.
        """
        result = with_own_metadata(old)
        keep(result, new, "status")
        return result

    def mark_deleted(self, obj: Object, finalizers: list[str], now: float) -> bool:
        """
        Mark an object that stays for now as being deleted, in place.

        @return: whether that changed anything.
        """
        return mark(obj, finalizers, now)

    def holds_back(self, obj: Object) -> bool:
        """
        Whether something besides C{metadata.finalizers} keeps an object from going.
        """
        return False

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        Rules that the schema cannot say.
        """
        return []

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """
        What the writer of an object that was accepted is warned of.
        """
        return []
