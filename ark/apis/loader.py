"""
Definitions to kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ark.apis.definition import kinds_of, version_order
from ark.apis.kind import Kind
from ark.apis.manifest import InvalidDefinition, Manifest, read_manifests

__all__ = ["BUILT_IN", "InvalidDefinition", "KindRegistry"]

BUILT_IN = Path(__file__).parent


class KindRegistry:
    """
    All served kinds, in the order of group and plural, most preferred version first.

    It never changes; when there are other kinds there is another registry.

    @param kinds: every version of every resource, also those that are not served.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._all = sorted(kinds, key=lambda kind: (kind.group, kind.plural, version_order(kind.version)))
        self._declared = {(kind.group, kind.version, kind.plural): kind for kind in self._all}
        self._kinds = {place: kind for place, kind in self._declared.items() if kind.served}

    @classmethod
    def from_manifests(cls, manifests: Iterable[dict[str, Any]], file: str = "") -> KindRegistry:
        """
        The kinds of parsed CustomResourceDefinitions.

        @raise InvalidDefinition: one is wrong.
        """
        return cls._from(Manifest(file, manifest) for manifest in manifests)

    @classmethod
    def load(cls, paths: Sequence[Path] = (), built_in: bool = True) -> KindRegistry:
        """
        The built-in kinds, with those of files or folders beside, or instead of, those of
        the same group and plural.  Of two definitions of one resource the later counts.

        @raise InvalidDefinition: a manifest is wrong.
        """
        return cls._from(_read(paths, built_in))

    @classmethod
    def typed(cls) -> KindRegistry:
        """
        The kinds that are built into Kubernetes, read once.
        """
        return _typed()

    @classmethod
    def _from(cls, manifests: Iterable[Manifest]) -> KindRegistry:
        resources: dict[tuple[str, str], list[Kind]] = {}
        for manifest in manifests:
            kinds = kinds_of(manifest)
            for kind in kinds[:1]:
                resources[kind.group, kind.plural] = kinds
        registry = cls(kind for kinds in resources.values() for kind in kinds)
        registry._check_names()
        return registry

    def _check_names(self) -> None:
        taken: dict[tuple[str, str], str] = {}
        for kind in self:
            for name in (kind.kind, kind.list_kind):
                other = taken.setdefault((kind.group, name), kind.plural)
                if other != kind.plural:
                    cause = f"spec.names: {name} of {kind.resource} is taken by {other}"
                    raise InvalidDefinition(cause)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def get(self, group: str, version: str, plural: str) -> Kind | None:
        """
        The kind that is served at C{/apis/<group>/<version>/<plural>}.
        """
        return self._kinds.get((group, version, plural))

    def declared(self, group: str, version: str, plural: str) -> Kind | None:
        """
        A version of a resource, also one that is not served.
        """
        return self._declared.get((group, version, plural))

    def kinds(self) -> list[Kind]:
        """
        Every served version of every resource.
        """
        return list(self._kinds.values())

    def stored(self) -> dict[str, Kind]:
        """
        The version that objects are kept in, served or not, by resource
        (C{queries.ark.mckinsey.com}).
        """
        return {kind.resource: kind for kind in self._all if kind.is_storage}

    def versions_of(self, resource: str) -> list[Kind]:
        """
        All versions of a resource, served or not.
        """
        return [kind for kind in self._all if kind.resource == resource]

    def extended(self, kinds: Iterable[Kind]) -> KindRegistry:
        """
        These kinds and others, which take the place of those of the same resource.  Kinds
        that are built into Kubernetes stay.
        """
        built_in = {kind.resource for kind in self._all if kind.typed}
        others = [kind for kind in kinds if kind.resource not in built_in]
        replaced = {kind.resource for kind in others}
        return KindRegistry([*(kind for kind in self._all if kind.resource not in replaced), *others])

    def groups(self) -> list[str]:
        """
        The names of the groups, the core group (empty) first, then as C{SortedByGroupAndVersion}
        of C{k8s.io/kube-aggregator} puts them: those built in, and then by the names of the
        versions' C{APIService} objects.
        """
        places: dict[str, tuple[bool, str]] = {}
        for kind in self:
            place = (
                bool(kind.group) and not kind.typed,
                f"{kind.version}.{kind.group}" if kind.group else "",
            )
            places[kind.group] = min(place, places.get(kind.group, place))
        return sorted(places, key=places.__getitem__)

    def preferred_versions(self, group: str) -> list[str]:
        """
        The versions of a group, the most preferred first.
        """
        return sorted({kind.version for kind in self if kind.group == group}, key=version_order)

    def of_version(self, group: str, version: str) -> list[Kind]:
        """
        The kinds of one version of a group, by plural.
        """
        return [kind for kind in self if kind.group == group and kind.version == version]


def _read(paths: Sequence[Path], built_in: bool) -> Iterator[Manifest]:
    folders = sorted(path for path in BUILT_IN.iterdir() if path.is_dir()) if built_in else []
    return (manifest for path in (*folders, *paths) for manifest in read_manifests(path))


def read_definitions(paths: Sequence[Path] = ()) -> tuple[KindRegistry, dict[str, Manifest]]:
    """
    The kinds that are built into Kubernetes, and the manifests of all others by name, out of
    those that come with the server and those of files or folders.  The last one of a name
    counts.

    @raise InvalidDefinition: a manifest is wrong.
    """
    manifests = {manifest.body["metadata"]["name"]: manifest for manifest in _checked(_read(paths, True))}
    registry = KindRegistry._from(manifests.values())
    typed = {str(kind.gr) for kind in registry if kind.typed}
    custom = {name: manifest for name, manifest in manifests.items() if name not in typed}
    return KindRegistry(kind for kind in registry._all if kind.typed), custom


@cache
def _typed() -> KindRegistry:
    return read_definitions()[0]


def _checked(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    for manifest in manifests:
        metadata = manifest.body.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            raise InvalidDefinition("metadata.name: is required", manifest.file)
        yield manifest
