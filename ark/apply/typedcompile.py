"""
From the schema of a kind to the types that server-side apply works with.

Follows what kube-apiserver makes of a schema: C{pkg/controller/openapi/builder} of
C{k8s.io/apiextensions-apiserver}, then C{pkg/schemaconv} of C{k8s.io/kube-openapi}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.apply.typed import Atom, ListType, MapType, Member, Scalar

Schema = Mapping[str, Any]

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_SCALARS = {
    "integer": Scalar.NUMERIC,
    "number": Scalar.NUMERIC,
    "boolean": Scalar.BOOLEAN,
    "string": Scalar.STRING,
}
# What Kubernetes takes for a member of its own types that is not there.
_ZEROS: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}

# Kubernetes knows no end, but its sets of fields nest deeper than objects, and must be read
# back with them.
_DEPTH = 100

_TEXT: Schema = {"type": "string"}
_REQUIRED_TEXT: Schema = {"type": "string", "default": ""}
_COUNT: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}

_OWNER: Schema = {
    "type": "object",
    "x-kubernetes-map-type": "atomic",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _REQUIRED_TEXT),
        "blockOwnerDeletion": _FLAG,
        "controller": _FLAG,
    },
}
_MANAGED: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("apiVersion", "fieldsType", "manager", "operation", "subresource"), _TEXT),
        "fieldsV1": {"type": "object"},
        "time": _TIME,
    },
}
_OBJECT_META: Schema = {
    "type": "object",
    "properties": {
        "annotations": _TEXTS,
        "creationTimestamp": _TIME,
        "deletionGracePeriodSeconds": _COUNT,
        "deletionTimestamp": _TIME,
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": _TEXT},
        "generateName": _TEXT,
        "generation": _COUNT,
        "labels": _TEXTS,
        "managedFields": {"type": "array", "x-kubernetes-list-type": "atomic", "items": _MANAGED},
        "name": _TEXT,
        "namespace": _TEXT,
        "ownerReferences": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": _OWNER,
        },
        "resourceVersion": _TEXT,
        "selfLink": _TEXT,
        "uid": _TEXT,
    },
}


def _untyped() -> tuple[Atom, Atom]:
    """
    The types of what no schema describes: with lists and maps that have one owner, and
    with maps whose members have owners of their own.
    """
    atomic = Atom(Scalar.ANY, undescribed=True)
    atomic.list = ListType(atomic)
    atomic.map = MapType(element=atomic, atomic=True)
    deduced = atomic
    for _ in range(_DEPTH):
        in_maps = MapType(element=deduced, deduced=True)
        deduced = Atom(Scalar.ANY, ListType(atomic), in_maps, undescribed=True)
    return atomic, deduced


UNTYPED_ATOMIC, UNTYPED_DEDUCED = _untyped()


class _Compiler:
    def __init__(self, built_in: bool, preserve: bool) -> None:
        self._built_in = built_in
        self._preserve = preserve

    def atom(self, schema: Schema, preserve: bool) -> Atom:
        if schema is _OBJECT_META:
            # Metadata has a schema of its own, which what is around it does not open.
            preserve = self._preserve
        preserve = preserve or schema.get(_PRESERVE) is True
        kind = schema.get("type", "")
        if kind == "object":
            map_type = self._map(schema, preserve)
            return Atom(map=map_type, exact=_is_exact(map_type))
        if kind == "array":
            list_type = self._list(schema, preserve)
            return Atom(list=list_type, exact=list_type.element.exact)
        if not kind and self._built_in and schema.get("x-kubernetes-int-or-string") is True:
            # Kubernetes' own types have it as a text of a special format.
            return _scalar("string", "int-or-string")
        if kind:
            return _scalar(kind, schema.get("format", ""))
        return Atom(Scalar.ANY, self._list(schema, preserve), self._map(schema, preserve))

    def _map(self, schema: Schema, preserve: bool) -> MapType:
        properties = dict(schema.get("properties") or {})
        if schema.get("x-kubernetes-embedded-resource") is True:
            properties |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _OBJECT_META}
        required = schema.get("required") or ()
        members = {
            name: Member(self.atom(member, preserve), self._default(member, name in required))
            for name, member in properties.items()
        }
        element = self._element(schema, preserve, not members)
        deduced = not members and (element is UNTYPED_DEDUCED or _is_any(element))
        return MapType(members, element, schema.get("x-kubernetes-map-type") == "atomic", deduced)

    def _default(self, schema: Schema, required: bool) -> Any:
        default = schema.get("default")
        if not self._built_in or default:
            return default
        # Kubernetes' own types have no empty defaults but those of required members.
        return _ZEROS.get(schema.get("type", "")) if required else None

    def _element(self, schema: Schema, preserve: bool, free: bool) -> Atom | None:
        """
        The type of members that are not declared.
        """
        others = schema.get("additionalProperties")
        if others is None:
            return UNTYPED_DEDUCED if preserve or free else None
        if isinstance(others, Mapping):
            return self.atom(others, preserve)
        return UNTYPED_DEDUCED if others else None

    def _list(self, schema: Schema, preserve: bool) -> ListType:
        items = schema.get("items")
        element = UNTYPED_ATOMIC if items is None else self.atom(items, preserve)
        atomic, keys = _relation(schema)
        return ListType(element, atomic, keys)


def _scalar(kind: str, text_format: str) -> Atom:
    if kind == "string" and text_format not in ("", "byte"):
        # Kubernetes says nothing of the type here; that it is a text is checked elsewhere.
        return Atom(Scalar.ANY, exact=True)
    return Atom(_SCALARS.get(kind, Scalar.ANY), exact=kind in _SCALARS)


def _relation(schema: Schema) -> tuple[bool, tuple[str, ...]]:
    """
    Whether a list has one owner as a whole, and the members its items are known by.
    """
    kind = schema.get("x-kubernetes-list-type")
    if kind is not None:
        keys = schema.get("x-kubernetes-list-map-keys") or () if kind == "map" else ()
        return kind not in ("set", "map"), tuple(keys)
    if schema.get("x-kubernetes-patch-strategy") in ("merge", "merge,retainKeys"):
        key = schema.get("x-kubernetes-patch-merge-key")
        return False, (key,) if key else ()
    return True, ()


def _is_any(atom: Atom | None) -> bool:
    return atom is not None and atom.scalar is Scalar.ANY


def _is_exact(map_type: MapType) -> bool:
    return (map_type.element is None or map_type.element.exact) and all(
        member.atom.exact for member in map_type.members.values()
    )


def _without_entries(atom: Atom) -> Atom:
    """
    The type of objects whose C{metadata.managedFields} are kept apart, so that what these may
    hold does not count.
    """
    root = atom.map
    metadata = root.members["metadata"].atom if root else None
    if root is not None and metadata is not None and metadata.map is not None:
        metadata.map.members["managedFields"].atom.exact = True
        metadata.exact = _is_exact(metadata.map)
        atom.exact = _is_exact(root)
    return atom


def compile_object(schema: Schema, preserve_unknown: bool, built_in: bool) -> Atom:
    """
    The type of the objects of a kind.

    @param schema: its C{openAPIV3Schema}.
    @param preserve_unknown: members that are not declared are kept everywhere.
    @param built_in: the kind is one of Kubernetes' own, where a required member that is
        not there is zero.
    """
    own = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _OBJECT_META}
    if not schema:
        return Atom(map=MapType(element=UNTYPED_DEDUCED, deduced=True))
    properties = {**(schema.get("properties") or {}), **own}
    compiler = _Compiler(built_in, preserve_unknown)
    return _without_entries(compiler.atom({**schema, "properties": properties}, preserve_unknown))
