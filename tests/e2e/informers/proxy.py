"""
A TCP proxy that cuts connections.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading

from tests.cluster.process import free_port

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """
    Passes bytes between clients and a server on loopback until it is told not to.

    @ivar port: where it listens.
    @ivar cuts: how many connections it has cut.
    """

    def __init__(self, target: int, rng: random.Random) -> None:
        self.port = free_port()
        self.cuts = 0
        self._target = target
        self._random = rng
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """
        Accept connections.
        """
        listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """
        Accept no more: whoever connects now is refused, as by a machine whose server is down.
        """
        listener, self._listener = self._listener, None
        if listener is not None:
            # A thread that waits in accept() is not woken by close() alone.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def cut(self, everything: bool = False) -> None:
        """
        End a connection that is open, by a close or a reset, or all of them.
        """
        with self._lock:
            pairs = list(self._pairs)
            if not everything and pairs:
                pairs = [self._random.choice(pairs)]
            reset = self._random.random() < 0.5
        for pair in pairs:
            self.cuts += 1
            for end in pair:
                _end(end, reset)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _end(client, reset=True)
                continue
            pair = (client, server)
            with self._lock:
                self._pairs.append(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pass, args=(source, sink, pair), daemon=True).start()

    def _pass(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        for end in pair:
            _end(end, reset=False)
        with self._lock:
            if pair in self._pairs:
                self._pairs.remove(pair)


def _end(end: socket.socket, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()
