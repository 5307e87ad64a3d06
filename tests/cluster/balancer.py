"""
What a cluster's network does for a service with several pods: each connection goes to the next one that takes it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

_CHUNK = 65536
_PATIENCE = 2.0


class Balancer:
    """
    Listens on a port of loopback and passes connections on to others.

    @ivar port: its own.
    @ivar ports: where connections go; while there are none each is closed at once.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = list(ports)
        self._turn = count()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """
        Take no more connections; those that are up end with their servers.
        """
        with suppress(OSError):
            # What waits in accept does not notice a close.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

    def cut(self) -> None:
        """
        Break all connections, and let nobody through until L{ports} are given anew.
        """
        self.ports = []
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        behind = self._connect()
        if behind is None:
            connection.close()
            return
        self._open |= {connection, behind}
        for one in (connection, behind):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pass_on, args=(behind, connection), daemon=True)
        back.start()
        _pass_on(connection, behind)
        back.join()
        self._open -= {connection, behind}
        connection.close()
        behind.close()

    def _connect(self) -> socket.socket | None:
        first, ports = next(self._turn), self.ports
        for offset in range(len(ports)):
            port = ports[(first + offset) % len(ports)]
            try:
                behind = socket.create_connection(("127.0.0.1", port), _PATIENCE)
            except OSError:
                continue
            behind.settimeout(None)
            return behind
        return None


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                target.sendall(data)
    finally:
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
