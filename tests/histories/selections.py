"""
What clients of a history write, and what its watchers watch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.watch.model import Selects

NAMESPACES = ("history-a", "history-b")
NAMES = tuple(f"n{number}" for number in range(10))
TEAMS = ("red", "blue")
COLLECTION = "/apis/ark.mckinsey.com/v1alpha1"
#: Where a client's mark belongs in what it writes.
MARK = "MARK"


class Written(NamedTuple):
    """
    A kind whose objects are written.

    @ivar spec: the spec that is written.
    @ivar status: the status; empty when nobody writes it.
    """

    plural: str
    kind: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def resource(self) -> str:
        """
        As a key names it.
        """
        return f"{self.plural}.ark.mckinsey.com"


WRITTEN = (
    Written("queries", "Query", {"input": "x", "sessionId": MARK}, {"response": {"content": MARK}}),
    Written(
        "models",
        "Model",
        {"provider": "openai", "model": {"value": MARK}, "config": {}},
        {"resolvedAddress": MARK},
    ),
    Written("agents", "Agent", {"prompt": MARK}, {}),
)
#: The keys of each namespace of each kind.
KEYS = {
    f"{one.plural}/{namespace}": [f"{one.plural}/{namespace}/{name}" for name in NAMES]
    for one in WRITTEN
    for namespace in NAMESPACES
}


class Selection(NamedTuple):
    """
    A collection of a kind with a selector, and the same said in other words.
    """

    written: Written
    target: str
    query: str
    selects: Selects


def _selections(written: Written) -> Sequence[Selection]:
    """
    All of a kind, a namespace, a label and a name.
    """
    everywhere = f"{COLLECTION}/{written.plural}"
    first, second = (f"{COLLECTION}/namespaces/{namespace}/{written.plural}" for namespace in NAMESPACES)
    named = f"fieldSelector=metadata.name%3D{NAMES[0]}"
    return (
        Selection(written, everywhere, "", lambda key, _: True),
        Selection(written, first, "", lambda key, _: key.namespace == NAMESPACES[0]),
        Selection(written, everywhere, "labelSelector=team%3Dred", lambda _, obj: _team(obj) == "red"),
        Selection(written, second, named, lambda key, _: key[1:] == (NAMESPACES[1], NAMES[0])),
    )


def _team(obj: Mapping[str, Any]) -> Any:
    return obj["metadata"].get("labels", {}).get("team")


#: How many selections there are of each kind.
FORMS = 4
SELECTIONS = tuple(selection for written in WRITTEN for selection in _selections(written))
