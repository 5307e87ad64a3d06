"""
Names of groups, versions, kinds and resources.
"""

from __future__ import annotations

from typing import NamedTuple


class GroupResource(NamedTuple):
    """
    A resource without a version; its text form is what messages carry.
    """

    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


class GroupKind(NamedTuple):
    """
    A kind without a version; its text form is what messages carry.
    """

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class GroupVersionKind(NamedTuple):
    """
    A kind as an object's C{apiVersion} and C{kind} name it.
    """

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """
        The object's C{apiVersion}: C{group/version}, or C{version} in the core group.
        """
        return f"{self.group}/{self.version}" if self.group else self.version
