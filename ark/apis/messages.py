"""
The messages that objects of the built-in kinds are sent in.

The tables stand in C{protobuf.yaml}; custom resources have none.  Lists are all made alike.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ark.meta.protobuf import ALWAYS, Message, close_envelope, compile_messages

TABLES = Path(__file__).with_name("protobuf.yaml")

_META = "meta.k8s.io/v1"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    versions = yaml.load(TABLES.read_bytes(), Loader=_Loader)
    return {name: {**versions[_META], **tables} for name, tables in versions.items()}


@cache
def _messages() -> dict[str, dict[str, Message]]:
    return {name: compile_messages({**_lists(known), **known}) for name, known in _tables().items()}


def _lists(tables: dict[str, Any]) -> dict[str, Any]:
    """
    The tables of the lists of all kinds.
    """
    return {
        f"{name}List": {
            "metadata": {"number": 1, "type": "ListMeta", "presence": ALWAYS},
            "items": {"number": 2, "type": name, "repeated": True},
        }
        for name, table in tables.items()
        if table.get("metadata", {}).get("type") == "ObjectMeta"
    }


def message_of(api_version: str, kind: str) -> Message | None:
    """
    The message of a kind; L{None} if it has none.
    """
    return _messages().get(api_version, {}).get(kind)


def delete_options_message() -> Message:
    """
    The message of C{DeleteOptions}, which is the same in every group.
    """
    return _messages()[_META]["DeleteOptions"]


def tables_of(api_version: str) -> dict[str, Any]:
    """
    What the messages of a version are made of, by their names; nothing if it has none.
    """
    return _tables().get(api_version, {})


def encoded(obj: dict[str, Any]) -> bytes:
    """
    An object as a body in protocol buffers.

    @raise ValueError: its kind has no message.
    """
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    message = message_of(api_version, kind)
    if message is None:
        raise ValueError(f"{kind} of {api_version} has no message")
    return close_envelope(api_version, kind, message.encode(obj))
