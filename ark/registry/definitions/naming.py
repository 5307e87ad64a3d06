"""
Which names a definition gets, and when its kind is served.

Follows C{k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,apiapproval}},
whose reasons and messages people and tools look for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ark.meta.gotext import quote
from ark.registry.codec import same_json
from ark.registry.definitions.approval import CONDITION, approval_of, is_protected
from ark.registry.definitions.conditions import find_condition, is_true, with_condition
from ark.registry.definitions.conversions import bundle_of, is_bundle

Object = dict[str, Any]
Names = dict[str, Any]

INSTALLING = ("Established", "False", "Installing", "the initial names have been accepted")
ESTABLISHED = ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
_NOT_ACCEPTED = ("Established", "False", "NotAccepted", "not all names are accepted")
_BAD_BUNDLE = ("Established", "False", "InvalidCABundle", "The conversion webhook CABundle is invalid")
_NO_CONFLICTS = ("NamesAccepted", "True", "NoConflicts", "no conflicts found")


class Taken(NamedTuple):
    """
    The names that are in use in a group.
    """

    resources: frozenset[str]
    kinds: frozenset[str]


def taken_by(names: Iterable[Names]) -> Taken:
    """
    What these accepted names leave to nobody else.
    """
    resources: set[str] = set()
    kinds: set[str] = set()
    for each in names:
        resources.update((each.get("plural", ""), each.get("singular", "")), each.get("shortNames") or ())
        kinds.update((each.get("kind", ""), each.get("listKind", "")))
    return Taken(frozenset(resources), frozenset(kinds))


def named(definition: Object, taken: Taken, now: str) -> Object:
    """
    A definition with the names that it gets, and what is told of that; the very same one
    when nothing changes.

    @param taken: what the definitions of its group have, this one among them.
    """
    wanted, status = definition["spec"]["names"], definition["status"]
    if same_json(wanted, status["acceptedNames"]):
        return definition
    names, condition = _accepted(wanted, status["acceptedNames"], taken)
    before = find_condition(status, "NamesAccepted")
    told = before and (before["type"], before["status"], before.get("reason"), before.get("message"))
    if same_json(names, status["acceptedNames"]) and told == condition:
        return definition
    status = with_condition({**status, "acceptedNames": names}, condition, now)
    if not is_true(status, "Established"):
        established = INSTALLING if condition is _NO_CONFLICTS else None
        if established is None and find_condition(status, "Established") is None:
            established = _NOT_ACCEPTED
        status = status if established is None else with_condition(status, established, now)
    return {**definition, "status": status}


def _accepted(wanted: Names, accepted: Names, taken: Taken) -> tuple[Names, tuple[str, str, str, str]]:
    names = dict(accepted)
    condition = _NO_CONFLICTS
    for member, reason, used in (
        ("plural", "PluralConflict", taken.resources),
        ("singular", "SingularConflict", taken.resources),
        ("shortNames", "ShortNamesConflict", taken.resources),
        ("kind", "KindConflict", taken.kinds),
        ("listKind", "ListKindConflict", taken.kinds),
    ):
        conflicts = _conflicts(wanted.get(member), accepted.get(member), used)
        if conflicts:
            condition = ("NamesAccepted", "False", reason, _aggregate(conflicts))
        else:
            _set(names, member, wanted)
    _set(names, "categories", wanted)
    return names, condition


def _set(names: Names, member: str, wanted: Names) -> None:
    if wanted.get(member):
        names[member] = wanted[member]
    elif member in ("plural", "kind"):
        names[member] = ""
    else:
        names.pop(member, None)


def _conflicts(wanted: Any, accepted: Any, used: frozenset[str]) -> list[str]:
    if isinstance(wanted, list) or isinstance(accepted, list):
        mine = frozenset(accepted or ())
        return [
            f"{quote(name)} is already in use" for name in wanted or () if name not in mine and name in used
        ]
    if (wanted or "") == (accepted or "") or wanted not in used:
        return []
    return [f"{quote(wanted)} is already in use"]


def _aggregate(messages: list[str]) -> str:
    # Go's aggregate of errors: one as it is, more in brackets, none twice.
    told = list(dict.fromkeys(messages))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def established(definition: Object, now: str) -> Object:
    """
    A definition whose kind is served, once its names are accepted; the very same one when
    nothing changes.
    """
    status = definition["status"]
    if not is_true(status, "NamesAccepted") or is_true(status, "Established"):
        return definition
    bundle = bundle_of(definition["spec"].get("conversion"))
    condition = ESTABLISHED if is_bundle(bundle) else _BAD_BUNDLE
    before = find_condition(status, "Established")
    if condition is _BAD_BUNDLE and before is not None and before.get("reason") == condition[2]:
        return definition
    return {**definition, "status": with_condition(status, condition, now)}


def approved(definition: Object, now: str) -> Object:
    """
    A definition of a group of Kubernetes' own with what is told of its approval; the very
    same one when nothing changes.
    """
    if not is_protected(definition["spec"]["group"]):
        return definition
    approval = approval_of(definition)
    stands = "True" if approval.reason == "ApprovedAnnotation" else "False"
    before = find_condition(definition["status"], CONDITION)
    if before is not None and (before["status"], before.get("reason"), before.get("message")) == (
        stands,
        *approval,
    ):
        return definition
    condition = (CONDITION, stands, *approval)
    return {**definition, "status": with_condition(definition["status"], condition, now)}
