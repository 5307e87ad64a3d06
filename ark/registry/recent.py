"""
Objects as they were written a moment ago.

An object is often written several times within a short while, and each of these writes begins with
what the one before it has left.  That need not be read out of its text again, nor judged again.
Other objects are not kept: what stays for nothing is no longer in the processor's cache when it goes.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from ark.apply.managedfields import ManagedFields
from ark.meta.records import Key, Version
from ark.registry.codec import Object

BYTES = 1 << 19
"""
How long the texts may be together of all objects of a kind that are kept.
"""

_WITHIN = 200
"""
Within how many revisions an object has to be written again to be kept.
"""


class Recent(NamedTuple):
    """
    An object that a store has written.

    @ivar body: its text.
    @ivar obj: the object without C{metadata.managedFields}.  Neither it nor any part of it is ever
        changed.
    @ivar is_sound: whether each of its members is such as the store that wrote it wants it: nothing
        is to be pruned or filled in, and nothing is wrong with the metadata.
    """

    body: bytes
    obj: Object
    managed: ManagedFields
    is_sound: bool


class RecentObjects:
    """
    The objects that one store has written last.
    """

    def __init__(self, most: int = BYTES) -> None:
        """
        @param most: how long their texts may be together; C{0} keeps none.
        """
        self._most = most
        self._bytes = 0
        self._newest = 0
        self._kept: OrderedDict[Key, Recent] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, version: Version) -> Recent | None:
        """
        What was written as this version, if it is known.
        """
        found = self._kept.get(version.key)
        return found if found is not None and found.body == version.body else None

    def is_sound(self, key: Key, obj: Object | None) -> bool:
        """
        Whether this very object is one of them, and sound.
        """
        found = self._kept.get(key)
        return found is not None and found.obj is obj and found.is_sound

    def wants(self, version: Version) -> bool:
        """
        Whether what is about to take the place of a version is to be kept.
        """
        return self._newest - version.revision < _WITHIN and self._most > 0

    def note(self, version: Version) -> None:
        """
        Something was written as C{version}.
        """
        self._newest = version.revision

    def keep(self, version: Version, obj: Object, managed: ManagedFields, is_sound: bool) -> None:
        """
        Keep what was written as C{version}; only its revision is filled in.
        """
        obj["metadata"]["resourceVersion"] = str(version.revision)
        body, kept = version.body, self._kept
        before = kept.pop(version.key, None)
        kept[version.key] = Recent(body, obj, managed, is_sound)
        self._bytes += len(body) - (0 if before is None else len(before.body))
        while self._bytes > self._most:
            self._bytes -= len(kept.popitem(last=False)[1].body)
