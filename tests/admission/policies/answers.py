"""
Answers to the requests of scenarios, without what differs each time.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.admission.policies.scenarios import FOLDER, Sort

Answer = dict[str, Any]

_VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "time", "deletionTimestamp")
_TIMES = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_GENERATED = re.compile(r"\b(gen|other)-[a-z0-9]{5}\b")


def answer_of(code: int, body: bytes, warnings: list[str], annotations: dict[str, str]) -> Answer:
    """
    An answer as it is compared.
    """
    told = json.loads(body) if body else None
    return {
        "code": code,
        "body": _steady(told),
        "warnings": sorted(warnings),
        "annotations": {name: _GENERATED.sub(r"\1-?", value) for name, value in sorted(annotations.items())},
    }


def _steady(value: Any) -> Any:
    if isinstance(value, str):
        return _TIMES.sub("?", _GENERATED.sub(r"\1-?", value))
    if isinstance(value, list):
        return [_steady(each) for each in value]
    if isinstance(value, dict):
        return {name: "?" if name in _VOLATILE else _steady(each) for name, each in value.items()}
    return value


def path_of(sort: Sort) -> Any:
    """
    The file in which Kubernetes' answers are recorded.
    """
    return FOLDER / "answers" / f"{sort.word}.json"


def recorded(sort: Sort) -> dict[str, Any]:
    """
    What was recorded: the C{namespaces}, C{objects}, C{policies} and C{bindings} as the cluster
    had them, and the C{answers} by scenario.
    """
    found: dict[str, Any] = json.loads(path_of(sort).read_text())
    return found
