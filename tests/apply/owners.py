"""
A kind in two versions, and what tracks the fields of its objects.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ark.apply.fieldtracker import FieldTracker
from ark.apply.managedfields import NOTHING, ManagedFields
from ark.apply.resetfields import Ignored
from ark.apply.typedschema import TypedSchema, compile_typed
from ark.meta.gvk import GroupVersionKind

V1, V2 = "g/v1", "g/v2"
TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"name": TEXT, "value": TEXT}}
SPEC = {
    "a": TEXT,
    "b": TEXT,
    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
    "items": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": ITEM,
    },
    "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": TEXT},
    "map": {"type": "object", "additionalProperties": TEXT},
    "replicas": {"type": "integer"},
}
STATUS = {"phase": TEXT}


# What has come so often is remembered in all its parts.
OFTEN = 8


def schema_of(spec: Mapping[str, Any]) -> TypedSchema:
    """
    The schema of a kind with these members in C{spec}.
    """
    parts = {"spec": spec, "status": STATUS}
    return compile_typed(
        {
            "type": "object",
            "properties": {name: {"type": "object", "properties": part} for name, part in parts.items()},
        }
    )


class TwoVersions:
    """
    C{g/v2} calls C{spec.a} of C{g/v1} C{spec.first}.
    """

    def __init__(self) -> None:
        renamed = {("first" if name == "a" else name): node for name, node in SPEC.items()}
        self.schemas = {V1: schema_of(SPEC), V2: schema_of(renamed)}

    def schema(self, version: str) -> TypedSchema | None:
        """
        One of the two.
        """
        return self.schemas.get(version)

    def convert(self, obj: dict[str, Any], source: str, version: str) -> dict[str, Any]:
        """
        Rename.
        """
        names = {"a": "first"} if version == V2 else {"first": "a"}
        spec = {names.get(name, name): value for name, value in (obj.get("spec") or {}).items()}
        return {**obj, "apiVersion": version, **({"spec": spec} if "spec" in obj else {})}


class Trackers:
    """
    What tracks the fields of all objects of the kind.

    @ivar second: the time of the next write.
    """

    def __init__(self, versions: TwoVersions | None = None) -> None:
        self.versions = versions or TwoVersions()
        self.second = 0
        self._made: dict[tuple[str, str], FieldTracker] = {}

    def tracker(self, version: str, subresource: str) -> FieldTracker:
        """
        What tracks writes in a version, and to a subresource.
        """
        found = self._made.get((version, subresource))
        if found is None:
            ignored = Ignored(("metadata", "spec") if subresource else ("status",))
            kind = GroupVersionKind("g", version[2:], "Thing")
            found = FieldTracker(kind, self.versions, subresource, {version: ignored}, self.now)
            self._made[version, subresource] = found
        return found

    def now(self) -> str:
        """
        The time of a write.
        """
        return f"2026-01-01T00:{self.second // 60:02}:{self.second % 60:02}Z"


class History:
    """
    One object, and all that is done to it.

    @ivar second: the time of the next write.
    """

    def __init__(self, versions: TwoVersions | None = None, trackers: Trackers | None = None) -> None:
        self.trackers = trackers or Trackers(versions)
        self.versions = self.trackers.versions
        self.second = 0
        self.live: dict[str, Any] | None = None
        self.managed: ManagedFields = NOTHING

    def tracker(self, version: str = V1, subresource: str = "") -> FieldTracker:
        """
        What tracks the next write.
        """
        self.trackers.second = self.second
        return self.trackers.tracker(version, subresource)

    def thing(self, version: str = V1, **members: Any) -> dict[str, Any]:
        """
        An object of the kind.
        """
        return {"apiVersion": version, "kind": "Thing", "metadata": {"name": "t"}, **members}

    def _shown(self, version: str) -> dict[str, Any] | None:
        if self.live is None or version == V1:
            return copy.deepcopy(self.live)
        return self.versions.convert(copy.deepcopy(self.live), V1, version)

    def _keep(self, new: dict[str, Any], version: str) -> None:
        self.live = copy.deepcopy(new if version == V1 else self.versions.convert(new, version, V1))
        self.second += 1

    def update(
        self, manager: str, spec: Any = None, version: str = V1, subresource: str = "", **members: Any
    ) -> list[dict[str, Any]]:
        """
        Replace the object, or one part of it.
        """
        live = self._shown(version)
        new = self.thing(version, **({} if spec is None else {"spec": spec}), **members)
        if subresource and live is not None:
            new = {**live, "status": new.get("status")}
        self.managed = self.tracker(version, subresource).update(live, new, self.managed, manager)
        self._keep(new, version)
        return self.managed.members()

    def apply(
        self, manager: str, spec: Any = None, version: str = V1, force: bool = False, **members: Any
    ) -> list[dict[str, Any]]:
        """
        Apply a configuration.
        """
        config = self.thing(version, **({} if spec is None else {"spec": spec}), **members)
        live = self._shown(version)
        before = copy.deepcopy((live, config))
        new, managed = self.tracker(version).apply(live, config, self.managed, manager, force)
        assert (live, config) == before, "nothing that was given is changed"
        self.managed = managed
        self._keep(new, version)
        return managed.members()

    def fields(self, manager: str, operation: str = "Apply", version: str = V1, subresource: str = "") -> Any:
        """
        The C{fieldsV1} of one entry; L{None} if there is none.
        """
        for entry in self.managed.members():
            found = entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")
            if found == (manager, operation, version, subresource):
                return entry["fieldsV1"]
        return None
