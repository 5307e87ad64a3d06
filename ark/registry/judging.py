"""
What is asked of every object before it is written.

Follows C{BeforeCreate} and C{BeforeUpdate} in C{k8s.io/apiserver/pkg/registry/rest}; contract 5.2, 5.7
to 5.11 and 6.4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ark.admission.attributes import Attributes
from ark.apply.managedfields import Identity, ManagedFields
from ark.meta import objectmeta
from ark.meta.fielderrors import invalid as invalid_value
from ark.meta.gvk import GroupKind
from ark.meta.status import Cause, bad_request, invalid
from ark.registry.codec import Object
from ark.registry.schema import Processor
from ark.registry.strategy import Strategy
from ark.registry.writing import WriteContext


class Judging:
    """
    Judges the objects of a kind, and tells admission of them.
    """

    def __init__(self, strategy: Strategy, processor: Processor) -> None:
        self.kind = strategy.kind
        self.strategy = strategy
        self.processor = processor

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

    def check(
        self,
        new: Object,
        old: Object | None,
        managed: ManagedFields,
        context: WriteContext,
        subresource: str = "",
    ) -> None:
        """
        Judge an object as it would be stored.

        @raise APIStatus: 422.
        """
        if not all(map(_is_usual, managed.entries)):
            new["metadata"]["managedFields"] = managed.members()
        causes = self._causes(new, old, subresource, context.warnings)
        new["metadata"].pop("managedFields", None)
        if causes:
            # The subject is of the kind that the object says, or that it is kept as.
            group, slash, _ = (self.kind.kept_as or str(new.get("apiVersion"))).rpartition("/")
            said = GroupKind(group if slash else "", new.get("kind") or "")
            raise invalid(said, new["metadata"].get("name", ""), causes)
        if not subresource:
            context.warnings.extend(self.strategy.warnings(new, old))
        if not self.kind.typed:
            finalizers = new["metadata"].get("finalizers")
            if finalizers:
                before = (old or new)["metadata"].get("finalizers") if old else ()
                context.warnings.extend(objectmeta.finalizer_warnings(finalizers, before or ()))

    def _causes(self, new: Object, old: Object | None, subresource: str, warnings: list[str]) -> list[Cause]:
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
        elif causes and self.strategy.judges_metadata:
            # The strategies judge the change once more (C{ValidateUpdate}).
            causes += objectmeta.update_causes(new["metadata"], old["metadata"])
        if subresource == "status" and old is not None:
            return causes + self.processor.validate_status(new, old, warnings)
        return causes + self.processor.validate(new, old, warnings) + self.strategy.validate(new, old)

    def attributes(
        self,
        operation: str,
        namespace: str,
        name: str,
        new: Object | None,
        old: Object | None,
        context: WriteContext,
        subresource: str = "",
    ) -> Attributes:
        """
        What admission is told of a write.
        """
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


@lru_cache(maxsize=4096)
def _is_usual(identity: Identity) -> bool:
    """
    Whether nothing can be wrong with whom an entry of C{metadata.managedFields} tells of.
    """
    return not objectmeta.manager_causes(identity.manager, identity.subresource)
