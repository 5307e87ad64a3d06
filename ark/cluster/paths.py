"""
What a path of the cluster's API leads to.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from ark.meta.gvk import GroupResource

_OF_NAMESPACES = ("status", "finalize")


class APIPath(NamedTuple):
    """
    A path in its parts; C{name} and C{subresource} are empty for a collection.

    @ivar root: group and version as the path has them, C{/api/v1} or C{/apis/apps/v1}.
    """

    root: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def collection(self) -> str:
        """
        The path of the resource in all namespaces.
        """
        return f"{self.root}/{self.resource}"

    @property
    def api_version(self) -> str:
        """
        What an object's C{apiVersion} says.
        """
        return self.root.split("/", 2)[2]

    @property
    def group_resource(self) -> GroupResource:
        """
        The resource as errors name it.
        """
        group = self.api_version.rpartition("/")[0]
        return GroupResource(group, self.resource)

    @classmethod
    def of(cls, path: str) -> APIPath | None:
        """
        Take a path apart; L{None} for one that leads to no resource.
        """
        segments = [unquote(segment) for segment in path.strip("/").split("/")]
        depth = {"api": 2, "apis": 3}.get(segments[0], 0)
        if not depth or len(segments) <= depth:
            return None
        root, rest = "/" + "/".join(segments[:depth]), segments[depth:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            namespace, rest = rest[1], rest[2:]
        if len(rest) > 3 or not all(rest):
            return None
        return cls(root, rest[0], namespace, *rest[1:])
