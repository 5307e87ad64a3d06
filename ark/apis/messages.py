"""
The messages that objects of the built-in kinds are sent in.

The tables stand in C{protobuf.yaml}; custom resources have none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ark.meta.protobuf import Message, compile_messages

TABLES = Path(__file__).with_name("protobuf.yaml")

_META = "meta.k8s.io/v1"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _messages() -> dict[str, dict[str, Message]]:
    versions = yaml.load(TABLES.read_bytes(), Loader=_Loader)
    return {name: compile_messages({**versions[_META], **tables}) for name, tables in versions.items()}


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
