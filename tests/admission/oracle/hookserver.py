"""
The webhooks of all scenarios: one HTTPS server on loopback.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.admission.oracle.scenario import Reply, Scenario, Told
from tests.cluster.certificates import Authority
from tests.cluster.process import free_port

ELSEWHERE = "/elsewhere"
HEADERS = ("content-type", "user-agent", "accept")


class Asked(NamedTuple):
    """
    What a webhook was asked.
    """

    hook: str
    query: str
    headers: dict[str, str]
    review: dict[str, Any]
    text: bytes


class _Server(ThreadingHTTPServer):
    """
    Takes it easy when a client does not wait.
    """

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


class HookServer:
    """
    @param folder: for its certificates.
    """

    def __init__(self, folder: Path, scenarios: Iterable[Scenario]) -> None:
        self._authority = Authority(folder, "hooks-ca")
        self._stranger = Authority(folder, "strange-ca")
        self._replies: dict[tuple[str, str], Reply] = {
            (scenario.name, hook.name): hook.reply for scenario in scenarios for hook in scenario.hooks
        }
        self._asked: list[tuple[str, str, Asked]] = []
        self._lock = Lock()
        self._ended = Event()
        pair = self._authority.issue("hooks", server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer is written in one go: what comes in two is held up by who acknowledges late.
            wbufsize = -1

            def do_POST(self) -> None:
                owner._answer(self)

            def log_message(self, *_given: Any) -> None:
                pass

        self._server = _Server(("0.0.0.0", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._closed = free_port()

    def client_config(self, side: str, scenario: str, hook: str, place: str) -> dict[str, str]:
        """
        Where a webhook is.
        """
        port = self._server.server_address[1]
        host = {"refused": f"127.0.0.1:{self._closed}", "misnamed": f"127.0.0.2:{port}"}.get(place)
        authority = self._stranger if place == "untrusted" else self._authority
        return {
            "url": f"https://{host or f'127.0.0.1:{port}'}/{side}/{scenario}/{hook}",
            "caBundle": base64.b64encode(authority.certificate.read_bytes()).decode(),
        }

    def take(self, side: str, scenario: str) -> list[Asked]:
        """
        What the webhooks of a scenario were asked by a server since the last call.
        """
        with self._lock:
            found = [asked for which, name, asked in self._asked if (which, name) == (side, scenario)]
            self._asked = [one for one in self._asked if one[:2] != (side, scenario)]
        return found

    def stop(self) -> None:
        """
        End it.
        """
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        data = handler.rfile.read(int(handler.headers["content-length"]))
        if parts.path == ELSEWHERE:
            handler.send_error(404)
            return
        side, scenario, hook = parts.path.strip("/").split("/")
        review = json.loads(data)
        headers = {name: handler.headers.get(name, "") for name in HEADERS}
        with self._lock:
            self._asked.append((side, scenario, Asked(hook, parts.query, headers, review, data)))
        found = self._replies[scenario, hook](review)
        told = found if isinstance(found, Told) else Told(found)
        if told.seconds:
            self._ended.wait(told.seconds)
        body = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
        # Who asked may not have waited.
        with suppress(ConnectionError, ssl.SSLError):
            handler.send_response(told.code)
            if told.content_type:
                handler.send_header("Content-Type", told.content_type)
            if told.location:
                handler.send_header("Location", told.location)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
