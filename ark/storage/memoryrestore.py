"""
Moving what is in this process's memory to another database, or from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from ark.interfaces import IRestores
from ark.meta.records import Version
from ark.storage.errors import Unavailable


@implementer(IRestores)
class MemoryRestore:
    """
    L{IRestores} of an L{ark.storage.memory.MemoryBackend}.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    async def resources(self) -> Sequence[str]:
        """
        See L{IRestores.resources}.
        """
        return list(self._backend.resources())

    async def mark(self) -> str:
        """
        See L{IRestores.mark}.
        """
        return str(self._backend.marked)

    async def set_mark(self, text: str) -> None:
        """
        See L{IRestores.set_mark}.
        """
        self._backend.marked = text

    async def wipe(self, floor: int, mark: str) -> None:
        """
        See L{IRestores.wipe}.
        """
        self._backend.reset(floor)
        self._backend.marked = mark

    async def restore(self, versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        See L{IRestores.restore}.
        """
        if not self._backend.marked:
            raise Unavailable("only a marked database can be restored")
        self._backend.put_back(versions, revision)
        self._backend.marked = mark
