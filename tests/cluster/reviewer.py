"""
A webhook that kube-apiserver asks what users may do: it remembers all that it is asked.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster.certificates import Authority

Judge = Callable[[dict[str, Any]], dict[str, Any]]


def allow(spec: dict[str, Any]) -> dict[str, Any]:
    """
    Everybody may do everything.
    """
    return {"allowed": True}


class Reviewer:
    """
    Listens on loopback from when it is made.

    @ivar specs: of the reviews that came, in order.
    @ivar judge: makes the status of a review from its C{spec}, or a C{Status} with which it fails.
    @ivar kubeconfig: says to kube-apiserver where it is.
    """

    def __init__(self, folder: Path) -> None:
        specs: list[dict[str, Any]] = []
        self.specs = specs
        self.judge: Judge = allow
        reviewer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                specs.append(review["spec"])
                status = reviewer.judge(review["spec"])
                fails = status.get("kind") == "Status"
                answer = json.dumps(status if fails else {**review, "status": status}).encode()
                self.send_response(status["code"] if fails else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        authority = Authority(folder, "reviewer-ca")
        pair = authority.issue("reviewer", server=True)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.kubeconfig = folder / "reviewer.kubeconfig"
        cluster = {
            "server": f"https://127.0.0.1:{self._server.server_address[1]}/authorize",
            "certificate-authority": str(authority.certificate),
        }
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "reviewer", "cluster": cluster}],
            "users": [{"name": "kube-apiserver", "user": {}}],
            "contexts": [{"name": "it", "context": {"cluster": "reviewer", "user": "kube-apiserver"}}],
            "current-context": "it",
        }
        self.kubeconfig.write_text(json.dumps(document))

    def stop(self) -> None:
        """
        Listen no more.
        """
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
