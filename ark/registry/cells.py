"""
The cells of built-in kinds, which no path alone can give.

Follows C{k8s.io/kubernetes/pkg/printers/internalversion}.  The words are those of
C{x-ark-format}; each renderer makes the function of one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ark.apis.kind import Column
from ark.meta.jsonpath import MISSING, compile_first
from ark.meta.time import human_duration, parse_rfc3339

Cell = Callable[[Any, float], Any]

_NONE = "<none>"
_UNKNOWN = "<unknown>"


def age(text: Any, now: float) -> str:
    """
    The time since a timestamp, for people; C{<unknown>} without one.
    """
    if not text or text == "null":
        return _UNKNOWN
    try:
        return human_duration(now - parse_rfc3339(text))
    except (ValueError, TypeError):
        return "<invalid>"


def _at(obj: Any, *names: str) -> Any:
    """
    The member at the end of a way, L{None} where it breaks off.
    """
    for name in names:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def _value_of(column: Column) -> Callable[[Any], Any]:
    find = compile_first(column.json_path)

    def value(obj: Any) -> Any:
        found = find(obj)
        return None if found is MISSING else found

    return value


def _joined(texts: Iterable[Any], otherwise: str = _NONE) -> str:
    return ",".join(str(text) for text in texts if text) or otherwise


def _text(column: Column) -> Cell:
    find = _value_of(column)

    def cell(obj: Any, now: float) -> str:
        value = find(obj)
        if isinstance(value, str):
            return value.strip()
        return "" if value is None else str(value)

    return cell


def _age(column: Column) -> Cell:
    find = _value_of(column)
    return lambda obj, now: age(find(obj), now)


def _count(column: Column) -> Cell:
    finders = [compile_first(path) for path in column.paths or (column.json_path,)]

    def cell(obj: Any, now: float) -> int:
        found = [find(obj) for find in finders]
        return sum(len(value) for value in found if isinstance(value, (dict, list)))

    return cell


def _labels(column: Column) -> Cell:
    find = _value_of(column)

    def cell(obj: Any, now: float) -> str:
        labels = find(obj) or {}
        return _joined(f"{key}={labels[key]}" for key in sorted(labels))

    return cell


def _cluster_ip(column: Column) -> Cell:
    find = _value_of(column)
    return lambda obj, now: str((find(obj) or [_NONE])[0])


def _ports(column: Column) -> Cell:
    find = _value_of(column)

    def text(port: dict[str, Any]) -> str:
        node = port.get("nodePort")
        number = f"{port.get('port')}:{node}" if node else str(port.get("port"))
        return f"{number}/{port.get('protocol', 'TCP')}"

    return lambda obj, now: _joined(map(text, find(obj) or ()))


def _external_ip(column: Column) -> Cell:
    def cell(obj: Any, now: float) -> str:
        kind = _at(obj, "spec", "type")
        declared = _at(obj, "spec", "externalIPs") or []
        if kind in ("ClusterIP", "NodePort"):
            return _joined(declared)
        if kind == "ExternalName":
            return str(_at(obj, "spec", "externalName") or "")
        if kind != "LoadBalancer":
            return _UNKNOWN
        ingress = _at(obj, "status", "loadBalancer", "ingress") or ()
        addresses = {entry.get("ip") or entry.get("hostname") for entry in ingress}
        return _joined([*sorted(filter(None, addresses)), *declared], "<pending>")

    return cell


def _first_seen(obj: Any, now: float) -> str:
    first = _at(obj, "firstTimestamp") or _at(obj, "deprecatedFirstTimestamp")
    return age(first or _at(obj, "eventTime"), now)


def _last_seen(obj: Any, now: float) -> str:
    series = _at(obj, "series")
    if series:
        return age(_at(series, "lastObservedTime"), now)
    last = _at(obj, "lastTimestamp") or _at(obj, "deprecatedLastTimestamp")
    return age(last, now) if last else _first_seen(obj, now)


def _event_object(column: Column) -> Cell:
    find = _value_of(column)

    def cell(obj: Any, now: float) -> str:
        target = find(obj) or {}
        kind, name = str(target.get("kind") or "").lower(), target.get("name")
        return f"{kind}/{name}" if name else kind

    return cell


def _event_source(obj: Any, now: float) -> str:
    source = _at(obj, "source") or _at(obj, "deprecatedSource") or {}
    reported = _at(obj, "reportingComponent") or _at(obj, "reportingController")
    component = source.get("component") or reported or ""
    instance = source.get("host") or _at(obj, "reportingInstance")
    return f"{component}, {instance}" if instance else str(component)


def _event_count(obj: Any, now: float) -> int:
    series = _at(obj, "series")
    if series:
        return int(series.get("count") or 0)
    return int(_at(obj, "count") or _at(obj, "deprecatedCount") or 1)


RENDERERS: dict[str, Callable[[Column], Cell]] = {
    "text": _text,
    "age": _age,
    "count": _count,
    "labels": _labels,
    "service-cluster-ip": _cluster_ip,
    "service-ports": _ports,
    "service-external-ip": _external_ip,
    "event-first-seen": lambda column: _first_seen,
    "event-last-seen": lambda column: _last_seen,
    "event-object": _event_object,
    "event-source": lambda column: _event_source,
    "event-count": lambda column: _event_count,
}
