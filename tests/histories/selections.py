"""
What watchers of a history watch.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.watch.model import Selects

NAMESPACES = ("history-a", "history-b")
NAMES = tuple(f"n{number}" for number in range(10))
TEAMS = ("red", "blue")
COLLECTION = "/apis/ark.mckinsey.com/v1alpha1"
KEYS = {namespace: [f"{namespace}/{name}" for name in NAMES] for namespace in NAMESPACES}


class Selection(NamedTuple):
    """
    A collection with a selector, and the same said in other words.
    """

    target: str
    query: str
    selects: Selects


SELECTIONS = (
    Selection(f"{COLLECTION}/queries", "", lambda key, _: True),
    Selection(
        f"{COLLECTION}/namespaces/{NAMESPACES[0]}/queries", "", lambda key, _: key.namespace == NAMESPACES[0]
    ),
    Selection(
        f"{COLLECTION}/queries",
        "labelSelector=team%3Dred",
        lambda _, obj: bool(obj["metadata"].get("labels", {}).get("team") == "red"),
    ),
    Selection(
        f"{COLLECTION}/namespaces/{NAMESPACES[1]}/queries",
        f"fieldSelector=metadata.name%3D{NAMES[0]}",
        lambda key, _: key[1:] == (NAMESPACES[1], NAMES[0]),
    ),
)
