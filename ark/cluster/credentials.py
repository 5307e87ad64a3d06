"""
What is shown to the cluster, as it is now: tokens, certificates and whom to trust, from files
that may change and plug-ins that are asked again.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.logger import Logger

from ark.cluster.access import Access, read_token
from ark.cluster.errors import InvalidAccess
from ark.cluster.execplugin import Credential, ExecCredentials
from ark.cluster.tlsoptions import connection_options
from ark.upkeep import FileWatch

LOOK_SECONDS = 10.0
"""
How often files are looked at.
"""

_log = Logger()


class _Material(NamedTuple):
    """
    What is read from files and plug-ins.
    """

    token: str
    authorities: bytes | None
    certificate: bytes
    key: bytes


class Credentials:
    """
    The credentials of one L{Access}.

    What has been replaced by something unusable stays in use, and is told of in the log.

    @raise InvalidAccess: they cannot be used.
    @ivar generation: counts how often client certificate or authorities have changed;
        connections made before should be used no longer.
    """

    def __init__(
        self, access: Access, reactor: Any, now: Callable[[], float], environ: Mapping[str, str]
    ) -> None:
        self._access = access
        self._reactor = reactor
        self._plugin = None if access.plugin is None else ExecCredentials(access, reactor, now, environ)
        sources = (access.authorities, access.certificate, access.key)
        paths = [source.path for source in sources if source is not None]
        self._files = FileWatch(path for path in (*paths, access.token_file) if path)
        self._fixed = [(name.encode(), value.encode()) for name, value in access.impersonation]
        self._name = access.server_name or urlsplit(access.server).hostname or ""
        self._looked = reactor.seconds()
        self._held: Credential | None = None
        self.generation = 0
        self._material = self._read()
        self._options = self._make_options(self._material)
        self._fields = self._make_fields(self._material)

    async def fields(self) -> list[tuple[bytes, bytes]]:
        """
        The header fields that say who asks, not to be changed.

        @raise InvalidAccess: a plug-in has no credentials.
        """
        if self._plugin is not None:
            held = await self._plugin.get()
            if held is not self._held:
                self._held = held
                self._take()
        if self._reactor.seconds() >= self._looked + LOOK_SECONDS:
            self.look()
        return self._fields

    def refused(self) -> bool:
        """
        The cluster does not know who asks (401).

        @return: whether L{fields} may have others now.
        """
        before = self._fields
        self.look()
        renewed = self._plugin is not None and self._plugin.forget()
        return renewed or self._fields is not before

    def options(self) -> IOpenSSLClientConnectionCreator:
        """
        What makes new TLS connections.
        """
        return self._options

    def look(self) -> None:
        """
        Take what has changed.
        """
        self._looked = self._reactor.seconds()
        if self._files.changed():
            self._take()

    def _take(self) -> None:
        try:
            material = self._read()
            if material[1:] != self._material[1:]:
                self._options = self._make_options(material)
                self.generation += 1
        except InvalidAccess as error:
            _log.warn("credentials for the cluster have changed but cannot be used: {error}", error=error)
            return
        if material != self._material:
            self._material = material
            self._fields = self._make_fields(material)

    def _make_fields(self, material: _Material) -> list[tuple[bytes, bytes]]:
        password = self._access.password
        if material.token:
            return [(b"authorization", b"Bearer " + material.token.encode()), *self._fixed]
        if password is not None:
            return [(b"authorization", b"Basic " + b64encode(":".join(password).encode())), *self._fixed]
        return list(self._fixed)

    def _read(self) -> _Material:
        access = self._access
        token, certificate, key = access.token, b"", b""
        if access.certificate is not None and access.key is not None:
            certificate, key = access.certificate.read(), access.key.read()
        if access.token_file:
            token = read_token(access.token_file)
        held = self._held
        if held is not None:
            token = token or held.token
            certificate, key = (certificate, key) if certificate else (held.certificate, held.key)
        authorities = None if access.authorities is None else access.authorities.read()
        return _Material(token, authorities, certificate, key)

    def _make_options(self, material: _Material) -> IOpenSSLClientConnectionCreator:
        return connection_options(self._name, material.authorities, material.certificate, material.key)
