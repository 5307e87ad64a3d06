"""
The versions of a resource as admission is told of them.

Follows C{crConverter} in C{k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/converter.go} and
C{unstructuredDefaulter} in C{customresource_handler.go}; contract 16.10.  Nothing is dropped or filled
in by a conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ark.apis.kind import Kind
from ark.meta.gotext import quote
from ark.meta.status import APIStatus
from ark.registry.codec import Object
from ark.registry.conversion.webhook import WebhookConversion
from ark.registry.schema import compile_schema


class Equivalents:
    """
    @param kind: the version that a request is for.
    @param kinds: the versions of its resource, served or not.
    @param conversion: the webhook that says what objects are in other versions, if there is one.
    """

    def __init__(
        self, kind: Kind, kinds: Sequence[Kind] = (), conversion: WebhookConversion | None = None
    ) -> None:
        self._kinds = {each.version: each for each in sorted(kinds, key=lambda each: each.place)}
        self._kinds.setdefault(kind.version, kind)
        self._kind = kind
        self._conversion = conversion
        self._defaults: dict[str, Callable[[Object], None]] = {}

    def others(self, subresource: str) -> tuple[str, ...]:
        """
        The other versions that have a subresource, in the order of the definition.
        """
        return tuple(
            version
            for version, kind in self._kinds.items()
            if kind is not self._kind and (not subresource or subresource in kind.subresources)
        )

    async def convert(self, obj: Object, version: str) -> Object:
        """
        See L{ark.admission.attributes.Conversion.convert}.
        """
        wanted = self._kinds[version].api_version
        said = self.said(obj)
        if said == wanted:
            return obj
        if self._conversion is None:
            return {**obj, "apiVersion": wanted}
        (made,) = await self._conversion.convert([obj], wanted)
        return made

    def default(self, version: str) -> Callable[[Object], None]:
        """
        See L{ark.admission.attributes.Conversion.default}.
        """
        found = self._defaults.get(version)
        if found is None:
            found = self._defaults[version] = compile_schema(self._kinds[version]).default_applied
        return found

    def said(self, obj: Object) -> str:
        """
        What an object says that its version is.

        @raise APIStatus: 500, it is no version of this resource.
        """
        kind = self._kind
        said = str(obj.get("apiVersion") or "")
        group, _, version = said.rpartition("/")
        if group != kind.group:
            what = f"{group}/{version}, Kind={obj.get('kind')} is unstructured"
            raise APIStatus(
                500, "", f"{what} and is not suitable for converting to {quote(kind.api_version)}"
            )
        if version not in self._kinds:
            raise APIStatus(500, "", f"request to convert CR from an invalid group/version: {said}")
        return said
