"""
The subresource C{/scale}: C{autoscaling/v1} C{Scale} objects made of other objects, and back.

Follows C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go} (C{ScaleREST}) and
C{validator.go} beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apis.kind import Column, Kind, Scale
from ark.apply.managedfields import ManagedFields
from ark.apply.managedfieldsscale import ScaleEntries
from ark.meta.fielderrors import invalid
from ark.meta.metatypes import WrongType, check_types
from ark.meta.status import APIStatus, Cause, bad_request, internal_error
from ark.registry.codec import Object
from ark.registry.failures import go_text

_MOST = (1 << 31) - 1
_NOT_SET = -(1 << 31)
_SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_GO_TYPES = {str: "string", bool: "bool", int: "int64", float: "float64", dict: "map[string]interface {}"}


class _Wrong(Exception):
    """
    A member on the way is not what it has to be.
    """


def _nested(obj: Any, path: str, wanted: type) -> Any:
    names = path.removeprefix(".").split(".")
    for depth, name in enumerate(names):
        if obj is None:
            return wanted()
        if type(obj) is not dict:
            place = "." + ".".join(names[: depth + 1])
            raise _Wrong(f"{place} accessor error: {_go(obj)}, expected map[string]interface{{}}")
        if name not in obj:
            return wanted()
        obj = obj[name]
    if type(obj) is not wanted:
        raise _Wrong(f".{'.'.join(names)} accessor error: {_go(obj)}, expected {_GO_TYPES[wanted]}")
    return obj


def _go(value: Any) -> str:
    kind = _GO_TYPES.get(type(value), "<nil>" if value is None else "[]interface {}")
    return f"{go_text(value)} is of the type {kind}"


def scale_faults(obj: dict[str, Any], scale: Scale | None, spec: bool = True) -> Iterator[Cause]:
    """
    The faults of an object's replica counts and selector.
    """
    if scale is None:
        return
    if spec:
        yield from _count_faults(obj, scale.spec_replicas_path)
    yield from _count_faults(obj, scale.status_replicas_path)
    if scale.label_selector_path:
        try:
            _nested(obj, scale.label_selector_path, str)
        except _Wrong as wrong:
            yield invalid(scale.label_selector_path, "", str(wrong))


def _count_faults(obj: dict[str, Any], path: str) -> Iterator[Cause]:
    try:
        count = _nested(obj, path, int)
    except _Wrong as wrong:
        yield invalid(path, 0, str(wrong))
        return
    if count < 0:
        yield invalid(path, count, "should be a non-negative integer")
    elif count > _MOST:
        yield invalid(path, count, f"should be less than or equal to {_MOST}")


_MEMBERS = frozenset(("kind", "apiVersion", "metadata", "spec", "status"))
_INT32 = {"type": "integer", "format": "int32"}
SCALE = Kind(
    group="autoscaling",
    version="v1",
    kind="Scale",
    plural="scales",
    singular="scale",
    list_kind="ScaleList",
    typed=True,
    columns=(
        Column("Desired", "integer", ".spec.replicas", description="How many replicas are wanted."),
        Column("Available", "integer", ".status.replicas", description="How many replicas there are."),
        Column("Age", "date", ".metadata.creationTimestamp", description="When the object was created."),
    ),
    schema={
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"replicas": _INT32}},
            "status": {"type": "object", "properties": {"replicas": _INT32, "selector": {"type": "string"}}},
        },
    },
)
"""
What clients read and write at C{/scale}.
"""


def scale_of(obj: Object, paths: Scale) -> Object:
    """
    The scale of an object.  Where the object does not say how many replicas it wants,
    neither does the scale.

    @raise APIStatus: 500, a member is not what it has to be.
    """
    try:
        wanted = _nested(obj, paths.spec_replicas_path, int)
        found = _nested(obj, paths.status_replicas_path, int)
        selector = _nested(obj, paths.label_selector_path, str) if paths.label_selector_path else ""
    except _Wrong as wrong:
        raise APIStatus(500, "", str(wrong)) from wrong
    metadata = obj["metadata"]
    status: Object = {"replicas": found}
    if selector:
        status["selector"] = selector
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {name: metadata[name] for name in _SHOWN_METADATA if name in metadata},
        # The client's library leaves out a zero.
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def read_scale(obj: Object, paths: Scale) -> Object:
    """
    The scale that answers a read.

    @raise APIStatus: 500, the object does not say how many replicas it wants.
    """
    if not _says_replicas(obj, paths):
        raise internal_error(f'the spec replicas field "{paths.spec_replicas_path}" does not exist')
    return scale_of(obj, paths)


def scale_to_change(obj: Object, paths: Scale) -> Object:
    """
    The scale that a patch is applied to: a count that the object lacks shows as one that
    L{with_scale} refuses.

    @raise APIStatus: 500.
    """
    scale = scale_of(obj, paths)
    if not _says_replicas(obj, paths):
        scale["spec"] = {"replicas": _NOT_SET}
    return scale


def _says_replicas(obj: Any, paths: Scale) -> bool:
    for name in paths.spec_replicas_path.removeprefix(".").split("."):
        if type(obj) is not dict or name not in obj:
            return False
        obj = obj[name]
    return True


def with_scale(obj: Object, scale: Object, paths: Scale) -> Object:
    """
    An object with the count of replicas, and the expected revision, of a scale.

    @raise APIStatus: 400, the scale does not say how many replicas it wants.
    """
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas == _NOT_SET:
        raise bad_request(f'the spec replicas field "{paths.spec_replicas_path}" cannot be empty')
    result = _with_member(obj, paths.spec_replicas_path.removeprefix(".").split("."), replicas)
    result["metadata"] = dict(obj["metadata"])
    # Without one the write is unconditional: the object keeps the revision that was read.
    if scale["metadata"].get("resourceVersion"):
        result["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"]
    return result


class ScalePart:
    """
    What a write to C{/scale} sees, and makes, of the objects of a kind.
    """

    def __init__(self, paths: Scale, entries: ScaleEntries) -> None:
        """
        @param entries: tell who set how many replicas an object wants.
        """
        self._paths = paths
        self._entries = entries

    def before(self, obj: Object, managed: ManagedFields) -> tuple[Object, ManagedFields]:
        """
        The scale that is to be changed, and who set it.

        @raise APIStatus: 500.
        """
        return scale_to_change(obj, self._paths), self._entries.of_scale(managed)

    def shown(self, obj: Object) -> Object:
        """
        The scale of an object as it is.

        @raise APIStatus: 500.
        """
        return scale_of(obj, self._paths)

    def merged(
        self, live: tuple[Object, ManagedFields], scale: tuple[Object, ManagedFields]
    ) -> tuple[Object, ManagedFields]:
        """
        An object as a scale wants it, and who set what of it.

        @raise APIStatus: 400, 500.
        """
        (obj, managed), (wanted, owned) = live, scale
        return with_scale(obj, wanted, self._paths), self._entries.of_object(managed, owned)


def settle_scale(scale: Object) -> None:
    """
    Make a scale, in place, of what an admission plug-in left of one.

    @raise APIStatus: 500, a member is of a wrong type.
    """
    for name in scale.keys() - _MEMBERS:
        del scale[name]
    for name in ("metadata", "spec", "status"):
        if scale.get(name) is None:
            scale[name] = {}
    try:
        check_types(scale["metadata"])
    except WrongType as error:
        raise APIStatus(500, "", str(error)) from error
    spec = scale["spec"]
    replicas = (spec.get("replicas") or 0) if type(spec) is dict else spec
    if type(replicas) is not int:
        what = "unable to convert unstructured object to autoscaling/v1, Kind=Scale"
        raise APIStatus(500, "", f"{what}: unrecognized type: int32")


def _with_member(obj: Object, names: list[str], value: Any) -> Object:
    name, *rest = names
    return {**obj, name: _with_member(obj.get(name) or {}, rest, value) if rest else value}
