"""
JSON merge patches, RFC 7386, with the habits of C{evanphx/json-patch} v4 (contract 7.3).
"""

from __future__ import annotations

from typing import Any


def merge_patch(document: Any, patch: Any, has_nulls: bool = True) -> Any:
    """
    The document that C{patch} makes of C{document}.

    Neither is changed.  The result shares with both what the patch left alone or brought
    whole, so it must be copied before it is changed in place.

    @param has_nulls: whether anything in C{patch} may be C{null}; without, there is less to do.
    """
    if not isinstance(patch, dict) or not isinstance(document, dict):
        return _without_nulls(patch) if has_nulls else patch
    if not has_nulls:
        return _with_members(document, patch)
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif name in result:
            result[name] = _merged(result[name], value)
        else:
            result[name] = _without_nulls(value)
    return result


def _merged(current: Any, patch: Any) -> Any:
    if isinstance(current, dict):
        # An array that replaces an object keeps its nulls: evanphx returns it unread.
        return merge_patch(current, patch) if isinstance(patch, dict) else patch
    return _without_nulls(patch)


def _with_members(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """
    The document once a patch that takes nothing away has set its members.
    """
    result = {**document, **patch}
    for name, value in patch.items():
        if type(value) is dict:
            current = document.get(name)
            if type(current) is dict:
                result[name] = _with_members(current, value)
    return result


def _without_nulls(value: Any) -> Any:
    """
    What is left of a new value: members that are null go, also inside of arrays, while
    items that are null stay.
    """
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
