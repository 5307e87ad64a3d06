"""
Secrets that a server is given are not shown by it: not in its log at the highest level, its metrics, traces, audit log,
refusals and process list, nor when it cannot start.

Trust T8.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.ark import console_script
from tests.cluster.process import free_port
from tests.e2e.canaries import Canaries, model
from tests.e2e.test_process import Running, children
from tests.tracing.collector import Collector

PATIENCE = 30.0
NAMESPACE = "/api/v1/namespaces/default"
ARK = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default"
POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
TRACING = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "TracingConfiguration",
    "samplingRatePerMillion": 1_000_000,
}
_PATCHES = ("merge-patch", "strategic-merge-patch", "apply-patch")


class SecretsTests(SynchronousTestCase):
    """
    A server that stands alone, once for each form of its log.
    """

    def setUp(self) -> None:
        """
        A folder and a collector of traces.
        """
        folder = TemporaryDirectory(prefix="secrets-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.canaries = Canaries()
        self.refusals: list[tuple[str, bytes]] = []
        self.port = free_port()
        self.pki = self.folder / "data/ark.db.d/pki"

    def start(self, form: str, endpoint: str) -> Running:
        """
        The server, with secrets in its environment and files.
        """
        self.token = self.canaries.new("token of a file")
        (self.folder / "tokens.csv").write_text(
            f'{self.token},ann,1,"system:masters"\n{self.canaries.new("token of another")},bob,2\n'
        )
        (self.folder / "policy.yaml").write_text(json.dumps(POLICY))
        (self.folder / "tracing.yaml").write_text(json.dumps({**TRACING, "endpoint": endpoint}))
        command = [
            *console_script(),
            "--storage=sqlite",
            f"--db-path={self.folder}/data/ark.db",
            f"--secure-port={self.port}",
            f"--log-format={form}",
            "-v=10",
            "--workers=2",
            f"--token-auth-file={self.folder}/tokens.csv",
            f"--audit-policy-file={self.folder}/policy.yaml",
            f"--audit-log-path={self.folder}/audit.log",
            f"--tracing-config-file={self.folder}/tracing.yaml",
        ]
        environment = {
            "ARK_POSTGRES_PASSWORD": self.canaries.new("variable of PostgreSQL"),
            "ARK_MYSQL_PASSWORD": self.canaries.new("variable of MySQL"),
            "ARK_DB_URL": f"postgresql://ark:{self.canaries.new('password in a URL')}@db.example.com/ark",
        }
        for name, value in environment.items():
            self.patch_environment(name, value)
        running = Running(command, self.folder)
        self.addCleanup(running.end, signal.SIGKILL)
        running.wait_for(
            lambda: (
                ("is ready" in running.text() or "ready at" in running.text())
                and (self.pki / "admin.key").exists()
            )
        )
        for name in ("ca.key", "admin.key", "serving.key"):
            if (self.pki / name).exists():
                self.canaries.add_key(self.pki / name)
        return running

    def patch_environment(self, name: str, value: str) -> None:
        """
        Set a variable for the time of the test.
        """
        before = os.environ.get(name)
        os.environ[name] = value
        self.addCleanup(os.environ.pop, name, None)
        if before is not None:
            self.addCleanup(os.environ.__setitem__, name, before)

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> int:
        """
        The code of an answer, the user being one with a token.  What refuses is kept.
        """
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
        fields = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, target, data, fields)
            response = connection.getresponse()
            answer = response.read()
            if response.status >= 400:
                self.refusals.append((f"refusal of {method} {target}", answer))
                self.refusals.append(("its header", str(response.headers).encode()))
            return response.status
        finally:
            connection.close()

    def show_credentials(self) -> None:
        """
        Send credentials that count, and ones that do not.
        """
        new = self.canaries.new
        self.assertEqual(self.ask("GET", f"{NAMESPACE}/secrets"), 200)
        for name, value in (
            ("bearer", f"Bearer {new('unknown bearer token')}"),
            ("basic", "Basic " + base64.b64encode(f"ann:{new('basic password')}".encode()).decode()),
            ("digest", f'Digest username="ann", response="{new("digest")}"'),
            ("odd", new("credentials without a scheme")),
            ("jwt", f"Bearer {new('head')}.{new('claims')}.{new('signature')}"),
        ):
            self.assertIn(self.ask("GET", f"{NAMESPACE}/secrets", Authorization=value), (401, 403), name)
        protocol = base64.urlsafe_b64encode(new("token of a WebSocket").encode()).decode().rstrip("=")
        self.ask(
            "GET",
            f"{NAMESPACE}/secrets?watch=1",
            Connection="Upgrade",
            Upgrade="websocket",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Protocol=f"base64url.bearer.authorization.k8s.io.{protocol}, v4.channel.k8s.io",
            Authorization="Bearer ",
        )
        self.ask(
            "GET",
            f"{NAMESPACE}/none",
            Cookie=f"session={new('cookie')}",
            X_Api_Key=new("key of another header"),
        )
        self.ask("GET", f"{NAMESPACE}/none", Proxy_Authorization=f"Basic {new('proxy')}")
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": new("reviewed token")},
        }
        self.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)

    def write_secrets(self) -> None:
        """
        Write them, in the right way and in wrong ones.
        """
        new = self.canaries.new
        secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}}
        encoded = base64.b64encode(new("data of a Secret").encode()).decode()
        body = {**secret, "data": {"a": encoded}, "stringData": {"b": new("stringData of a Secret")}}
        self.assertEqual(self.ask("POST", f"{NAMESPACE}/secrets", body), 201)
        self.assertEqual(self.ask("POST", f"{NAMESPACE}/secrets", body), 409)
        for kind in _PATCHES:
            patch = {**secret, "stringData": {"c": new(kind)}}
            form = f"application/{kind}+{'yaml' if kind == 'apply-patch' else 'json'}"
            target = (
                f"{NAMESPACE}/secrets/one?fieldManager=tests&force={'true' if kind == 'apply-patch' else ''}"
            )
            self.ask("PATCH", target.removesuffix("&force="), patch, Content_Type=form)
        operation = [{"op": "test", "path": "/data/a", "value": new("tested by a JSON patch")}]
        self.ask("PATCH", f"{NAMESPACE}/secrets/one", operation, Content_Type="application/json-patch+json")
        for name, wrong in (
            ("data without base64", {"data": {"a": f"!{new('data without base64')}"}}),
            ("data as a text", {"data": new("data as a text")}),
            (
                "stale",
                {"metadata": {"name": "one", "resourceVersion": "1"}, "stringData": {"a": new("stale")}},
            ),
            ("unknown", {"strinData": {"a": new("misspelt")}}),
        ):
            self.ask("PUT", f"{NAMESPACE}/secrets/one?fieldValidation=Strict", {**secret, **wrong})
            self.assertGreaterEqual(len(self.refusals), 1, name)
        broken = json.dumps({**secret, "stringData": {"a": new("broken JSON")}}).encode()
        self.assertEqual(self.ask("POST", f"{NAMESPACE}/secrets", broken[:-2]), 400)
        self.assertEqual(self.ask("POST", f"{NAMESPACE}/secrets", b"\x80" + broken), 400)
        self.write_models()

    def write_models(self) -> None:
        """
        Keys that stand in a spec.
        """
        new = self.canaries.new
        headers = [{"name": "Authorization", "value": {"value": new("header of a model")}}]
        body = model({"name": "m"}, new("key of a model"), headers=headers)
        self.ask("POST", f"{ARK}/models", body)
        body["spec"]["config"]["openai"]["apiKey"] = new("key of the wrong type")
        self.ask("POST", f"{ARK}/models", body)
        server = {
            "apiVersion": "ark.mckinsey.com/v1alpha1",
            "kind": "MCPServer",
            "metadata": {"name": "s"},
            "spec": {
                "address": {"value": "https://mcp.example.com"},
                "transport": "sse",
                "headers": [{"name": "Authorization", "value": {"value": new("header of an MCP server")}}],
            },
        }
        self.ask("POST", f"{ARK}/mcpservers", server)

    def outputs(self, running: Running, collector: Collector) -> Iterator[tuple[str, bytes]]:
        """
        All that the server shows while it runs.
        """
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        for path in ("/metrics", "/readyz?verbose", "/version"):
            connection = HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
            connection.request("GET", path)
            yield path, connection.getresponse().read()
            connection.close()
        for pid in (running.process.pid, *children(running.process.pid)):
            yield "the process list", Path(f"/proc/{pid}/cmdline").read_bytes()
        yield from self.refusals
        self.assertEqual(running.end(), 0)
        yield "the log", running.log.read_bytes()
        yield "the traces", b"".join(span.SerializeToString() for span in collector.spans)
        yield "the audit log", (self.folder / "audit.log").read_bytes()

    def assert_kept(self, form: str) -> None:
        """
        Give a server all secrets, and look.
        """
        collector = Collector()
        self.addCleanup(collector.stop)
        running = self.start(form, collector.endpoint)
        self.show_credentials()
        self.write_secrets()
        outputs = list(self.outputs(running, collector))
        self.assertGreaterEqual(len(self.canaries), 30)
        self.assertEqual(self.canaries.shown(outputs), [])
        seen = dict(outputs)
        for where, sign in (
            ("the log", b"secrets/one"),
            ("the traces", b"secrets"),
            ("the audit log", b"secrets"),
            ("/metrics", b"secrets"),
        ):
            self.assertIn(sign, seen[where], f"{where} does not tell of the requests at all")

    def test_nothing_is_shown_with_a_log_for_people(self) -> None:
        """
        C{--log-format=text}.
        """
        self.assert_kept("text")

    def test_nothing_is_shown_with_a_log_for_machines(self) -> None:
        """
        C{--log-format=json}.
        """
        self.assert_kept("json")


class RefusedStartTests(SynchronousTestCase):
    """
    Servers that cannot start say why, but not with what.
    """

    def setUp(self) -> None:
        """
        A folder.
        """
        folder = TemporaryDirectory(prefix="secrets-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.canaries = Canaries()

    def refused(self, *flags: str, **variables: str) -> None:
        """
        A start that fails shows no secret.
        """
        command = [*console_script(), f"--db-path={self.folder}/ark.db", "--secure-port=0", "-v=10", *flags]
        done = subprocess.run(
            command,
            env={**os.environ, **variables},
            capture_output=True,
            timeout=60,
            cwd=self.folder,
            check=False,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(done.stderr)
        self.assertEqual(self.canaries.shown([("what it said", done.stdout + done.stderr)]), [], done.stderr)

    def test_passwords_of_databases(self) -> None:
        """
        That is not there, or whose URL is wrong.
        """
        new = self.canaries.new
        port = free_port()
        wrong = (
            "{}@127.0.0.1:x/ark",
            "{}/y@127.0.0.1/ark",
            "{}@[::1/ark",
            f"{{}}@127.0.0.1:{port}/ark?nonsense=1",
        )
        for scheme, rests in (("postgresql", wrong), ("mysql", wrong[:1])):
            for rest in (f"{{}}@127.0.0.1:{port}/ark", *rests):
                password = new(f"{scheme} {rest}")
                url = f"{scheme}://ark:{rest.format(password)}"
                self.refused(f"--storage={scheme}", "--storage-wait=0s", ARK_DB_URL=url)
            path = self.folder / "password"
            path.write_text(new(f"{scheme} in a file"))
            name = "POSTGRES" if scheme == "postgresql" else "MYSQL"
            at = {f"ARK_{name}_HOST": "127.0.0.1", f"ARK_{name}_PORT": str(port)}
            self.refused(
                f"--storage={scheme}", "--storage-wait=0s", **at, **{f"ARK_{name}_PASSWORD_FILE": str(path)}
            )
        self.refused("--storage-wait=0s", ARK_STORAGE=f"nonesuch://ark:{new('unknown scheme')}@127.0.0.1/ark")

    def test_tokens_of_a_file(self) -> None:
        """
        That cannot be read as one.
        """
        path = self.folder / "tokens.csv"
        for text in (self.canaries.new("alone"), f'{self.canaries.new("quote")},"ann'):
            path.write_text(f"{text}\n")
            self.refused(f"--token-auth-file={path}")

    def test_credentials_of_a_kubeconfig(self) -> None:
        """
        Of a cluster that is not there, or in a file that makes no sense.
        """
        new = self.canaries.new
        exec_plugin = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "false",
            "interactiveMode": "Never",
            "env": [{"name": "TOKEN", "value": new("variable of a plug-in")}],
        }
        for user in (
            {"token": new("token of a kubeconfig")},
            {"username": "ann", "password": new("password of a kubeconfig")},
            {"client-key-data": base64.b64encode(new("key of a kubeconfig").encode()).decode()},
            {"client-key-data": new("key without base64"), "client-certificate-data": "x"},
            {"token": [new("token of the wrong type")]},
            {"exec": exec_plugin},
        ):
            path = self.folder / "kubeconfig"
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "none" if "token" in user and isinstance(user["token"], str) else "x",
            }
            path.write_text(yaml.safe_dump(config))
            self.started_or_refused(f"--kubeconfig={path}")

    def started_or_refused(self, flag: str) -> None:
        """
        It tries for a while, and shows nothing.
        """
        command = [*console_script(), f"--db-path={self.folder}/ark.db", "--secure-port=0", "-v=10", flag]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and not self._said() and time.monotonic() < deadline:
            time.sleep(0.1)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        said = self._said()
        self.assertTrue(said)
        self.assertEqual(self.canaries.shown([("what it said", said)]), [], said)

    def _said(self) -> bytes:
        return (self.folder / "log").read_bytes()
