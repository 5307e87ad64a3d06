"""
Tests of L{ark.audit.webhook}, with a server on this machine.
"""

from __future__ import annotations

import ssl
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

import orjson
import trustme
from twisted.trial.unittest import SynchronousTestCase

from ark.audit.log import WEBHOOK, AuditLog
from ark.audit.webhook import Webhook
from ark.authentication.pki import Pair, make_authority, make_serving
from ark.cluster.access import Access, Source
from ark.cluster.errors import InvalidAccess
from tests.audit.test_log import EPOCH, noted
from tests.cluster_client.chains import below


class Collector:
    """
    A webhook that keeps what it gets and what it accepts of it, and answers with the codes that it is given first.
    """

    def __init__(self, serving: Pair | None = None) -> None:
        self.authority = trustme.CA()
        self.codes: list[int] = []
        self.lists: list[dict[str, Any]] = []
        self.accepted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.users: list[Any] = []
        collector = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """
                Keep it, and answer without a body.
                """
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = collector.codes.pop(0) if collector.codes else 204
                collector.lists.append(orjson.loads(body))
                if code < 300:
                    collector.accepted.append(collector.lists[-1])
                collector.headers.append(dict(self.headers))
                collector.paths.append(self.path)
                connection: Any = self.connection
                collector.users.append(connection.getpeercert())
                self.send_response(code)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """
                Not a word.
                """

        self._server = HTTPServer(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if serving is None:
            self.authority.issue_cert("127.0.0.1").configure_cert(context)
        else:
            _load(context, serving)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """
        Where it is.
        """
        return f"https://127.0.0.1:{self._server.server_port}/events"

    def stop(self) -> None:
        """
        Answer no more.
        """
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _load(context: ssl.SSLContext, pair: Pair) -> None:
    with NamedTemporaryFile() as file:
        file.write(pair.certificate_pem + pair.key_pem)
        file.flush()
        context.load_cert_chain(file.name)


class WebhookTests(SynchronousTestCase):
    """
    Lists of events, by POST.
    """

    def setUp(self) -> None:
        """
        Somebody to send them to.
        """
        self.collector = Collector()
        self.addCleanup(self.collector.stop)
        self.trusted = Source(self.collector.authority.cert_pem.bytes())

    def webhook(self, **more: Any) -> Webhook:
        """
        A webhook that soon tries again.
        """
        return Webhook(Access(self.collector.url, authorities=self.trusted, **more), 0.001)

    def test_events_come_in_lists(self) -> None:
        """
        To the path of the server, as kube-apiserver sends them.
        """
        log = AuditLog(self.webhook(), lambda: EPOCH, WEBHOOK)
        log.start()
        for number in range(3):
            log.note(noted(number))
        log.stop()
        self.assertEqual(set(self.collector.paths), {"/events"})
        for found in self.collector.lists:
            self.assertEqual((found["kind"], found["apiVersion"]), ("EventList", "audit.k8s.io/v1"))
        items = [item["auditID"] for found in self.collector.lists for item in found["items"]]
        self.assertEqual(items, ["id-0", "id-1", "id-2"])

    def test_it_tries_again(self) -> None:
        """
        Whatever the webhook says, as kube-apiserver does.
        """
        self.collector.codes = [503, 429, 400, 200]
        self.webhook().write(b"{}\n")
        self.assertEqual(len(self.collector.lists), 4)

    def test_it_gives_up(self) -> None:
        """
        What was lost is counted.
        """
        self.collector.codes = [503] * 5
        log = AuditLog(self.webhook(), lambda: EPOCH, WEBHOOK)
        log.note(noted())
        log.start()
        while len(self.collector.lists) < 5:
            pass
        log.stop()
        self.assertEqual(log.errors, {"webhook": 1})

    def test_who_leaves_does_not_wait(self) -> None:
        """
        One more attempt is made, then nothing more of what is left.
        """
        self.collector.codes = [503] * 10
        webhook = Webhook(Access(self.collector.url, authorities=self.trusted), 60)
        webhook.leave()
        self.assertRaises(OSError, webhook.write, b"{}\n")
        self.assertRaises(OSError, webhook.write, b"{}\n")
        self.assertEqual(len(self.collector.lists), 1)

    def test_tokens_and_certificates_are_shown(self) -> None:
        """
        The token's file is read each time.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name) / "token"
        file.write_text("first")
        pair = self.collector.authority.issue_cert("client.example.com")
        chain = b"".join(pem.bytes() for pem in pair.cert_chain_pems)
        webhook = self.webhook(
            token_file=str(file), certificate=Source(chain), key=Source(pair.private_key_pem.bytes())
        )
        webhook.write(b"{}\n")
        file.write_text("second")
        webhook.write(b"{}\n")
        tokens = [headers["Authorization"] for headers in self.collector.headers]
        self.assertEqual(tokens, ["Bearer first", "Bearer second"])
        self.assertEqual(self.collector.users[0]["subjectAltName"], (("DNS", "client.example.com"),))

    def test_strangers_are_told_nothing(self) -> None:
        """
        Its certificate must be vouched for.
        """
        other = Source(trustme.CA().cert_pem.bytes())
        webhook = Webhook(Access(self.collector.url, authorities=other), 0.001)
        self.assertRaises(OSError, webhook.write, b"{}\n")
        self.assertEqual(self.collector.lists, [])

    def test_authorities_below_others(self) -> None:
        """
        An authority is trusted by itself, and need not name the one that has signed it: as kube-apiserver has it,
        and the same with every Python (those from 3.13 on are stricter by themselves).
        """
        now = datetime.now(timezone.utc)
        between = below(make_authority(now), now)
        collector = Collector(make_serving(between, ["127.0.0.1"], now))
        self.addCleanup(collector.stop)
        trusted = Source(between.certificate_pem)
        Webhook(Access(collector.url, authorities=trusted), 0.001).write(b"{}\n")
        self.assertEqual(len(collector.accepted), 1)

    def test_what_is_for_clusters_only(self) -> None:
        """
        It is refused, and not forgotten.
        """
        self.assertRaises(InvalidAccess, self.webhook, password=("ann", "secret"))
        self.assertRaises(InvalidAccess, self.webhook, impersonation=(("Impersonate-User", "ann"),))
