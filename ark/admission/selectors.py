"""
Which objects and namespaces a configuration of admission is about.

Follows C{k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go} and
C{k8s.io/apiserver/pkg/admission/plugin/webhook/predicates}; contract 16.2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ark.admission.attributes import CREATE, UPDATE, Attributes
from ark.meta.gotext import quote
from ark.meta.labelparser import LabelRequirement
from ark.meta.selectors import LabelSelector

NamespaceLookup = Callable[[str], Awaitable["dict[str, Any]"]]
"""
Finds a namespace by its name; raises L{ark.meta.status.APIStatus} 404 if there is none.
"""

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_NAMESPACES = ("", "namespaces")


class InvalidSelector(ValueError):
    """
    A selector that means nothing.
    """


def read_selector(selector: Mapping[str, Any] | None) -> LabelSelector:
    """
    A C{LabelSelector} of an object; everything matches one that is empty, and one that is
    not there.

    @raise InvalidSelector: it has an operator that there is not.
    """
    selector = selector or {}
    found = [
        LabelRequirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for each in selector.get("matchExpressions") or ():
        operator = _OPERATORS.get(each.get("operator", ""))
        if operator is None:
            raise InvalidSelector(f"{quote(each.get('operator', ''))} is not a valid label selector operator")
        found.append(LabelRequirement(each["key"], operator, tuple(sorted(set(each.get("values") or ())))))
    return LabelSelector(tuple(sorted(found)))


def matches_object(selector: LabelSelector, attributes: Attributes) -> bool:
    """
    Whether an object that is written is selected, as it was or as it will be.
    """
    if selector.empty:
        return True
    objects = (attributes.object, attributes.old_object)
    return any(obj is not None and selector.matches(_labels(obj)) for obj in objects)


async def matches_namespace(
    selector: LabelSelector, attributes: Attributes, namespace_of: NamespaceLookup
) -> bool:
    """
    Whether the namespace of a write is selected, or the namespace that is written; what is in
    no namespace always is.

    @raise APIStatus: 404, there is no such namespace; 500, it is not known.
    """
    if selector.empty:
        return True
    if attributes.resource == _NAMESPACES:
        own = not attributes.subresource and attributes.operation in (CREATE, UPDATE)
        if own and attributes.object is not None:
            return selector.matches(_labels(attributes.object))
        name = attributes.name
    elif attributes.namespace:
        name = attributes.namespace
    else:
        return True
    return selector.matches(_labels(await namespace_of(name)))


def _labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = (obj.get("metadata") or {}).get("labels") or {}
    return labels
