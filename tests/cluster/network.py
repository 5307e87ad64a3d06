"""
The ways between programs of a test, and what is wrong with them: U{Toxiproxy<https://github.com/Shopify/toxiproxy>},
which carries every connection, and is told over HTTP what to do to them.
"""

from __future__ import annotations

import http.client
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.build import binary
from tests.cluster.process import Process, free_port

# Of its own requests Toxiproxy gives up after 25 seconds.
_PATIENCE = 30.0
_AGAIN = 0.05


class Network:
    """
    A running Toxiproxy, on loopback.

    @raise tests.cluster.build.Unavailable: it cannot be made here.
    """

    def __init__(self) -> None:
        program = binary("toxiproxy")
        self._folder = Path(tempfile.mkdtemp(prefix="ark-network-"))
        self._port = free_port()
        command = [str(program), "-host=127.0.0.1", f"-port={self._port}"]
        # Every connection has several lines in its log.
        self._process = Process("toxiproxy", command, self._folder, {"LOG_LEVEL": "error"})
        self._links = 0
        try:
            self._process.wait_until(lambda: bool(self.call("GET", "/version")))
        except BaseException:
            self.remove()
            raise

    def link(self, port: int) -> Link:
        """
        A way to a port of loopback.
        """
        self._links += 1
        return Link(self, f"link-{self._links}", port)

    def call(self, method: str, target: str, value: Any = None) -> Any:
        """
        Ask Toxiproxy for something.

        @raise OSError: it does not answer, or does not do so.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            connection.request(method, target, None if value is None else json.dumps(value))
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise OSError(f"toxiproxy: {method} {target}: {answer.status} {body.decode(errors='replace')}")
        return json.loads(body) if body else None

    def remove(self) -> None:
        """
        Nobody comes through any more.
        """
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class Link:
    """
    One way, which all take that connect to its port.

    @ivar port: its own.
    """

    def __init__(self, network: Network, name: str, port: int) -> None:
        self._network = network
        self._target = f"/proxies/{name}"
        given = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{port}", "enabled": True}
        made = network.call("POST", "/proxies", given)
        self.port = int(made["listen"].rpartition(":")[2])

    def lead_to(self, port: int) -> None:
        """
        Lead to another port from now on; all connections end.
        """
        self._network.call("PATCH", self._target, {"enabled": False})
        self._open(upstream=f"127.0.0.1:{port}")

    def cut(self) -> None:
        """
        End all connections.
        """
        with self.shut():
            pass

    @contextmanager
    def shut(self) -> Iterator[None]:
        """
        End all connections, and refuse others for a while.
        """
        self._network.call("PATCH", self._target, {"enabled": False})
        try:
            yield
        finally:
            self._open()

    @contextmanager
    def toxic(
        self,
        kind: str,
        *,
        streams: Sequence[str] = ("upstream", "downstream"),
        toxicity: float = 1.0,
        **attributes: int,
    ) -> Iterator[None]:
        """
        Something is wrong with the way for a while, as U{Toxiproxy has
        it<https://github.com/Shopify/toxiproxy#toxics>}: C{latency}, C{bandwidth}, C{slow_close}, C{timeout},
        C{reset_peer}, C{slicer} or C{limit_data}.

        @param streams: in which directions.
        @param toxicity: with which share of the connections.
        """
        toxics = []
        try:
            for stream in streams:
                given = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "toxicity": toxicity}
                self._network.call("POST", f"{self._target}/toxics", {**given, "attributes": attributes})
                toxics.append(given["name"])
            yield
        finally:
            for name in toxics:
                self._network.call("DELETE", f"{self._target}/toxics/{name}")

    def _open(self, **changed: str) -> None:
        """
        Listen again, as soon as nobody has the port who was given it to connect from.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._network.call("PATCH", self._target, {"enabled": True, **changed})
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN)
