"""
Credentials that a program hands out.

As C{k8s.io/client-go/plugin/pkg/client/auth/exec}: the program is told C{ExecCredential} in
C{KUBERNETES_EXEC_INFO}, prints one with a status, and is run again when that has expired or
was refused.  It has no terminal and no standard input.
"""

from __future__ import annotations

import os
import shutil
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from ark.cluster.access import Access, ExecPlugin
from ark.cluster.errors import InvalidAccess
from ark.cluster.waiting import Waiting
from ark.meta.time import parse_rfc3339

SECONDS = 60.0
"""
How long a plug-in may take.
"""

AGAIN_SECONDS = 5.0
"""
For how long one that failed is not run again.
"""

MOST_BYTES = 1024 * 1024


class Credential(NamedTuple):
    """
    What a plug-in handed out: a token, a certificate and its key in PEM, or all of them.

    @ivar expires: seconds since the epoch; L{None} for never.
    """

    token: str
    certificate: bytes
    key: bytes
    expires: float | None


class ExecCredentials:
    """
    What one plug-in handed out last.  However many ask, it runs once at a time.

    @param now: the time of day.
    @param environ: the environment of this process.
    """

    def __init__(
        self, access: Access, reactor: Any, now: Callable[[], float], environ: Mapping[str, str]
    ) -> None:
        self._access = access
        self._reactor = reactor
        self._now = now
        self._environ = environ
        self._held: Credential | None = None
        self._since = 0.0
        self._failed: tuple[float, InvalidAccess] | None = None
        self._waiting: Waiting[Credential] = Waiting()
        self._running = False

    async def get(self) -> Credential:
        """
        A credential that has not expired.

        @raise InvalidAccess: the plug-in failed.
        """
        held = self._held
        if held is not None and (held.expires is None or self._now() < held.expires):
            return held
        if self._failed is not None and self._reactor.seconds() < self._failed[0] + AGAIN_SECONDS:
            raise InvalidAccess(str(self._failed[1]))
        waiter = self._waiting.wait()
        if not self._running:
            self._running = True
            Deferred.fromCoroutine(self._run()).addBoth(self._ran)
        return await waiter

    def forget(self) -> bool:
        """
        What is held was refused: have the plug-in run again, unless it did just now.

        @return: whether it will.
        """
        if self._reactor.seconds() < self._since + AGAIN_SECONDS:
            return False
        self._held = None
        return True

    def _ran(self, result: Credential | Failure) -> None:
        self._running = False
        if isinstance(result, Failure):
            error = result.value
            if not isinstance(error, InvalidAccess):
                error = InvalidAccess(f"{self._plugin.command} cannot be run: {error}")
            self._failed = (self._reactor.seconds(), error)
            self._waiting.tell(Failure(InvalidAccess(str(error))))  # type: ignore[no-untyped-call]
            return
        self._failed = None
        self._held, self._since = result, self._reactor.seconds()
        self._waiting.tell(result)

    @property
    def _plugin(self) -> ExecPlugin:
        plugin = self._access.plugin
        if plugin is None:
            raise InvalidAccess("there is no exec plug-in")
        return plugin

    async def _run(self) -> Credential:
        plugin = self._plugin
        environ = {**self._environ, **dict(plugin.environment)}
        environ["KUBERNETES_EXEC_INFO"] = orjson.dumps(self._told(plugin)).decode()
        program = shutil.which(plugin.command, path=environ.get("PATH", os.defpath))
        if program is None:
            hint = f" ({plugin.install_hint.strip()})" if plugin.install_hint else ""
            raise InvalidAccess(f"the program {plugin.command} is not there{hint}")
        process = _Process()
        # What it says goes where our own words go.
        self._reactor.spawnProcess(
            process, program, [plugin.command, *plugin.arguments], environ, childFDs={0: "w", 1: "r", 2: 2}
        )
        deadline = self._reactor.callLater(SECONDS, process.kill)
        try:
            output = await process.ended
        finally:
            if deadline.active():
                deadline.cancel()
        return _read(output, plugin)

    def _told(self, plugin: ExecPlugin) -> dict[str, Any]:
        spec: dict[str, Any] = {"interactive": False}
        if plugin.cluster is not None:
            spec["cluster"] = dict(plugin.cluster)
            authorities = self._access.authorities
            if authorities is not None:
                spec["cluster"]["certificate-authority-data"] = b64encode(authorities.read()).decode()
        return {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}


class _Process(ProcessProtocol):
    """
    Collects what a plug-in prints.

    @ivar ended: fires with that when it has ended well.
    """

    transport: Any

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._why = ""
        self.ended: Deferred[bytes] = Deferred(lambda _: self.kill())

    def connectionMade(self) -> None:
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MOST_BYTES:
            self.kill(f"it printed more than {MOST_BYTES} bytes")
        else:
            self._pieces.append(data)

    def kill(self, why: str = f"it did not end within {SECONDS:g} seconds") -> None:
        """
        End it at once.
        """
        self._why = self._why or why
        # It may have ended in this moment.
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        if self.ended.called:
            return
        status: Any = reason.value
        if self._why:
            self.ended.errback(InvalidAccess(f"the exec plug-in failed: {self._why}"))
        elif status.exitCode:
            self.ended.errback(InvalidAccess(f"the exec plug-in failed with exit code {status.exitCode}"))
        elif status.exitCode is None:
            self.ended.errback(InvalidAccess(f"the exec plug-in was ended by signal {status.signal}"))
        else:
            self.ended.callback(b"".join(self._pieces))


def _read(output: bytes, plugin: ExecPlugin) -> Credential:
    try:
        document = orjson.loads(output)
    except ValueError:
        # What it printed may be a secret.
        raise InvalidAccess("the exec plug-in did not print JSON") from None
    if not isinstance(document, dict) or document.get("kind") != "ExecCredential":
        raise InvalidAccess("the exec plug-in did not print an ExecCredential")
    if document.get("apiVersion") != plugin.api_version:
        found = document.get("apiVersion")
        raise InvalidAccess(f"the exec plug-in printed version {found}, not {plugin.api_version}")
    status = document.get("status")
    if not isinstance(status, dict):
        raise InvalidAccess("the exec plug-in printed no status")
    names = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    token, certificate, key, expires = (status.get(name) or "" for name in names)
    if not all(isinstance(text, str) for text in (token, certificate, key, expires)):
        raise InvalidAccess("the exec plug-in printed a status with members that are not strings")
    if not (token or certificate) or bool(certificate) != bool(key):
        raise InvalidAccess("the exec plug-in printed neither a token nor a certificate with its key")
    try:
        return Credential(
            token, certificate.encode(), key.encode(), parse_rfc3339(expires) if expires else None
        )
    except ValueError:
        raise InvalidAccess("the exec plug-in printed an expirationTimestamp that is no time") from None
