"""
What the alerts and the dashboard of the chart ask Prometheus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FILES = Path(__file__).resolve().parents[2] / "helm" / "ark-apiserver" / "files"
ALERTS = FILES / "alerts.yaml"
DASHBOARD = FILES / "dashboard.json"
INTERVAL = "$__rate_interval"
"""What Grafana puts a time for."""

_SELECTOR = re.compile(r"\b((?:apiserver|ark|authentication|process)_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
_ADDED = frozenset(("instance", "job", "le"))


class Series(NamedTuple):
    """
    A metric, and the labels that it is asked for by.
    """

    name: str
    labels: frozenset[str]


def alerts() -> list[dict[str, Any]]:
    """
    The rules.
    """
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """
    The pictures of the dashboard.
    """
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    """
    All that is asked.
    """
    for rule in alerts():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def series(expression: str) -> Iterator[Series]:
    """
    What an expression is about.  The labels that its result is grouped by are those of the first metric that it names;
    what Prometheus adds is left out.
    """
    grouped = {label.strip() for found in _GROUPING.findall(expression) for label in found.split(",")}
    for number, (name, matchers) in enumerate(_SELECTOR.findall(expression)):
        labels = set(_MATCHER.findall(matchers)) | (set() if number else grouped)
        yield Series(name, frozenset(labels - _ADDED))
