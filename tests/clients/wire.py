"""
A relay of TCP between a client and its server, whose connections a test can cut.

TLS passes through unread, so what the client sees is a network that fails.
"""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from tests.clients.rules import closing


class Relay:
    """
    Listens on loopback and passes everything on to one server.

    @ivar port: where it listens.
    @ivar connections: how many were made so far.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """
        Break every connection that is open now.
        """
        with self._lock:
            broken, self._open = self._open, []
        for one in broken:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self.connections += 1
                self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def relayed(kubeconfig: str) -> tuple[Relay, str]:
    """
    A relay to the server of a kubeconfig, and a kubeconfig that goes through it until the program ends.
    """
    text = Path(kubeconfig).read_text()
    found = re.search(r"server: *(\S+)", text)
    if found is None:
        raise ValueError(f"{kubeconfig} names no server")
    server = urlsplit(found[1])
    relay = Relay(server.hostname or "127.0.0.1", server.port or 443)
    folder = tempfile.mkdtemp(prefix="relayed-")
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, "kubeconfig")
    path.touch(mode=0o600)
    path.write_text(text.replace(found[1], f"https://127.0.0.1:{relay.port}"))
    return relay, str(path)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for one in (source, sink):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
