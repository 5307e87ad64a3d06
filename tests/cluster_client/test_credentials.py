"""
Tests for L{ark.cluster.credentials} and L{ark.cluster.execplugin}.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from ark.authentication.pki import make_authority, make_client, utc
from ark.cluster.access import Access, ExecPlugin, Source
from ark.cluster.credentials import LOOK_SECONDS, Credentials
from ark.cluster.errors import InvalidAccess
from ark.cluster.execplugin import AGAIN_SECONDS, SECONDS

V1 = "client.authentication.k8s.io/v1"
NOW = 1_700_000_000.0
PROGRAM = "sh"


class _Process:
    """
    A process that has been started, as its protocol sees it.
    """

    def __init__(self, protocol: Any, arguments: tuple[Any, ...]) -> None:
        self.protocol = protocol
        self.arguments = arguments[1]
        self.environment = arguments[2]
        self.signals: list[str] = []
        protocol.makeConnection(self)

    def closeStdin(self) -> None:
        """
        Nothing is said to it.
        """

    def signalProcess(self, name: str) -> None:
        """
        Ended from outside.
        """
        self.signals.append(name)
        self.protocol.processEnded(Failure(ProcessTerminated(signal=9)))

    def prints(self, value: Any, code: int = 0) -> None:
        """
        Print and end.
        """
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.protocol.outReceived(text[:5])
        self.protocol.outReceived(text[5:])
        end = ProcessTerminated(exitCode=code) if code else ProcessDone(0)
        self.protocol.processEnded(Failure(end))


class _Reactor(Clock):
    """
    A clock that starts processes, in memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started: list[_Process] = []

    def spawnProcess(self, protocol: Any, *arguments: Any, **options: Any) -> _Process:
        """
        See C{IReactorProcess.spawnProcess}.
        """
        process = _Process(protocol, arguments)
        self.started.append(process)
        return process


def handed_out(**status: str) -> dict[str, Any]:
    """
    What a plug-in prints.
    """
    return {"kind": "ExecCredential", "apiVersion": V1, "status": status}


class _Cases(TestCase):
    def setUp(self) -> None:
        self.reactor = _Reactor()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def make(self, access: Access) -> Credentials:
        """
        Credentials at a time of day that goes as the reactor's.
        """
        return Credentials(access, self.reactor, lambda: NOW + self.reactor.seconds(), {"PATH": os.defpath})

    def asking(self, credentials: Credentials) -> Deferred[Any]:
        """
        The header fields, now or later.
        """
        return Deferred.fromCoroutine(credentials.fields())

    def token(self, credentials: Credentials) -> bytes:
        """
        The value of C{Authorization}.
        """
        return dict(self.successResultOf(self.asking(credentials)))[b"authorization"]


