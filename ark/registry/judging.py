"""
What is asked of every object before it is written.

Follows C{BeforeCreate} and C{BeforeUpdate} in C{k8s.io/apiserver/pkg/registry/rest}; contract 5.2, 5.7
to 5.11 and 6.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ark.admission.attributes import Attributes, Subject
from ark.admission.chain import AdmissionChain
from ark.apply.managedfields import NOTHING, ManagedFields
from ark.apply.managedfieldsentry import Identity
from ark.meta import objectmeta
from ark.meta.fielderrors import invalid as invalid_value
from ark.meta.gvk import GroupKind
from ark.meta.status import Cause, bad_request, invalid
from ark.registry.admitting import Admitting
from ark.registry.codec import Object
from ark.registry.equivalents import Equivalents
from ark.registry.scale import SCALE, settle_scale
from ark.registry.schema import Processor
from ark.registry.strategy import Strategy
from ark.registry.writing import WriteContext

_LONGEST_VERSION = 256


class Judging:
    """
    Judges the objects of a kind, and has admission judge them.
    """

    def __init__(
        self,
        strategy: Strategy,
        processor: Processor,
        admission: AdmissionChain,
        equivalents: Equivalents | None = None,
    ) -> None:
        """
        @param equivalents: the versions of the kind, by default this one.
        """
        self.kind = strategy.kind
        self.admission = admission
        self._equivalents = equivalents or Equivalents(strategy.kind)
        self._subjects: dict[tuple[str, str], Subject] = {}
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
        given = metadata.get("namespace")
        if given == namespace:
            return
        if given:
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
        if not _are_usual(managed.entries):
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

    def is_status_right(
        self, new: Object, old: Object, managed: ManagedFields, context: WriteContext
    ) -> bool:
        """
        Whether L{check} would find nothing in an object of which nothing but the status is another
        than in one that it was asked about before.  It is to be asked otherwise.
        """
        if not _are_usual(managed.entries):
            return False
        warnings: list[str] = []
        if self.processor.validate_status(new, old, warnings):
            return False
        context.warnings.extend(warnings)
        return True

    def _causes(self, new: Object, old: Object | None, subresource: str, warnings: list[str]) -> list[Cause]:
        kind = self.kind
        causes: list[Cause] = []
        if old is not None:
            causes = objectmeta.validate_metadata_update(new["metadata"], old["metadata"], kind.namespaced)
        if new.get("kind") != kind.kind or new.get("apiVersion") != kind.api_version:
            return causes + [
                invalid_value(member, new.get(member), f"must be {right}")
                for member, right in (("kind", kind.kind), ("apiVersion", kind.api_version))
                if new.get(member) != right
            ]
        if old is None:
            causes = objectmeta.validate_metadata(new["metadata"], kind.namespaced, kind.name_validator)
        elif causes and self.strategy.judges_metadata:
            # The strategies judge the change once more (C{ValidateUpdate}).
            causes += objectmeta.update_causes(new["metadata"], old["metadata"])
        if subresource == "status" and old is not None:
            return causes + self.processor.validate_status(new, old, warnings)
        return causes + self.processor.validate(new, old, warnings) + self.strategy.validate(new, old)

    def is_admitted(self, operation: str, subresource: str) -> bool:
        """
        Whether plug-ins of admission look at such writes, who may change what they see.
        """
        return self.admission.concerned(self._subject(operation, subresource)) is not None

    def _subject(self, operation: str, subresource: str) -> Subject:
        subject = self._subjects.get((operation, subresource))
        if subject is None:
            kind = self.kind
            others = self._equivalents.others(subresource)
            subject = Subject(operation, kind.group, kind.version, kind.plural, subresource, others)
            self._subjects[operation, subresource] = subject
        return subject

    def admitting(
        self,
        operation: str,
        target: tuple[str, str, str],
        objects: tuple[Object | None, Object | None],
        context: WriteContext,
        before: ManagedFields = NOTHING,
    ) -> Admitting | None:
        """
        What asks admission about a write; L{None} where it is nobody's concern.

        @param target: namespace, name and subresource.
        @param objects: the object as it would be, and as it is; both without the entries of
            C{metadata.managedFields}.
        @param before: the entries of the object as it is.
        """
        namespace, name, subresource = target
        subject = self._subject(operation, subresource)
        concerned = self.admission.concerned(subject)
        if concerned is None:
            return None
        attributes = self._attributes(subject, (namespace, name), objects, context)
        finish = _keep if subresource == "scale" else self._finish_admitted
        return Admitting(concerned, attributes, before, finish)

    def _attributes(
        self,
        subject: Subject,
        key: tuple[str, str],
        objects: tuple[Object | None, Object | None],
        context: WriteContext,
    ) -> Attributes:
        namespace, name = key
        scaled = subject.subresource == "scale"
        kind = SCALE if scaled else self.kind
        if not namespace and subject.resource == "namespaces" and not subject.group:
            namespace = name
        return Attributes(
            subject.operation,
            kind.gk,
            self.kind.gr,
            subject.version,
            namespace,
            "" if context.of_collection else name,
            *objects,
            subject.subresource,
            context.dry_run,
            context.user,
            context.options,
            context.warnings,
            kind.version,
            context.annotations,
            context.request_annotations,
            _keep if scaled else self.processor.default_applied,
            settle_scale if scaled else self._check_admitted,
            waits=context.waits,
            others=subject.others,
            conversion=None if scaled else self._equivalents,
        )

    def _check_admitted(self, obj: Object) -> None:
        """
        See whether what a plug-in left can be an object of this kind
        (C{ConvertToVersion} in C{pkg/apiserver/conversion/converter.go} of apiextensions).

        @raise APIStatus: 500.
        """
        self._equivalents.said(obj)
        metadata = obj.get("metadata")
        if not isinstance(metadata, dict):
            obj["metadata"] = metadata = {}
        for name in objectmeta.wrong_members(metadata):
            del metadata[name]

    def _finish_admitted(self, obj: Object) -> None:
        """
        Bring an object that plug-ins changed into the form in which it is stored
        (C{unstructuredSchemaCoercer} in C{customresource_handler.go} of apiextensions).
        """
        objectmeta.check_types(obj["metadata"])
        self.processor.prune(obj)


def _keep(obj: Object) -> None:
    """
    A scale has no defaults, and nothing to drop.
    """


class _Unusual(Exception):
    """
    What may be long is not to be remembered: no exception is.
    """


def _are_usual(owners: Iterable[Identity]) -> bool:
    """
    Whether nothing can be wrong with whom the entries of C{metadata.managedFields} tell of.
    """
    try:
        return all(map(_is_usual, owners))
    except _Unusual:
        return False


@lru_cache(maxsize=4096)
def _is_usual(owner: Identity) -> bool:
    if len(owner.api_version) > _LONGEST_VERSION:
        raise _Unusual
    if objectmeta.manager_causes(owner.manager, owner.subresource):
        raise _Unusual
    return True
