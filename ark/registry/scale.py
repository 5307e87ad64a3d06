"""
The members that C{/scale} reads.

Follows C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/validator.go}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apis.kind import Scale
from ark.meta.fielderrors import invalid
from ark.meta.status import Cause

_MOST = (1 << 31) - 1
_GO_TYPES = {str: "string", bool: "bool", int: "int64", float: "float64", dict: "map[string]interface {}"}


class _Wrong(Exception):
    """
    A member on the way is not what it has to be.
    """


def _nested(obj: Any, path: str, wanted: type) -> Any:
    names = path.removeprefix(".").split(".")
    for depth, name in enumerate(names):
        if type(obj) is not dict:
            place = "." + ".".join(names[:depth])
            raise _Wrong(f"{place} accessor error: {_go(obj)}, expected map[string]interface{{}}")
        if name not in obj:
            return wanted()
        obj = obj[name]
    if type(obj) is not wanted:
        raise _Wrong(f".{'.'.join(names)} accessor error: {_go(obj)}, expected {_GO_TYPES[wanted]}")
    return obj


def _go(value: Any) -> str:
    kind = _GO_TYPES.get(type(value), "<nil>" if value is None else "[]interface {}")
    shown = (
        {True: "true", False: "false", None: "<nil>"}.get(value, value)
        if not isinstance(value, (dict, list))
        else value
    )
    return f"{shown} is of the type {kind}"


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
