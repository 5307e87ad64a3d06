"""
Strategic merge patches for the kinds that Kubernetes itself serves.

Follows C{k8s.io/apimachinery/pkg/util/strategicpatch}.  How a list is merged stands in
the schema: C{x-kubernetes-patch-strategy} (C{merge}, C{replace}, C{retainKeys}, joined by
commas) and C{x-kubernetes-patch-merge-key}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ark.apply.elementorder import (
    NoMergeKey,
    Places,
    element_kind,
    identity_of,
    in_patch_order,
    known_by,
    merge_key_of,
    partition,
)
from ark.meta.status import APIStatus, bad_request

Schema = Mapping[str, Any]
Object = dict[str, Any]

_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_ORDER = "$setElementOrder"
_DELETE_FROM = "$deleteFromPrimitiveList"

_TYPE = ("apiVersion", "kind")
_METADATA: Schema = {
    "properties": {
        "ownerReferences": {
            "items": {},
            "x-kubernetes-patch-strategy": "merge",
            "x-kubernetes-patch-merge-key": "uid",
        },
        "finalizers": {"items": {}, "x-kubernetes-patch-strategy": "merge"},
    }
}


def strategic_merge(document: Object, patch: Object, schema: Schema) -> Object:
    """
    The object that C{patch} makes of C{document}.  Neither is changed.

    @param schema: of the whole object.  The metadata's is known here.
    @raise APIStatus: 400 or 422, the patch does not fit.
    """
    whole = {**schema, "properties": {**schema.get("properties", {}), "metadata": _METADATA}}
    current: Object = orjson.loads(orjson.dumps(document))
    change: Object = orjson.loads(orjson.dumps(patch))
    # What an object is does not go with the rest: in Go its type says so.
    own = {name: current[name] for name in _TYPE if name in current}
    try:
        return {**own, **_merge_map(current, change, whole)}
    except NoMergeKey as error:
        raise _unprocessable(str(error)) from None


def _unprocessable(why: str) -> APIStatus:
    return APIStatus(422, "Invalid", f"the server rejected our request due to an error in our request: {why}")


class _Field:
    """
    What a schema says about merging one member.
    """

    def __init__(self, schema: Schema, name: str) -> None:
        member: Schema = (schema.get("properties") or {}).get(name) or {}
        if not member and isinstance(schema.get("additionalProperties"), dict):
            member = schema["additionalProperties"]
        strategies = [
            strategy
            for strategy in str(member.get("x-kubernetes-patch-strategy", "")).split(",")
            if strategy != "retainKeys"
        ]
        self.schema = member
        self.items: Schema = member.get("items") or {}
        self.strategy = strategies[0] if strategies else ""
        self.merge_key: str = member.get("x-kubernetes-patch-merge-key", "")


def _merge_map(current: Object, patch: Object, schema: Schema) -> Object:
    if _DIRECTIVE in patch:
        return _replaced(patch)
    _retain_keys(current, patch)
    _merge_ordered(current, patch, schema)
    # In the order of names: what a patch deletes goes before what it adds.
    for key, value in sorted(patch.items()):
        if key.startswith(_DELETE_FROM):
            _delete_from_list(current, _list_named(key, _DELETE_FROM, "primitive list"), value)
        elif value is None:
            current.pop(key, None)
        else:
            _merge_member(current, key, value, schema)
    return current


def _replaced(patch: Object) -> Object:
    directive = patch.pop(_DIRECTIVE)
    if directive == "replace":
        return patch
    if directive == "delete":
        return {}
    raise bad_request(f"unknown patch type: {directive} in map")


def _merge_member(current: Object, key: str, value: Any, schema: Schema) -> None:
    existing = current.get(key)
    if isinstance(existing, dict) and isinstance(value, dict):
        field = _Field(schema, key)
        current[key] = value if field.strategy == "replace" else _merge_map(existing, value, field.schema)
    elif isinstance(existing, list) and isinstance(value, list):
        field = _Field(schema, key)
        current[key] = _merge_list(existing, value, field) if field.strategy == "merge" else value
    else:
        kept, result = _without_directives(_without_nulls(value))
        if kept:
            current[key] = result
        else:
            current.pop(key, None)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _without_directives(value: Any) -> tuple[bool, Any]:
    """
    Whether a value that comes in whole is kept, and what is left of it.
    """
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return False, None
        members = {name: _without_directives(member) for name, member in value.items()}
        return True, {name: result for name, (kept, result) in members.items() if kept}
    if isinstance(value, list):
        return True, [result for kept, result in map(_without_directives, value) if kept]
    return True, value


def _retain_keys(current: Object, patch: Object) -> None:
    if _RETAIN_KEYS not in patch:
        return
    names = patch.pop(_RETAIN_KEYS)
    wrong = bad_request("invalid patch format of retainKeys")
    if not isinstance(names, list):
        raise wrong
    for name, value in patch.items():
        if value is not None and not name.startswith((_DELETE_FROM, _ORDER)) and name not in names:
            raise wrong
    for name in list(current):
        if name not in names:
            del current[name]


def _list_named(key: str, prefix: str, what: str) -> str:
    start, slash, name = key.partition("/")
    if start != prefix or not slash:
        raise bad_request(f"invalid patch format of {what}")
    return name


def _delete_from_list(current: Object, name: str, values: Any) -> None:
    existing = current.get(name)
    if values is None:
        current.pop(name, None)
    elif isinstance(existing, list) and isinstance(values, list):
        current[name] = partition(existing, values, "")[1]


def _merge_list(current: list[Any], patch: list[Any], field: _Field) -> list[Any]:
    if not current and not patch:
        return current
    if element_kind(current, patch) is not dict:
        distinct: dict[Any, Any] = {}
        for item in [*current, *patch]:
            distinct.setdefault(identity_of(item), item)
        return in_patch_order(list(distinct.values()), patch, current, "")
    if not field.merge_key:
        raise _unprocessable("cannot merge lists without merge key")
    current, patch = _apply_list_directives(current, patch, field.merge_key)
    merged = _merge_items(current, patch, field)
    return in_patch_order(merged, patch, current, field.merge_key)


def _apply_list_directives(
    current: list[Any], patch: list[Any], merge_key: str
) -> tuple[list[Any], list[Any]]:
    plain = [item for item in patch if _DIRECTIVE not in item]
    replace = False
    deleted = set()
    for item in patch:
        if _DIRECTIVE not in item:
            continue
        directive = item[_DIRECTIVE]
        if directive == "replace":
            replace = True
        elif directive == "delete":
            deleted.add(identity_of(merge_key_of(item, merge_key)))
        elif directive == "merge":
            raise _unprocessable("merging lists cannot yet be specified in the patch")
        else:
            raise bad_request(f"unknown patch type: {directive} in map")
    if replace:
        return plain, []
    return [item for item in current if identity_of(item.get(merge_key)) not in deleted], plain


def _merge_items(current: list[Any], patch: list[Any], field: _Field) -> list[Any]:
    merged = list(current)
    places = Places(merged, field.merge_key)
    for item in patch:
        place = places.of(item)
        if place is None:
            merged.append(item)
            places.append(item)
        else:
            merged[place] = _merge_map(merged[place], item, field.items)
    return merged


def _merge_ordered(current: Object, patch: Object, schema: Schema) -> None:
    """
    Merge the lists whose order the patch gives, and take them out of the patch.
    """
    for key in [name for name in patch if name.startswith(_ORDER)]:
        order = patch.pop(key)
        name = _list_named(key, _ORDER, "setElementOrder list")
        field = _Field(schema, name)
        existing, change = current.get(name), patch.get(name)
        for value in (order, existing if name in current else [], change if name in patch else []):
            if not isinstance(value, list):
                raise _unprocessable("expected a []interface {}")
        _check_order(change or [], order, field.merge_key)
        if name in current and name in patch:
            if field.strategy == "merge":
                merged = _merge_list(existing, change, field)  # type: ignore[arg-type]
            else:
                merged = change  # type: ignore[assignment]
        elif name in current:
            merged = existing  # type: ignore[assignment]
        elif name in patch:
            merged = _without_directives(change)[1]
        else:
            continue
        patch.pop(name, None)
        current[name] = in_patch_order(merged, order, existing or [], field.merge_key)


def _check_order(change: list[Any], order: list[Any], merge_key: str) -> None:
    """
    What the patch brings must stand in its order list, in the same order.
    """
    if not order or not change:
        return
    rest = iter(order)
    for item in change:
        if isinstance(item, dict) and _DIRECTIVE in item:
            continue
        wanted = identity_of(merge_key_of(item, merge_key))
        if not any(known_by(each, merge_key) == wanted for each in rest):
            raise bad_request("The order in patch list doesn't match $setElementOrder list")
