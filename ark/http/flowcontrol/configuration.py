"""
Flow schemas and priority levels, read from C{flowcontrol.apiserver.k8s.io/v1} objects.

Defaults are those of C{k8s.io/kubernetes/pkg/apis/flowcontrol/v1/defaults.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

EXEMPT = "exempt"
CATCH_ALL = "catch-all"
BY_USER = "ByUser"
BY_NAMESPACE = "ByNamespace"

_SHARES = 30
_PRECEDENCE = 1000
_QUEUES = 64
_HAND = 8
_LENGTH = 50
_MOST_QUEUES = 10_000_000
_MOST_HAND_BITS = 60


class PriorityLevel(NamedTuple):
    """
    A level that shares the seats of the server with others.

    @ivar exempt: whether nothing in it ever waits.
    @ivar shares: its part of the seats, compared with other levels'.
    @ivar lendable: how many percent of that others may use.
    @ivar borrowing: how many percent it may use beyond that; L{None} for any number.
    @ivar queues: in how many queues requests wait; C{0} where they are refused at once.
    @ivar hand: among how many queues those of one flow are spread.
    @ivar length: how many may wait in a queue.
    """

    name: str
    uid: str = ""
    exempt: bool = False
    shares: int = _SHARES
    lendable: int = 0
    borrowing: int | None = None
    queues: int = 0
    hand: int = 0
    length: int = 0


class FlowSchema(NamedTuple):
    """
    Which requests belong to which level, and what tells flows apart.

    @ivar precedence: the lowest that matches counts.
    @ivar distinguisher: L{BY_USER}, L{BY_NAMESPACE}, or empty where all are one flow.
    @ivar rules: C{PolicyRulesWithSubjects}, as in the object.
    """

    name: str
    uid: str
    level: str
    precedence: int
    distinguisher: str
    rules: tuple[Mapping[str, Any], ...]


def level_of(obj: Mapping[str, Any]) -> PriorityLevel:
    """
    What a C{PriorityLevelConfiguration} says.

    @raise ValueError: it says what cannot be, as a cluster would not admit it.
    """
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    name, uid = metadata["name"], metadata.get("uid", "")
    if spec.get("type") == "Exempt":
        exempt = spec.get("exempt") or {}
        shares, lendable = exempt.get("nominalConcurrencyShares", 0), exempt.get("lendablePercent", 0)
        return PriorityLevel(name, uid, True, shares, lendable)
    limited = spec.get("limited") or {}
    level = PriorityLevel(
        name,
        uid,
        shares=limited.get("nominalConcurrencyShares", _SHARES),
        lendable=limited.get("lendablePercent", 0),
        borrowing=limited.get("borrowingLimitPercent"),
    )
    response = limited.get("limitResponse") or {}
    if response.get("type") != "Queue":
        return level
    queuing = response.get("queuing") or {}
    level = level._replace(
        queues=queuing.get("queues", _QUEUES),
        hand=queuing.get("handSize", _HAND),
        length=queuing.get("queueLengthLimit", _LENGTH),
    )
    _check_queues(level)
    return level


def _check_queues(level: PriorityLevel) -> None:
    bits = (level.queues - 1).bit_length() * level.hand
    if not (0 < level.hand <= level.queues <= _MOST_QUEUES and level.length > 0 and bits <= _MOST_HAND_BITS):
        raise ValueError(f"the queues of priority level {level.name} cannot be made")


def schema_of(obj: Mapping[str, Any]) -> FlowSchema:
    """
    What a C{FlowSchema} says.
    """
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    return FlowSchema(
        metadata["name"],
        metadata.get("uid", ""),
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", _PRECEDENCE),
        (spec.get("distinguisherMethod") or {}).get("type", ""),
        tuple(spec.get("rules") or ()),
    )