class CredentialsTests(_Cases):
    """
    Files are read again when they have changed.
    """

    def test_fixed(self) -> None:
        """
        Tokens, passwords and impersonation become header fields.
        """
        access = Access("https://kube", token="t", impersonation=(("Impersonate-User", "j"),))
        fields = self.successResultOf(self.asking(self.make(access)))
        self.assertEqual(fields, [(b"authorization", b"Bearer t"), (b"Impersonate-User", b"j")])
        self.assertEqual(self.token(self.make(Access("https://kube", password=("a", "b")))), b"Basic YTpi")
        self.assertEqual(self.successResultOf(self.asking(self.make(Access("https://kube")))), [])

    def test_token_files_rotate(self) -> None:
        """
        A new token is taken within seconds, or at once when the old one was refused; an empty
        file changes nothing.
        """
        path = self.folder / "token"
        path.write_text("one\n")
        credentials = self.make(Access("https://kube", token_file=str(path)))
        self.assertFalse(credentials.refused())
        path.write_text("second")
        self.assertEqual(self.token(credentials), b"Bearer one")
        self.reactor.advance(LOOK_SECONDS)
        self.assertEqual(self.token(credentials), b"Bearer second")
        path.write_text("third one")
        self.assertTrue(credentials.refused())
        self.assertEqual(self.token(credentials), b"Bearer third one")
        path.write_text("")
        self.reactor.advance(LOOK_SECONDS)
        self.assertEqual(self.token(credentials), b"Bearer third one")
        self.assertEqual(credentials.generation, 0)

    def test_certificates_rotate(self) -> None:
        """
        A new client certificate is for new connections; half of one is not taken.
        """
        authority = make_authority(utc(NOW))
        pairs = [make_client(authority, name, (), utc(NOW)) for name in ("a", "b")]
        certificate, key = self.folder / "crt", self.folder / "key"
        certificate.write_bytes(pairs[0].certificate_pem)
        key.write_bytes(pairs[0].key_pem)
        access = Access(
            "https://kube",
            authorities=Source(authority.certificate_pem),
            certificate=Source(path=str(certificate)),
            key=Source(path=str(key)),
        )
        credentials = self.make(access)
        before = credentials.options()
        certificate.write_bytes(pairs[1].certificate_pem)
        credentials.look()
        self.assertIs(credentials.options(), before)
        key.unlink()
        key.write_bytes(pairs[1].key_pem)
        credentials.look()
        self.assertIsNot(credentials.options(), before)
        self.assertEqual(credentials.generation, 1)

    def test_unusable(self) -> None:
        """
        What cannot be used at the start is told at the start.
        """
        pem = make_authority(utc(NOW))
        other = make_authority(utc(NOW))
        access = Access("https://kube", authorities=Source(b"none"))
        self.assertIn("authorities", str(self.assertRaises(InvalidAccess, self.make, access)))
        for key, words in ((b"none", "key cannot be read"), (other.key_pem, "does not belong")):
            access = Access("https://kube", certificate=Source(pem.certificate_pem), key=Source(key))
            self.assertIn(words, str(self.assertRaises(InvalidAccess, self.make, access)))


