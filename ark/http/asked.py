"""
What a request asks for, as an authorizer judges it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs

from ark.authorization.attributes import Attributes
from ark.endpoints.requestinfo import RequestInfo
from ark.meta.names import path_segment_name
from ark.meta.query import Query, first, integer
from ark.meta.selectors import FieldSelector, LabelSelector, parse_field_selector, parse_label_selector
from ark.meta.status import APIStatus

Selector = TypeVar("Selector", FieldSelector, LabelSelector)

_METHODS = frozenset(("options", "trace", "connect"))
_ON_COLLECTIONS = frozenset(("list", "watch", "deletecollection"))
_FALSE = frozenset(("false", "0"))


def is_watch(info: RequestInfo, query: str) -> bool:
    """
    Whether a GET of a collection is a watch: any value but C{false} and C{0} (contract 1.2).
    """
    if info.verb != "list" or "watch" not in query or not info.resource:
        return False
    values = parse_qs(query, keep_blank_values=True).get("watch")
    return values is not None and values[0].lower() not in _FALSE


def attributes_of(request: Any, info: RequestInfo) -> Attributes:
    """
    What an authorizer judges (contract 15.5).
    """
    verb = info.verb
    if verb in _METHODS and info.resource:
        # There is no such verb on resources.
        verb = ""
    attributes = info.attributes(request.user, verb)
    if "Selector" in request.query and _has_selectors(info):
        return _with_selectors(attributes, request.query)
    return attributes


def makes_sense(request: Any, info: RequestInfo) -> bool:
    """
    Whether L{attributes_of} tells all that the selectors of a request say.
    """
    if "Selector" not in request.query or not _has_selectors(info):
        return True
    parameters = parse_qs(request.query, keep_blank_values=True)
    fields = _parsed(parse_field_selector, first(parameters, "fieldSelector"))
    return (
        fields is not None and _parsed(parse_label_selector, first(parameters, "labelSelector")) is not None
    )


def _has_selectors(info: RequestInfo) -> bool:
    on_collection = info.resource and info.verb in _ON_COLLECTIONS
    return bool(on_collection) and not _is_watch_path(info.path)


def _with_selectors(attributes: Attributes, query: str) -> Attributes:
    """
    The attributes with what the selectors of a query narrow them to; a selector that makes no
    sense narrows nothing, and the handler refuses it.
    """
    parameters = parse_qs(query, keep_blank_values=True)
    fields = _parsed(parse_field_selector, first(parameters, "fieldSelector"))
    labels = _parsed(parse_label_selector, first(parameters, "labelSelector"))
    narrowed = attributes._replace(
        field_requirements=fields.requirements if fields is not None else (),
        label_requirements=labels.requirements if labels is not None else (),
    )
    # A deletion of many is never taken for one of a single object.
    if fields is None or labels is None or attributes.name or attributes.verb == "deletecollection":
        return narrowed
    name = fields.exact("metadata.name") or ""
    if not name or path_segment_name(name) or not _has_numbers(parameters):
        return narrowed
    return narrowed._replace(name=name)


def _is_watch_path(path: str) -> bool:
    """
    Whether it is a watch by its path, the old way, where selectors count for little.
    """
    segments = [segment for segment in path.split("/", 6) if segment]
    return "watch" in segments[2:4] and segments[3 if segments[0] == "apis" else 2] == "watch"


def _parsed(parse: Callable[[str], Selector], text: str) -> Selector | None:
    try:
        return parse(text)
    except APIStatus:
        return None


def _has_numbers(parameters: Query) -> bool:
    """
    Whether the parameters that must be numbers are.
    """
    try:
        integer(parameters, "limit")
        integer(parameters, "timeoutSeconds")
    except APIStatus:
        return False
    return True
