"""
Documents that list what a server has: only what both servers have, in one order, is compared.
"""

from __future__ import annotations

from typing import Any

GROUPS = ("ark.mckinsey.com", "probe.example.com", "kinds.example.com")

_NAMES = ("name", "resource", "subresource")


def own_groups(body: Any) -> Any:
    """
    A body of discovery without the groups that only one side serves; any other body as it is.
    """
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("groups"), list):
        return {**body, "groups": [one for one in body["groups"] if one.get("name") in GROUPS]}
    if body.get("kind") == "APIGroupDiscoveryList":
        return {**body, "items": [one for one in body["items"] if one["metadata"].get("name") in GROUPS]}
    if "paths" in body and "openapi" not in body and "swagger" not in body:
        return {**body, "paths": _own_paths(body["paths"])}
    return body


def in_one_order(members: dict[str, Any]) -> dict[str, Any]:
    """
    Verbs and resources by name: kube-apiserver lists them in the order of a map.
    """
    if isinstance(members.get("verbs"), list):
        members["verbs"] = sorted(members["verbs"], key=str)
    for name in ("resources", "subresources"):
        if isinstance(members.get(name), list) and all(isinstance(one, dict) for one in members[name]):
            members[name] = sorted(members[name], key=lambda one: [str(one.get(key)) for key in _NAMES])
    return members


def _own_paths(paths: Any) -> Any:
    if isinstance(paths, dict):
        return {path: value for path, value in paths.items() if _is_own(path)}
    return [path for path in paths if _is_own(str(path))]


def _is_own(path: str) -> bool:
    return any(group in path for group in GROUPS)
