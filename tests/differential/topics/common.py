"""
What several topics share.
"""

from __future__ import annotations

from typing import Any

from tests.differential.steps import Call, call

SPEC: dict[str, Any] = {"color": "red", "size": 4}


def namespace(name: str) -> Call:
    """
    Make a namespace for a topic.
    """
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return call("POST", "/api/v1/namespaces", body)
