"""
What a crowd wrote down, read and understood: it kept the answers and the events as they came.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from tests.histories.log import digest, mark_of
from tests.histories.operations import (
    ABSENT,
    CONFLICT,
    EXISTS,
    EXPIRED,
    OK,
    REFUSED,
    UNKNOWN,
    Item,
    Operation,
)
from tests.histories.watchers import Connection, Line

_END = "k8s.io/initial-events-end"
_REFUSALS = (429, 503, 507)
_ASKED = ("client", "verb", "key", "start", "end")
_WANTED = ("mark", "expected", "minimum", "exact")


def read_operations(record: Path) -> list[Operation]:
    """
    What clients recorded.

    @raise AssertionError: an answer cannot be understood.
    """
    with record.open("rb") as lines:
        return [read_operation(orjson.loads(text)) for text in lines]


def read_operation(record: dict[str, Any]) -> Operation:
    """
    One request, or one list in pages, with the outcome that the answers tell.
    """
    answers = record["answers"] or []
    outcome = _outcome(record["code"], answers[-1] if answers else None)
    if outcome not in (OK, UNKNOWN) and len(answers) > 1:
        # A token that became too old on the way is nobody's fault.
        outcome = REFUSED
    wanted = {name: record[name] for name in _WANTED}
    told = Operation(*(record[name] for name in _ASKED), outcome, **wanted)
    if outcome != OK:
        return told
    if told.verb == "list":
        items = tuple(_item(told.key, value) for page in answers for value in page["items"])
        return told._replace(revision=int(answers[0]["metadata"]["resourceVersion"]), items=items)
    (found,) = answers
    if told.verb == "delete":
        return told._replace(uid=(found.get("details") or found.get("metadata"))["uid"])
    metadata = found["metadata"]
    return told._replace(
        revision=int(metadata["resourceVersion"]),
        mark=mark_of(found),
        uid=metadata["uid"],
        digest=digest(found),
    )


def read_connections(record: Path) -> list[Connection]:
    """
    What watchers recorded: each line once, and which of them came when.
    """
    with record.with_name(f"{record.name}.lines").open("rb") as lines:
        known = [_read(orjson.loads(text)) for text in lines]
    found = []
    with record.open("rb") as connections:
        for text in connections:
            watcher, selection, replica, after, started, heard = orjson.loads(text)
            moments = zip(heard[::2], heard[1::2])
            came = [Line(*known[number], moment) for number, moment in moments]
            found.append(Connection(watcher, selection, replica, after or None, started, came))
    return found


def _item(collection: str, value: dict[str, Any]) -> Item:
    metadata = value["metadata"]
    plural = collection.partition("/")[0]
    key = f"{plural}/{metadata['namespace']}/{metadata['name']}"
    return Item(key, int(metadata["resourceVersion"]), mark_of(value))


def _outcome(code: int, answer: Any) -> str:
    if not code:
        return UNKNOWN
    if code < 300:
        return OK
    if code == 404:
        return ABSENT
    if code == 409:
        return EXISTS if answer["reason"] == "AlreadyExists" else CONFLICT
    if code == 410:
        return EXPIRED
    if code in _REFUSALS:
        return REFUSED
    if code >= 500:
        return UNKNOWN
    raise AssertionError(f"{code} {str(answer)[:300]}")


def _read(event: dict[str, Any]) -> tuple[str, int, str, bool]:
    value = event["object"]
    if event["type"] in ("ERROR", "FAILED"):
        return event["type"], 0, str(value["code"]), False
    metadata = value["metadata"]
    revision = int(metadata["resourceVersion"])
    if event["type"] == "BOOKMARK":
        return "BOOKMARK", revision, "", metadata.get("annotations", {}).get(_END) == "true"
    return event["type"], revision, digest(value), False
