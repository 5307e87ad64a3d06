"""
A disk that can lose its power: an SQLite VFS that knows what was synced.

What is written stays in memory until C{xSync}; a loss of power keeps what was synced, and
of the rest any part: some writes and not others, in any order, the last of them torn.
Shared memory is not simulated, so WAL needs C{locking_mode = EXCLUSIVE}.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import apsw

_TORN = (512, 4096)


class SimulatedFile:
    """
    One file of a L{Disk}: what programs see, what is on the platters, and what lies between.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.seen = bytearray()
        self.durable = b""
        self.pending: list[tuple[int, bytes | None]] = []

    def after_loss(self, dice: random.Random) -> bytes:
        """
        What is found when the power is back.
        """
        content = bytearray(self.durable)
        kept = [operation for operation in self.pending if dice.random() < 0.5]
        for number, (offset, data) in enumerate(kept):
            if data is None:
                del content[offset:]
                continue
            if number == len(kept) - 1:
                sector = dice.choice(_TORN)
                data = data[: dice.randrange(len(data) // sector + 1) * sector]
            _put(content, offset, data)
        return bytes(content)

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        _put(self.seen, offset, data)
        self.pending.append((offset, bytes(data)))
        self._disk.tick()

    def xTruncate(self, size: int) -> None:
        del self.seen[size:]
        self.pending.append((size, None))
        self._disk.tick()

    def xSync(self, flags: int) -> None:
        self._disk.tick()
        self.durable = bytes(self.seen)
        self.pending.clear()
        self._disk.tick()

    def xFileSize(self) -> int:
        return len(self.seen)

    def xSectorSize(self) -> int:
        return 512

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False

    def xLock(self, level: int) -> None:
        return

    def xUnlock(self, level: int) -> None:
        return

    def xClose(self) -> None:
        return


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):  # type: ignore[misc, unused-ignore]
    """
    The files, and a clock that ticks at each write and around each sync.

    @ivar on_tick: called at each tick.
    """

    def __init__(self, name: str) -> None:
        self.files: dict[str, SimulatedFile] = {}
        self.on_tick: Callable[[], None] = lambda: None
        super().__init__(name, base="")

    def tick(self) -> None:
        """
        A moment at which the power may go.
        """
        self.on_tick()

    def after_loss(self, dice: random.Random) -> dict[str, bytes]:
        """
        The content of every file when the power is back.
        """
        return {name: file.after_loss(dice) for name, file in self.files.items()}

    def xOpen(self, name: Any, flags: list[int]) -> SimulatedFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        flags[1] = flags[0]
        return self.files.setdefault(path, SimulatedFile(self))

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.files.pop(filename, None)

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self.files

    def xFullPathname(self, name: str) -> str:
        return name
