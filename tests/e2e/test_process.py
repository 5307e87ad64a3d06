"""
The server as a process: how it starts, what it says, how it ends.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ark import console_script
from tests.cluster.process import free_port

PATIENCE = 30.0
TOOK_PLACE = 1.0


class Running:
    """
    One server, its lines on standard error collected.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, cwd=folder)

    def text(self) -> str:
        """
        What it has said so far.
        """
        return self.log.read_text()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """
        Return when C{condition} is true.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"it did not happen: {self.text()}")
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        """
        Send a signal and wait for the exit code.
        """
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def children(pid: int) -> list[int]:
    """
    The processes that a process has started.
    """
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class ProcessTestCase(SynchronousTestCase):
    """
    C{ark-server} with a database in a folder of its own.
    """

    def setUp(self) -> None:
        """
        A folder and a port.
        """
        folder = TemporaryDirectory(prefix="ark-process-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.port = free_port()
        self.database = self.folder / "data" / "ark.db"

    def start(self, *flags: str) -> Running:
        """
        Start a server and do not wait.
        """
        options = [f"--db-path={self.database}", f"--secure-port={self.port}"]
        running = Running([*console_script(), *options, *flags], self.folder)
        self.addCleanup(running.end, signal.SIGKILL)
        return running

    def started(self, *flags: str) -> Running:
        """
        Start a server and wait until it is ready.
        """
        running = self.start(*flags)
        running.wait_for(lambda: "is ready" in running.text())
        return running

    def connect(self, authenticated: bool = True) -> HTTPSConnection:
        """
        A connection, with the administrator's certificate.
        """
        pki = Path(f"{self.database}.d") / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        if authenticated:
            context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
        self.addCleanup(connection.close)
        return connection

    def request(
        self, method: str, path: str, body: Any = None, authenticated: bool = True
    ) -> tuple[int, bytes]:
        """
        The answer on a connection of its own.
        """
        connection = self.connect(authenticated)
        connection.request(method, path, orjson.dumps(body) if body is not None else None)
        response = connection.getresponse()
        return response.status, response.read()

    def assert_refused(self, code: int, *flags: str) -> str:
        """
        The server ends with C{code}, a sentence of cause and one of remedy.
        """
        running = self.start(*flags)
        self.assertEqual(running.process.wait(PATIENCE), code, running.text())
        lines = running.text().splitlines()
        self.assertEqual(len(lines), 2, running.text())
        self.assertTrue(lines[0].startswith("ark-server: ") and lines[1].endswith("."), running.text())
        return running.text()


class ProcessTests(ProcessTestCase):
    """
    What C{ark-server} does as a process.
    """

    def test_first_start_makes_everything_and_says_where(self) -> None:
        """
        In at most twelve lines; what is secret is private.
        """
        running = self.started()
        self.assertLessEqual(len(running.text().splitlines()), 12)
        self.assertIn(f"created database     {self.database}", running.text())
        kubeconfig = self.database.with_name("admin.kubeconfig")
        self.assertIn(f"export KUBECONFIG={kubeconfig}", running.text())
        for path in (kubeconfig, Path(f"{self.database}.d") / "pki" / "ca.key"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        for name in ("default", "kube-system"):
            self.assertEqual(self.request("GET", f"/api/v1/namespaces/{name}")[0], 200)

    def test_second_start_opens_what_is_there(self) -> None:
        """
        With the same certificates, so that old kubeconfigs work.
        """
        self.started().end()
        kubeconfig = self.database.with_name("admin.kubeconfig").read_bytes()
        running = self.started()
        self.assertIn(f"opened existing database {self.database}, 4 objects", running.text())
        self.assertEqual(self.database.with_name("admin.kubeconfig").read_bytes(), kubeconfig)

    def test_anonymous_clients_see_version_and_health_only(self) -> None:
        """
        Everything else is forbidden; with anonymous access off, nobody is let in.
        """
        running = self.started()
        for path, code in (("/version", 200), ("/readyz", 200), ("/api", 403), ("/metrics", 403)):
            self.assertEqual(self.request("GET", path, authenticated=False)[0], code, path)
        running.end()
        self.started("--anonymous-auth=false")
        self.assertEqual(self.request("GET", "/version", authenticated=False)[0], 401)

    def test_shutdown_ends_watches_cleanly(self) -> None:
        """
        A watch ends where an event ends, a process ends with 0, and soon.
        """
        running = self.started()
        connection = self.connect()
        connection.request("GET", "/api/v1/namespaces?watch=true")
        response = connection.getresponse()
        self.assertEqual(orjson.loads(response.readline())["type"], "ADDED")
        began = time.monotonic()
        self.assertEqual(running.end(), 0, running.text())
        self.assertLess(time.monotonic() - began, 5)
        rest = response.read()
        self.assertTrue(rest == b"" or rest.endswith(b"\n"))
        self.assertNotIn("Traceback", running.text())

    def test_readiness_fails_while_connections_are_still_served(self) -> None:
        """
        So that a load balancer sees it in time.
        """
        running = self.started("--shutdown-delay-duration=1s")
        running.process.send_signal(signal.SIGTERM)
        running.wait_for(lambda: self.request("GET", "/readyz")[0] == 500)
        self.assertIn(b"[-]shutdown failed", self.request("GET", "/readyz")[1])
        self.assertEqual(self.request("GET", "/livez")[0], 200)
        self.assertEqual(running.process.wait(PATIENCE), 0)

    def test_what_keeps_a_server_from_starting_has_a_code(self) -> None:
        """
        A bad value, a bad file, the database, the port, a certificate.
        """
        self.assert_refused(2, "--workers=none")
        self.assert_refused(2, "--storage=mongodb")
        self.assert_refused(3, "--config=/nonexistent")
        self.assert_refused(6, "--tls-cert-file=/nonexistent", "--tls-private-key-file=/nonexistent")
        with socket.create_server(("127.0.0.1", self.port)):
            self.assertIn(f"Port {self.port}", self.assert_refused(5))
        self.started()
        self.port = free_port()
        self.assert_refused(4)
        self.database = self.folder / "notes"
        self.database.write_text("this is no database, but a text of some length" * 10)
        self.assert_refused(4)

    def test_bad_definition_is_refused_with_its_place(self) -> None:
        """
        The file is named.
        """
        folder = self.folder / "definitions"
        folder.mkdir()
        (folder / "widgets.yaml").write_text("kind: CustomResourceDefinition\nspec: 3\n")
        self.assertIn("widgets.yaml", self.assert_refused(3, f"--resource-definitions={folder}"))

    def test_certificates_are_taken_over_while_serving(self) -> None:
        """
        Whoever renews them need not restart the server.
        """
        self.started()
        pki = Path(f"{self.database}.d") / "pki"
        before = ssl.get_server_certificate(("127.0.0.1", self.port))
        (pki / "apiserver.crt").unlink()
        (pki / "apiserver.key").unlink()
        renewing = subprocess.run(
            [sys.executable, "-c", _RENEW, str(pki)], check=True, capture_output=True, text=True
        )
        self.assertEqual(renewing.stderr, "")
        deadline = time.monotonic() + 3 * TOOK_PLACE
        while ssl.get_server_certificate(("127.0.0.1", self.port)) == before:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(self.request("GET", "/readyz")[0], 200)

    def test_workers_share_the_port_and_are_replaced(self) -> None:
        """
        No write is lost, and clients find a server while a worker is away.
        """
        running = self.started("--workers=2")
        workers = children(running.process.pid)
        self.assertEqual(len(workers), 2)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "n-"}}
        made = [orjson.loads(self.request("POST", "/api/v1/namespaces", body)[1]) for _ in range(8)]
        os.kill(workers[0], signal.SIGKILL)
        for namespace in made:
            path = f"/api/v1/namespaces/{namespace['metadata']['name']}"
            self.assertEqual(self.request("GET", path)[0], 200)
        running.wait_for(lambda: len(set(children(running.process.pid)) - {workers[0]}) == 2)
        self.assertEqual(running.end(), 0, running.text())

    def test_workers_end_with_their_parent(self) -> None:
        """
        However it ends: nobody else would stop them, and they hold the database.
        """
        running = self.started("--workers=2")
        workers = children(running.process.pid)
        running.end(signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_twistd_serves_the_same(self) -> None:
        """
        With the same options, under its other name.
        """
        twistd = Path(sys.executable).with_name("twistd")
        options = [f"--db-path={self.database}", f"--secure-port={self.port}"]
        running = Running([str(twistd), "--nodaemon", "--pidfile=", "ark-apiserver", *options], self.folder)
        self.addCleanup(running.end, signal.SIGKILL)
        running.wait_for(self.database.with_name("admin.kubeconfig").exists)
        self.assertEqual(self.request("GET", "/readyz")[0], 200)
        running.end()
        self.assertNotIn("Traceback", running.text())
        bad = subprocess.run(
            [str(twistd), "ark-apiserver", "--secure-port=none"], capture_output=True, text=True, check=False
        )
        self.assertNotEqual(bad.returncode, 0)
        self.assertIn("not a whole number", bad.stdout + bad.stderr)


_RENEW = """
import sys, time
from pathlib import Path
from ark.authentication.pki import Authority, utc
now = utc(time.time())
made = Authority(Path(sys.argv[1]))
made.ensure_serving(made.ensure_authority(now), ["127.0.0.1"], now)
"""
