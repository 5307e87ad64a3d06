"""
What a write is told of, and what it gives back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ark.admission.waits import Waits
from ark.apply.managedfields import ManagedFields
from ark.registry.codec import Object

Transform = Callable[["Object | None"], Object]
"""
Makes the wanted object of a copy of the stored one (L{None}: there is none).  It is
called again with a newer one when another write came between.
"""

Proposal = Callable[["Object | None", ManagedFields], "tuple[Object, ManagedFields]"]
"""
As L{Transform}, and says who owns what then: it gets the stored object without its
C{metadata.managedFields}, which come beside it, and gives back both in the same way.
"""


@dataclass
class WriteContext:
    """
    Who writes, and how.

    @ivar field_manager: who owns the fields that are set (contract 13.4).
    @ivar warnings: collected for the C{Warning} headers.
    @ivar annotations: collected for the audit log.
    @ivar request_annotations: collected for the audit log where that has the object too.
    @ivar waits: is told how long webhooks of admission took.
    @ivar of_collection: whether the request is about many objects, of which this is one.
    @ivar may_create: judges whether whoever changes an object may make it where there is
        none; without it they may.
    """

    user: Any = None
    dry_run: bool = False
    field_manager: str = ""
    options: Any = None
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    request_annotations: dict[str, str] = field(default_factory=dict)
    waits: Waits = field(default_factory=Waits)
    of_collection: bool = False
    may_create: Callable[[], Awaitable[None]] | None = None


class Written(NamedTuple):
    """
    The text to answer a write with, whether the object is new, and whether anything was written.
    """

    text: bytes
    created: bool = False
    changed: bool = True
