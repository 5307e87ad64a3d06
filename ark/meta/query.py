"""
Single parameters of a request's query, read as Kubernetes reads them.

Follows C{k8s.io/apimachinery/pkg/runtime/conversion.go}; contract 1.2, 1.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ark.meta import fielderrors
from ark.meta.gotext import parse_int
from ark.meta.gvk import GroupKind
from ark.meta.status import Cause, bad_request, invalid

Query = Mapping[str, list[str]]
"""
The decoded query: the values of each parameter in their order.
"""


def first(query: Query, name: str) -> str:
    """
    The first value of a parameter; empty when there is none.
    """
    values = query.get(name)
    return values[0] if values else ""


def flag(query: Query, name: str) -> bool | None:
    """
    A flag is set by any value but C{0} and C{false}, also by an empty one.
    """
    values = query.get(name)
    if not values:
        return None
    return values[0] != "0" and values[0].lower() != "false"


def integer(query: Query, name: str) -> int | None:
    """
    A parameter that is a number.

    @raise ark.meta.status.APIStatus: 400, it is none.
    """
    values = query.get(name)
    if not values:
        return None
    try:
        return parse_int(values[0])
    except ValueError as error:
        raise bad_request(str(error)) from None


def refuse(kind: str, causes: Sequence[Cause]) -> None:
    """
    Turn down options of the C{kind}, such as C{ListOptions}, if anything is wrong.

    @raise ark.meta.status.APIStatus: 422.
    """
    if causes:
        raise invalid(GroupKind("meta.k8s.io", kind), "", causes)


def dry_run_causes(values: list[str]) -> list[Cause]:
    """
    What is wrong with the values of C{dryRun}.
    """
    if all(value == "All" for value in values):
        return []
    return [fielderrors.not_supported("dryRun", values, ("All",))]
