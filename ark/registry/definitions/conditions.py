"""
The conditions of definitions.

Follows C{k8s.io/apiextensions-apiserver/pkg/apihelpers/helpers.go}.
"""

from __future__ import annotations

from typing import Any

Status = dict[str, Any]


def find_condition(status: Status, type_: str) -> dict[str, Any] | None:
    """
    The condition of a type.
    """
    return next((one for one in status.get("conditions") or () if one["type"] == type_), None)


def is_true(status: Status, type_: str) -> bool:
    """
    Whether there is a condition of a type whose status is C{True}.
    """
    found = find_condition(status, type_)
    return found is not None and found["status"] == "True"


def with_condition(status: Status, condition: tuple[str, str, str, str], now: str) -> Status:
    """
    A status with another condition, in the place of the one of its type.

    @param condition: type, status, reason and message.
    @param now: the time, which is noted when the condition's status is another than before.
    """
    names = ("type", "status", "reason", "message")
    wanted = dict(zip(names, condition))
    conditions = list(status.get("conditions") or ())
    for index, old in enumerate(conditions):
        if old["type"] == wanted["type"]:
            since = old.get("lastTransitionTime")
            same = old["status"] == wanted["status"] and since
            conditions[index] = {**old, **wanted, "lastTransitionTime": since if same else now}
            break
    else:
        conditions.append({**wanted, "lastTransitionTime": now})
    return {**status, "conditions": conditions}
