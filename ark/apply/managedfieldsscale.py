"""
Who set how many replicas there should be: the same in an object and in its scale.

Follows C{k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go}.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.apply.fieldpath import Path, field_path
from ark.apply.fieldset import FieldSet
from ark.apply.managedfields import ManagedFields, ordered
from ark.apply.managedfieldsentry import Entry, Identity

SCALE_VERSION = "autoscaling/v1"
_REPLICAS = field_path("spec", "replicas")
_IN_SCALE = FieldSet.of(_REPLICAS)


class ScaleEntries:
    """
    Turns the entries of an object into those of its scale, and back.

    @param version: the API version that the scale was asked for in.
    @param path_of: tells where the count of replicas stands in an API version of the object:
        an empty path where there is no scale, L{None} if there is no such version.
    """

    def __init__(self, version: str, path_of: Callable[[str], Path | None]) -> None:
        self._version = version
        self._path_of = path_of

    def of_scale(self, managed: ManagedFields) -> ManagedFields:
        """
        The entries of the scale: who owns the count.
        """
        found: dict[Identity, Entry] = {}
        for identity, entry in managed.entries.items():
            path = self._path_of(entry.version)
            if path and entry.fields.has(path):
                owner = _in_version(identity, SCALE_VERSION)
                found[owner] = Entry(owner, _IN_SCALE, SCALE_VERSION, entry.time)
        return ordered(found.values())

    def of_object(self, managed: ManagedFields, scale: ManagedFields) -> ManagedFields:
        """
        The entries of the object, given those it had and those of the scale as written.
        """
        left = dict(scale.entries)
        found: list[Entry] = []
        for identity, entry in managed.entries.items():
            path = self._path_of(entry.version)
            if path is None:
                continue
            if not path or not entry.fields.has(path) or left.pop(identity, None) is not None:
                found.append(entry)
                continue
            fields = entry.fields.difference(FieldSet.of(path))
            if not fields.empty:
                found.append(entry.with_fields(fields))
        mine = self._path_of(self._version)
        for identity, entry in left.items():
            if mine and entry.fields.has(_REPLICAS):
                before = managed.entries.get(identity)
                time = before.time if before else ""
                owner = _in_version(identity, self._version)
                found.append(Entry(owner, FieldSet.of(mine), self._version, time))
        return ordered(found)


def _in_version(identity: Identity, version: str) -> Identity:
    return identity if identity.applied else identity._replace(api_version=version)
