"""
Admission of a write, with what it does to C{metadata.managedFields}.

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager/admission.go}; contract 13.8.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.admission.attributes import Attributes
from ark.admission.chain import Concerned
from ark.apply.managedfields import InvalidManagedFields, ManagedFields, parse
from ark.meta.objectmeta import deduplicate_owner_references
from ark.registry.codec import Object, with_own_metadata

_INVALID = (
    ".metadata.managedFields was in an invalid state after admission; this could be caused by an "
    "outdated mutating admission controller; please fix your requests: "
)


class Admitting:
    """
    One write on its way through admission.

    Plug-ins see the entries of C{metadata.managedFields} only if they ask for them: it takes
    time to make them.
    """

    def __init__(
        self,
        concerned: Concerned,
        attributes: Attributes,
        before: ManagedFields,
        finish: Callable[[Object], None],
    ) -> None:
        """
        @param before: the entries of the object as it is stored.
        @param finish: drops what plug-ins have put into an object and what it cannot hold.
        """
        self._concerned = concerned
        self._attributes = attributes
        self._finish = finish
        self._changes: list[Object] = []
        attributes.settle = _noting(attributes.settle, self._changes)
        self._shows = concerned.reads_managed_fields
        self._is_named = bool(attributes.name) or attributes.object is None
        attributes.old_object = self._old(attributes.old_object, before)

    def _old(self, old: Object | None, before: ManagedFields) -> Object | None:
        if not self._shows or not before or old is None:
            return old
        old = with_own_metadata(old)
        old["metadata"]["managedFields"] = before.members()
        return old

    async def admit(self, managed: ManagedFields) -> tuple[Object | None, ManagedFields]:
        """
        Let the plug-ins change the object.

        What they do to its entries counts; entries that mean nothing are put back as they
        were, with a warning.

        @raise APIStatus: one of them refused.
        """
        attributes = self._attributes
        self._show(managed)
        await self._concerned.admit(attributes)
        if attributes.object is None:
            return None, managed
        metadata = attributes.object["metadata"]
        attributes.warnings.extend(deduplicate_owner_references(metadata, after_admission=True))
        if not self._shows:
            return attributes.object, managed
        try:
            found = parse(metadata.pop("managedFields", None) or ())
        except InvalidManagedFields as error:
            attributes.warnings.append(f"{_INVALID}{error}")
            return attributes.object, managed
        return attributes.object, managed if found.entries == managed.entries else found

    async def validate(self, obj: Object | None, managed: ManagedFields, old: Object | None = None) -> None:
        """
        Let the plug-ins judge the object as it will be stored.

        @param old: the object as it is, if it has to be shown differently than before.
        @raise APIStatus: one of them refused.
        """
        attributes = self._attributes
        attributes.object = obj
        if old is not None:
            attributes.old_object = old
        if not self._is_named and obj is not None:
            attributes.name = obj["metadata"].get("name") or ""
        self._show(managed)
        await self._concerned.validate(attributes)
        if obj is None:
            return
        if self._shows:
            obj["metadata"].pop("managedFields", None)
        if self._changes:
            self._finish(obj)

    def _show(self, managed: ManagedFields) -> None:
        obj = self._attributes.object
        if self._shows and managed and obj is not None:
            obj["metadata"]["managedFields"] = managed.members()


def _noting(settle: Callable[[Object], None], changes: list[Object]) -> Callable[[Object], None]:
    """
    Keeps what is settled.  No method of L{Admitting}: that and its attributes would know each
    other, and stay until the collector comes.
    """

    def noted(obj: Object) -> None:
        changes.append(obj)
        settle(obj)

    return noted
