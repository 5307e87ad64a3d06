"""
What a write is told of, and what it gives back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from ark.admission.waits import Waits
from ark.apply.managedfields import ManagedFields
from ark.registry.codec import Object

Transform = Callable[["Object | None"], Object]
"""
Makes the wanted object of a copy of the stored one (L{None}: there is none).  It is
called again with a newer one when another write came between.
"""

LARGEST = 4 * 3 * 1024 * 1024
"""
How long an object may become.  A request adds 3 MiB, and who owns them about as much: what is longer
has grown by many, and each of them had it written anew.
"""

Proposal = Callable[["Object | None", ManagedFields], "tuple[Object, ManagedFields]"]
"""
As L{Transform}, and says who owns what then: it gets the stored object without its
C{metadata.managedFields}, which come beside it, and gives back both in the same way.
"""


class WriteContext:
    """
    Who writes, and how.

    @ivar options: what the request asks for beside the object.
    @ivar field_manager: who owns the fields that are set (contract 13.4).
    @ivar warnings: collected for the C{Warning} headers.
    @ivar annotations: collected for the audit log.
    @ivar request_annotations: collected for the audit log where that has the object too.
    @ivar waits: is told how long webhooks of admission took.
    @ivar of_collection: whether the request is about many objects, of which this is one.
    @ivar may_create: judges whether whoever changes an object may make it where there is
        none; without it they may.
    """

    of_collection: bool = False
    may_create: Callable[[], Awaitable[None]] | None = None

    def __init__(
        self,
        user: Any = None,
        dry_run: bool = False,
        field_manager: str = "",
        options: Any = None,
        warnings: Iterable[str] = (),
    ) -> None:
        """
        @param warnings: those to begin with.
        """
        self.user = user
        self.dry_run = dry_run
        self.field_manager = field_manager
        self.options = options
        self.warnings = list(warnings)
        self.annotations: dict[str, str] = {}
        self.request_annotations: dict[str, str] = {}
        self.waits = Waits()


class Written(NamedTuple):
    """
    The text to answer a write with, whether the object is new, and whether anything was written.
    """

    text: bytes
    created: bool = False
    changed: bool = True
