"""
What kind a request body says it is of.

Kinds that Kubernetes has Go types for take what a body leaves out from the request, as
C{gvkWithDefaults} of C{k8s.io/apimachinery/pkg/runtime/serializer/json} does; custom resources
have to say it.  Contract 5.1.
"""

from __future__ import annotations

from typing import Any

from ark.apis.kind import Kind
from ark.apis.messages import message_of
from ark.meta.gotext import json_type
from ark.meta.status import APIStatus, bad_request
from ark.registry.codec import Object

NO_JSON = "couldn't get version/kind; json parse error: "
_SUMMARY = 30
_TYPE_META = (
    r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
)
# Where Kubernetes made its scheme is part of what it tells.
_SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'


def _summary(data: bytes) -> str:
    if not data:
        return "<empty>"
    more = " ..." if len(data) > _SUMMARY else ""
    data = data[:_SUMMARY]
    return (data.decode("utf-8", "replace") if data[:1] == b"{" else data.hex()) + more


def unrecognized(kind: Kind, why: str, data: bytes) -> APIStatus:
    """
    The answer for a body of which not even the kind can be told.
    """
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind.kind}): {why} ({_summary(data)})"
    )


def cannot_handle(kind: Kind, name: object, why: str, version: str = "") -> APIStatus:
    """
    The answer for a body that is not an object of the kind.

    @param name: the kind that the body says.
    @param version: the version that it says, if not the kind's.
    """
    told = version or kind.version
    return bad_request(f'{name} in version "{told}" cannot be handled as a {kind.kind}: {why}')


def check_version(kind: Kind, api_version: object) -> None:
    """
    Whether an object is of the version that was asked for.

    @raise APIStatus: 400.
    """
    if api_version != kind.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match "
            f"the expected API version ({kind.api_version})"
        )


def check_kind(kind: Kind, name: str) -> None:
    """
    Whether an object of a built-in kind's version is of that kind.

    @raise APIStatus: 400.
    """
    if name == kind.kind:
        return
    if message_of(kind.api_version, name) is None:
        why = f'no kind "{name}" is registered for version "{kind.api_version}" {_SCHEME}'
    else:
        package = kind.group.partition(".")[0] or "core"
        why = f"converting ({kind.version}.{name}) to ({package}.{kind.kind}): unknown conversion"
    raise cannot_handle(kind, name, why)


def settle_type(kind: Kind, value: Any, data: bytes) -> Object:
    """
    The object that a body's value is, which says of what kind it is.

    @param data: the body, for messages.
    @raise APIStatus: 400 when it is none, or one of another kind.
    """
    if value is None and kind.typed:
        value = {}
    if not isinstance(value, dict):
        raise _no_object(kind, value, data)
    if value.get("kind") == kind.kind and value.get("apiVersion") == kind.api_version:
        return value
    for member in ("apiVersion", "kind"):
        _check_text(kind, member, value.get(member), data)
    if kind.typed:
        return _settle_typed(kind, value, data)
    _check_custom(kind, value, data)
    return value


def _no_object(kind: Kind, value: Any, data: bytes) -> APIStatus:
    if value is None:
        return _without_kind(kind, data)
    why = f"{NO_JSON}json: cannot unmarshal {json_type(value)} into Go value of type {_TYPE_META}"
    return unrecognized(kind, why, data)


def _without_kind(kind: Kind, data: bytes) -> APIStatus:
    shown = data.decode("utf-8", "replace")
    return unrecognized(kind, f"Object 'Kind' is missing in '{shown}'", data)


def _check_text(kind: Kind, member: str, value: Any, data: bytes) -> None:
    if value is not None and not isinstance(value, str):
        where = f"Go struct field .{member} of type string"
        raise unrecognized(kind, f"{NO_JSON}json: cannot unmarshal {json_type(value)} into {where}", data)


def _check_custom(kind: Kind, obj: Object, data: bytes) -> None:
    name, api_version = obj.get("kind"), obj.get("apiVersion")
    if not name:
        raise _without_kind(kind, data)
    if api_version is None and "apiVersion" in obj:
        why = ".apiVersion accessor error: <nil> is of the type <nil>, expected string"
        raise bad_request(f'{name} in version "" cannot be handled as a {kind.kind}: {why}')
    check_version(kind, api_version or "")


def _settle_typed(kind: Kind, obj: Object, data: bytes) -> Object:
    name, told = obj.get("kind") or kind.kind, obj.get("apiVersion") or ""
    if told.count("/") > 1:
        raise unrecognized(kind, f"unexpected GroupVersion string: {told}", data)
    group, _, version = told.rpartition("/")
    if not version and group in ("", kind.group):
        group, version = kind.group, kind.version
    if (group, version) != (kind.group, kind.version):
        api_version = f"{group}/{version}" if group else version
        why = f'no kind "{name}" is registered for version "{api_version}" {_SCHEME}'
        raise cannot_handle(kind, name, why, version)
    check_kind(kind, name)
    return {**obj, "kind": name, "apiVersion": kind.api_version}
