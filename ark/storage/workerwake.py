"""
How worker processes that share a SQLite file tell each other of commits.

Each has a datagram socket in a folder that all of them know; whoever commits sends one
byte to each of the others.  A datagram may be lost when a socket's queue is full, which
does no harm (its reader is about to look anyway), or for reasons unknown, for which
there is a poll.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall

POLL_SECONDS = 1.0


class _Ear(DatagramProtocol):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self._wake()


class WorkerWake:
    """
    One process's socket, and the way to those of the others.

    @param wake: called in the reactor thread when another process has committed, and
        each L{POLL_SECONDS} in case word of it was lost.
    """

    def __init__(self, folder: Path, wake: Callable[[], None], reactor: Any) -> None:
        self._wake = wake
        self._reactor = reactor
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # A socket's path must fit into 107 bytes, which a deep folder would not.
        short = f"/proc/self/fd/{self._folder}"
        self._base = short if os.path.isdir(short) else str(folder)
        self._name = f"wake-{os.getpid()}-{os.urandom(4).hex()}.sock"
        self._mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._peers: list[str] = []
        self._listed = -1
        self._poll = LoopingCall(wake)
        self._poll.clock = reactor

    def start(self) -> None:
        """
        Listen, and begin to poll.
        """
        self._port = self._reactor.listenUNIXDatagram(
            self._path(self._name), _Ear(self._wake), maxPacketSize=1, mode=0o600
        )
        self._poll.start(POLL_SECONDS, now=False)

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"

    def tell(self) -> None:
        """
        Wake the others.
        """
        listed = os.stat(self._folder).st_mtime_ns
        if listed != self._listed:
            names = os.listdir(self._folder)
            self._peers = [n for n in names if n.startswith("wake-") and n != self._name]
            self._listed = listed
        for name in self._peers:
            try:
                self._mouth.sendto(b"!", self._path(name))
            except BlockingIOError:
                continue
            except OSError:
                self._forget(name)

    def _forget(self, name: str) -> None:
        """
        Remove the socket of a process that died without doing so.
        """
        try:
            os.unlink(name, dir_fd=self._folder)
        except OSError:
            return

    async def stop(self) -> None:
        """
        Close the socket and stop polling.
        """
        self._poll.stop()
        await self._port.stopListening()
        self._forget(self._name)
        self._mouth.close()
        os.close(self._folder)
