"""
A write as the versions of its resource have it (contract 16.10).

Follows C{versionedAttributeAccessor} in C{k8s.io/apiserver/pkg/admission/plugin/webhook/validating}
and C{plugin/policy/generic}.
"""

from __future__ import annotations

from ark.admission.attributes import Attributes


class Versions:
    """
    Converts a write once for each version that somebody wants to see.

    @ivar asked: the write as it was asked for.
    """

    def __init__(self, attributes: Attributes) -> None:
        self.asked = attributes
        self._found: dict[str, Attributes] = {}

    @property
    def seen(self) -> Attributes:
        """
        The write as whoever was asked last has seen it.
        """
        return self.asked

    async def of(self, version: str) -> Attributes:
        """
        The write in a version.

        @raise APIStatus: 500, it cannot be converted.
        """
        found = self._found.get(version)
        if found is None:
            found = self._found[version] = await self.asked.in_version(version)
        return found


class ChangingVersions(Versions):
    """
    The same for those who change the object one after the other: each sees what the ones before made
    of it (C{ConvertVersionedAttributes} in C{pkg/admission/conversion.go}).
    """

    def __init__(self, attributes: Attributes) -> None:
        super().__init__(attributes)
        self._seen: Attributes | None = None
        self._is_dirty = False

    @property
    def seen(self) -> Attributes:
        """
        See L{Versions.seen}.
        """
        return self._seen or self.asked

    async def of(self, version: str) -> Attributes:
        """
        See L{Versions.of}.
        """
        if self._seen is None or self._seen.version != version:
            await self.take()
            self._seen = await self.asked.in_version(version)
        return self._seen

    def changed(self) -> None:
        """
        The object of L{seen} is another one now.
        """
        self._is_dirty = True

    async def take(self) -> None:
        """
        Have what was changed in the version that was asked for.

        @raise APIStatus: 500, it cannot be converted.
        """
        if self._is_dirty:
            await self.asked.take(self.seen)
            self._is_dirty = False
