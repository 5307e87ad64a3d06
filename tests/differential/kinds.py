"""
What the generator knows of a kind, read from its definition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """
    One served version of a definition.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    status: bool
    schema: dict[str, Any]

    @property
    def api_version(self) -> str:
        """
        C{group/version}.
        """
        return f"{self.group}/{self.version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """
        The path of a collection, an object or a subresource; without a namespace that of all namespaces.
        """
        place = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        parts = [f"/apis/{self.api_version}{place}/{self.plural}", name, subresource]
        return "/".join(part for part in parts if part)

    def object(self, name: str | None, spec: Any = None, **members: Any) -> dict[str, Any]:
        """
        An object of this kind; C{metadata} members come as keyword C{metadata}.
        """
        metadata = {**({} if name is None else {"name": name}), **members.pop("metadata", {})}
        value: dict[str, Any] = {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata}
        if spec is not None:
            value["spec"] = spec
        return {**value, **members}


def read_kinds(definitions: Iterable[dict[str, Any]]) -> list[Kind]:
    """
    One entry a served version, in the order of the definitions.
    """
    return [
        Kind(
            definition["spec"]["group"],
            version["name"],
            definition["spec"]["names"]["plural"],
            definition["spec"]["names"]["kind"],
            definition["spec"]["scope"] == "Namespaced",
            "status" in version.get("subresources", {}),
            version["schema"]["openAPIV3Schema"],
        )
        for definition in definitions
        for version in definition["spec"]["versions"]
        if version["served"]
    ]


def find(kinds: Iterable[Kind], plural: str, version: str | None = None) -> Kind:
    """
    The first kind of that plural (and version).
    """
    return next(kind for kind in kinds if kind.plural == plural and version in (None, kind.version))
