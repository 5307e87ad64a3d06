"""
The rules for owner references (contract 5.8, 13.18).

Follows C{k8s.io/apimachinery/pkg/api/validation/objectmeta.go} and
C{k8s.io/apiserver/pkg/endpoints/handlers/rest.go}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ark.meta import fielderrors
from ark.meta.gotext import json_marshal
from ark.meta.status import Cause

Owner = Mapping[str, Any]

_OWNERS = "metadata.ownerReferences"
# Each tells of all references again.
_TOLD = 10


def _owner_value(owner: Owner) -> str:
    names = ("apiVersion", "kind", "name", "uid")
    ordered = {name: owner.get(name) or "" for name in names}
    for name in ("controller", "blockOwnerDeletion"):
        if owner.get(name) is not None:
            ordered[name] = owner[name]
    return json_marshal(ordered, ordered=True)


def owner_causes(owners: Sequence[Owner]) -> list[Cause]:
    """
    Judge the references: whole, with one controller at most, none to an event.
    """
    causes: list[Cause] = []
    controller = ""
    shown = ""
    others = 0
    for owner in owners:
        api_version, kind, name = (owner.get(member) or "" for member in ("apiVersion", "kind", "name"))
        if not _version_of(api_version):
            causes.append(
                fielderrors.invalid(f"{_OWNERS}.apiVersion", api_version, "version must not be empty")
            )
        causes += [
            fielderrors.invalid(f"{_OWNERS}.{member}", "", "must not be empty")
            for member in ("kind", "name", "uid")
            if not owner.get(member)
        ]
        if api_version == "v1" and kind == "Event":
            detail = "/v1, Kind=Event is disallowed from being an owner"
            causes.append(_shown(_OWNERS, _owner_value(owner), detail))
        if owner.get("controller") is True:
            current = f"{kind}/{name}"
            if controller:
                others += 1
                if others > _TOLD:
                    continue
                shown = shown or f"[{','.join(map(_owner_value, owners))}]"
                detail = (
                    "Only one reference can have Controller set to true. "
                    f'Found "true" in references for {controller} and {current}'
                )
                causes.append(_shown(_OWNERS, shown, detail))
            else:
                controller = current
    return causes


def _shown(path: str, value: str, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {value}: {detail}", path)


def _version_of(api_version: str) -> str:
    if api_version.count("/") > 1:
        return ""
    return api_version.rpartition("/")[2]


def deduplicate_owner_references(metadata: dict[str, Any], after_admission: bool = False) -> list[str]:
    """
    Drop owner references that are there twice, in place, and warn of them (contract 13.18).

    @param after_admission: whether mutating admission has already run.
    """
    owners = metadata.get("ownerReferences")
    if not owners or len(owners) == 1:
        return []
    kept: dict[bytes, Any] = {}
    doubled: list[str] = []
    for owner in owners:
        text = orjson.dumps(owner, option=orjson.OPT_SORT_KEYS)
        if text in kept:
            doubled.append(owner.get("uid") or "")
        else:
            kept[text] = owner
    if not doubled:
        return []
    metadata["ownerReferences"] = list(kept.values())
    when = " after mutating admission happens" if after_admission else ""
    return [
        f".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references "
        "in 1.20+, and may reject such requests as early as 1.24; please fix your requests; "
        f"duplicate UID(s) observed: {', '.join(doubled)}"
    ]