class ExecPluginTests(_Cases):
    """
    A plug-in is run when its credentials are needed, once for all who ask.
    """

    access = Access(
        "https://kube",
        plugin=ExecPlugin(V1, PROGRAM, ("-x",), (("A", "b"),), {"server": "https://kube"}),
        authorities=Source(make_authority(utc(NOW)).certificate_pem),
    )

    def test_runs_once_for_all(self) -> None:
        """
        Those who ask while it runs get what it hands out; those who ask later too.
        """
        credentials = self.make(self.access)
        asking = [self.asking(credentials) for _ in range(3)]
        self.assertNoResult(asking[0])
        (process,) = self.reactor.started
        process.prints(handed_out(token="t"))
        for one in asking:
            self.assertEqual(self.successResultOf(one), [(b"authorization", b"Bearer t")])
        self.assertEqual(self.token(credentials), b"Bearer t")
        self.assertEqual(len(self.reactor.started), 1)

    def test_one_who_gives_up(self) -> None:
        """
        Somebody who does not wait takes nothing from the others.
        """
        credentials = self.make(self.access)
        leaving, staying = self.asking(credentials), self.asking(credentials)
        leaving.addErrback(lambda failure: None)
        leaving.cancel()
        self.reactor.started[0].prints(handed_out(token="t"))
        self.successResultOf(staying)

    def test_what_it_is_told(self) -> None:
        """
        It gets its arguments, its environment, and the cluster with its authorities.
        """
        self.asking(self.make(self.access))
        (process,) = self.reactor.started
        self.assertEqual(process.arguments, [PROGRAM, "-x"])
        self.assertEqual(process.environment["A"], "b")
        told = json.loads(process.environment["KUBERNETES_EXEC_INFO"])
        self.assertEqual((told["kind"], told["apiVersion"]), ("ExecCredential", V1))
        self.assertFalse(told["spec"]["interactive"])
        self.assertEqual(told["spec"]["cluster"]["server"], "https://kube")
        self.assertIn("certificate-authority-data", told["spec"]["cluster"])

    def test_expiry(self) -> None:
        """
        It is run again when its credentials have expired.
        """
        credentials = self.make(self.access)
        asking = self.asking(credentials)
        self.reactor.started[0].prints(handed_out(token="a", expirationTimestamp="2023-11-14T22:14:20Z"))
        self.successResultOf(asking)
        self.reactor.advance(59)
        self.assertEqual(self.token(credentials), b"Bearer a")
        self.reactor.advance(2)
        asking = self.asking(credentials)
        self.reactor.started[1].prints(handed_out(token="b"))
        self.assertEqual(self.successResultOf(asking), [(b"authorization", b"Bearer b")])

    def test_refused_credentials(self) -> None:
        """
        It is run again when they are refused, but not over and over.
        """
        credentials = self.make(self.access)
        self.asking(credentials)
        self.reactor.started[0].prints(handed_out(token="a"))
        self.assertFalse(credentials.refused())
        self.reactor.advance(AGAIN_SECONDS)
        self.assertTrue(credentials.refused())
        self.asking(credentials)
        self.assertEqual(len(self.reactor.started), 2)

    def test_certificates(self) -> None:
        """
        A certificate that it hands out is for new connections.
        """
        authority = make_authority(utc(NOW))
        pair = make_client(authority, "a", (), utc(NOW))
        credentials = self.make(self.access)
        before, asking = credentials.options(), self.asking(credentials)
        status = {
            "clientCertificateData": pair.certificate_pem.decode(),
            "clientKeyData": pair.key_pem.decode(),
        }
        self.reactor.started[0].prints(handed_out(**status))
        self.assertEqual(self.successResultOf(asking), [])
        self.assertIsNot(credentials.options(), before)
        self.assertEqual(credentials.generation, 1)

    def test_failures(self) -> None:
        """
        What is wrong with its answer is said, without saying what the answer was.
        """
        for printed, code, words in (
            (b"", 1, "exit code 1"),
            (b"hidden", 0, "did not print JSON"),
            ({"kind": "Pod"}, 0, "ExecCredential"),
            ({**handed_out(token="hidden"), "apiVersion": "v9"}, 0, "version v9"),
            ({"kind": "ExecCredential", "apiVersion": V1}, 0, "no status"),
            (handed_out(), 0, "neither a token"),
            (handed_out(clientKeyData="hidden"), 0, "neither a token"),
            (handed_out(token="hidden", expirationTimestamp="soon"), 0, "expirationTimestamp"),
            ({"kind": "ExecCredential", "apiVersion": V1, "status": {"token": 5}}, 0, "not strings"),
            (b"x" * (1024 * 1024 + 1), 0, "more than"),
        ):
            self.reactor.started.clear()
            asking = self.asking(self.make(self.access))
            self.reactor.started[0].prints(printed, code)
            said = str(self.failureResultOf(asking, InvalidAccess).value)
            self.assertIn(words, said)
            self.assertNotIn("hidden", said)

    def test_not_over_and_over(self) -> None:
        """
        One that failed is not run again at once.
        """
        credentials = self.make(self.access)
        asking = self.asking(credentials)
        self.reactor.started[0].prints(b"", 1)
        self.failureResultOf(asking, InvalidAccess)
        self.failureResultOf(self.asking(credentials), InvalidAccess)
        self.assertEqual(len(self.reactor.started), 1)
        self.reactor.advance(AGAIN_SECONDS)
        self.asking(credentials)
        self.assertEqual(len(self.reactor.started), 2)

    def test_hanging(self) -> None:
        """
        One that does not end is ended.
        """
        asking = self.asking(self.make(self.access))
        self.reactor.advance(SECONDS)
        self.assertEqual(self.reactor.started[0].signals, ["KILL"])
        self.assertIn("did not end", str(self.failureResultOf(asking, InvalidAccess).value))

    def test_missing_program(self) -> None:
        """
        A program that is not there is named, with the hint for it.
        """
        plugin = ExecPlugin(V1, "no-such-program-here", install_hint="get it")
        asking = self.asking(self.make(replace(self.access, plugin=plugin)))
        said = str(self.failureResultOf(asking, InvalidAccess).value)
        self.assertIn("no-such-program-here is not there (get it)", said)
