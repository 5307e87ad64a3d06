"""
Admission of a write, with what it does to C{metadata.managedFields}.

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager/admission.go}; contract 13.8.
"""

from __future__ import annotations

from ark.admission.attributes import Attributes
from ark.admission.chain import AdmissionChain
from ark.apply.managedfields import NOTHING, InvalidManagedFields, ManagedFields, parse
from ark.registry.codec import Object, with_own_metadata

_INVALID = (
    ".metadata.managedFields was in an invalid state after admission; this could be caused by an "
    "outdated mutating admission controller; please fix your requests: "
)


class Admitting:
    """
    One write on its way through the admission chain.

    Plug-ins see the entries of C{metadata.managedFields} only if they ask for them: it takes
    time to make them.
    """

    def __init__(
        self, chain: AdmissionChain, attributes: Attributes, before: ManagedFields = NOTHING
    ) -> None:
        """
        @param before: the entries of the object as it is stored.
        """
        self._chain = chain
        self._attributes = attributes
        self._shows = chain.reads_managed_fields(attributes.operation)
        if self._shows and before and attributes.old_object is not None:
            attributes.old_object = with_own_metadata(attributes.old_object)
            attributes.old_object["metadata"]["managedFields"] = before.members()

    async def admit(self, managed: ManagedFields) -> tuple[Object | None, ManagedFields]:
        """
        Let the plug-ins change the object.

        What they do to its entries counts; entries that mean nothing are put back as they
        were, with a warning.

        @raise APIStatus: one of them refused.
        """
        attributes = self._attributes
        self._show(managed)
        await self._chain.admit(attributes)
        if attributes.object is None or not self._shows:
            return attributes.object, managed
        try:
            found = parse(attributes.object["metadata"].pop("managedFields", None) or ())
        except InvalidManagedFields as error:
            attributes.warnings.append(f"{_INVALID}{error}")
            return attributes.object, managed
        return attributes.object, managed if found.entries == managed.entries else found

    async def validate(self, obj: Object | None, managed: ManagedFields) -> None:
        """
        Let the plug-ins judge the object as it will be stored.

        @raise APIStatus: one of them refused.
        """
        self._attributes.object = obj
        self._show(managed)
        await self._chain.validate(self._attributes)
        if self._shows and obj is not None:
            obj["metadata"].pop("managedFields", None)

    def _show(self, managed: ManagedFields) -> None:
        obj = self._attributes.object
        if self._shows and managed and obj is not None:
            obj["metadata"]["managedFields"] = managed.members()
