"""
What a cluster's network does for a service with several pods: each connection goes to the next one that takes it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from itertools import count

_CHUNK = 65536
_PATIENCE = 2.0


class Balancer:
    """
    Listens on a port of loopback and passes connections on to others.

    @ivar port: its own.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._turn = count()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """
        Take no more connections; those that are up end with their servers.
        """
        # What waits in accept does not notice a close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

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
        for one in (connection, behind):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pass_on, args=(behind, connection), daemon=True)
        back.start()
        _pass_on(connection, behind)
        back.join()
        connection.close()
        behind.close()

    def _connect(self) -> socket.socket | None:
        first = next(self._turn)
        for offset in range(len(self._ports)):
            port = self._ports[(first + offset) % len(self._ports)]
            try:
                behind = socket.create_connection(("127.0.0.1", port), _PATIENCE)
            except OSError:
                continue
            behind.settimeout(None)
            return behind
        return None


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
    except OSError:
        pass
    finally:
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
