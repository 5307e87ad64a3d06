"""
What server-side apply knows of a kind: its schemas in all versions, what its writes do not
reach, and where its scale stands.

Follows C{getOrCreateServingInfoFor} in C{pkg/apiserver/customresource_handler.go} of
apiextensions, and the C{GetResetFields} of the strategies.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import orjson

from ark.apis.kind import Kind
from ark.apply.fieldpath import Path, field_path
from ark.apply.fieldtracker import FieldTracker
from ark.apply.managedfieldsscale import SCALE_VERSION, ScaleEntries
from ark.apply.resetfields import Ignored
from ark.apply.typedschema import TypedSchema, compile_typed
from ark.registry.codec import Object
from ark.registry.scale import SCALE
from ark.registry.schema import Processor, compile_schema
from ark.registry.strategy import Strategy

VersionOf = Callable[[str], "Kind | None"]
"""
Finds a kind in another of its versions by the version's name (C{v1alpha1}).
"""


class _KindVersions:
    """
    The versions of a kind (L{ark.apply.merge.Versions}).
    """

    def __init__(self, kind: Kind, version_of: VersionOf) -> None:
        self._group = kind.group
        self._own = kind.api_version
        self._typed = typed_schema(kind)
        self._version_of = version_of
        self._processors: WeakKeyDictionary[Kind, Processor] = WeakKeyDictionary()

    def schema(self, version: str) -> TypedSchema | None:
        """
        The schema of a version that there is.
        """
        if version == self._own:
            return self._typed
        kind = self.kind(version)
        return None if kind is None else typed_schema(kind)

    def kind(self, version: str) -> Kind | None:
        """
        The kind in an API version (C{group/version}).
        """
        group, _, name = version.rpartition("/")
        return self._version_of(name) if group == self._group else None

    def convert(self, obj: Object, source: str, version: str) -> Object:
        """
        The object as it is read in another version: what that one does not declare is gone.

        @raise TypedError: what is left does not fit; an item that is there twice does not
            either.
        """
        kind = self.kind(version)
        assert kind is not None, "its schema was asked for"
        processor = self._processors.get(kind)
        if processor is None:
            processor = self._processors[kind] = compile_schema(kind)
        converted = copied(obj)
        converted["apiVersion"] = version
        processor.prune(converted)
        typed_schema(kind).check(converted)
        return converted


class _ScaleVersion:
    """
    The one version of a scale.
    """

    def schema(self, version: str) -> TypedSchema | None:
        """
        Its schema.
        """
        return typed_schema(SCALE) if version == SCALE_VERSION else None

    def convert(self, obj: Object, source: str, version: str) -> Object:
        """
        There is no other version.
        """
        raise AssertionError("a scale has one version")


class Tracking:
    """
    Makes what tracks the fields of the objects of one version of a kind.
    """

    def __init__(self, strategy: Strategy, version_of: VersionOf, now: Callable[[], str]) -> None:
        self._strategy = strategy
        self._kind = strategy.kind
        self._version_of = version_of
        self._now = now
        self._trackers: dict[str, FieldTracker] = {}

    def tracker(self, subresource: str) -> FieldTracker:
        """
        What tracks writes to a subresource, or with an empty name to the main resource.
        """
        found = self._trackers.get(subresource)
        if found is None:
            make = self._make_scale if subresource == "scale" else self._make
            found = self._trackers[subresource] = make(subresource)
        return found

    def _make(self, subresource: str) -> FieldTracker:
        kind, strategy = self._kind, self._strategy
        versions = _KindVersions(kind, self._version_of)
        ignored = Ignored(strategy.reset_fields(subresource))
        return FieldTracker(
            kind.gvk,
            versions,
            subresource,
            # Custom resources declare for each version what C{/status} does not reach.
            _Everywhere(ignored) if subresource == "status" else {kind.api_version: ignored},
            self._now,
            strategy.blank,
        )

    def _make_scale(self, subresource: str) -> FieldTracker:
        return FieldTracker(SCALE.gvk, _ScaleVersion(), subresource, {}, self._now)

    def scale_entries(self) -> ScaleEntries:
        """
        What tells who set the count of replicas.
        """
        versions = _KindVersions(self._kind, self._version_of)

        def path_of(version: str) -> Path | None:
            kind = versions.kind(version)
            return None if kind is None else _replicas(kind)

        return ScaleEntries(self._kind.api_version, path_of)


class _Everywhere(dict[str, Ignored]):
    """
    The same for each version.
    """

    def __init__(self, ignored: Ignored) -> None:
        super().__init__()
        self._ignored = ignored

    def get(self, version: str, default: object = None) -> Ignored:
        """
        What was given, always.
        """
        return self._ignored


def _replicas(kind: Kind) -> Path:
    if kind.scale is None:
        return ()
    return field_path(*kind.scale.spec_replicas_path.removeprefix(".").split("."))


_typed: WeakKeyDictionary[Kind, TypedSchema] = WeakKeyDictionary()


def typed_schema(kind: Kind) -> TypedSchema:
    """
    The schema of a kind as server-side apply reads it, made once.
    """
    found = _typed.get(kind)
    if found is None:
        found = _typed[kind] = compile_typed(dict(kind.schema), built_in=kind.typed)
    return found


def copied(obj: Object) -> Object:
    """
    A copy of an object of which every part may be changed.
    """
    result: Object = orjson.loads(orjson.dumps(obj))
    return result
