"""
The door of a server: its port, its certificates, and how it is closed.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from ark.authentication.credentials import Credentials, prepare, server_url, write_kubeconfig
from ark.authentication.trust import Trust, newer
from ark.config import CERTIFICATE, ConfigError, ServerConfig
from ark.http.handling import Dispatch
from ark.http.limits import Limits
from ark.http.site import Site
from ark.http.tls import TLSContext, TLSFiles
from ark.sockets import adopt, bind
from ark.upkeep import FileReader

_log = Logger()


class SecureServing:
    """
    Serves over TLS with certificates that may change while it does.

    @param now: the time of day.
    @ivar credentials: the certificates in use.
    @ivar clients: who vouches for clients by files; L{None} for nobody.
    @raise ConfigError: with exit code 6, they cannot be used.
    """

    def __init__(self, config: ServerConfig, reactor: Any, now: Callable[[], float]) -> None:
        self._config = config
        self._reactor = reactor
        self._now = now
        self._site: Site | None = None
        self._port: Any = None
        self._url = ""
        self.credentials = prepare(config, now())
        self._tls = _context(self.credentials)
        self.clients = _clients(self.credentials.client_authorities, None)
        self._files = FileReader("the certificates", _paths(self.credentials), self._read)

    @property
    def listening(self) -> bool:
        """
        Whether the port is open.
        """
        return self._port is not None

    def listen(self, dispatch: Dispatch, listener: socket.socket | None) -> str:
        """
        Open the port.

        @param listener: the socket to accept from; L{None} to make one.
        @return: the URL of the server.
        @raise ConfigError: with exit code 5.
        """
        self._site = Site(dispatch, Limits(), self._reactor, self._tls)
        listener = listener or bind(self._config.bind_address, self._config.secure_port)
        self._url = server_url(self._config, listener.getsockname()[1])
        self._port = adopt(self._reactor, listener, self._site)
        return self._url

    def connections(self) -> int:
        """
        How many connections are open.
        """
        return 0 if self._site is None else len(self._site.connections)

    def trust(self, authorities: bytes) -> None:
        """
        From now on let these vouch for clients too, see L{TLSContext.trust}.

        @param authorities: PEM.
        """
        self._tls.trust(authorities)

    @property
    def refused(self) -> str:
        """
        Why the files cannot be used, so that what they held before is; empty when they are.
        """
        return self._files.refused

    def reload(self) -> None:
        """
        Take certificates that somebody has put in place of those in use.

        Connections that are up go on as they are, but that a client whose authority was taken
        away is believed no longer.  New files that cannot be used leave the old ones in use.
        """
        self._files.look()

    def _read(self) -> None:
        credentials = prepare(self._config, self._now())
        clients = _clients(credentials.client_authorities, self.clients)
        self._tls.reload()
        self.credentials, self.clients = credentials, clients

    def renew(self) -> None:
        """
        Renew the certificates that are made here, and the kubeconfig with them, when it is time.
        """
        # While there is something that cannot be used, all is tried anew each second.
        if not self.refused and self._files.attempt(self._renew) and not self._config.aggregated:
            write_kubeconfig(self._config, self.credentials, self._url)

    def _renew(self) -> None:
        self.credentials = prepare(self._config, self._now())

    async def close_port(self) -> None:
        """
        Take no more connections.
        """
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()

    def leave(self) -> None:
        """
        Let connections of HTTP/1.1 end with their next answer.
        """
        if self._site is not None:
            self._site.leaving = True

    def drain(self, seconds: float) -> Deferred[None]:
        """
        Take no more requests.

        @param seconds: after so long what is left is cut off.
        @return: fires when all that ran are answered and every connection is closed.
        """
        return succeed(None) if self._site is None else self._site.stop(seconds)


def _paths(credentials: Credentials) -> tuple[str, ...]:
    return (credentials.certificate, credentials.private_key, *credentials.client_authorities)


def _clients(paths: Sequence[str], known: Trust | None) -> Trust | None:
    if not paths:
        return None
    return newer(known, Trust(b"\n".join(Path(path).read_bytes() for path in paths)))


def _context(credentials: Credentials) -> TLSContext:
    files = TLSFiles(credentials.certificate, credentials.private_key, credentials.client_authorities)
    try:
        return TLSContext(files)
    except OSError as error:
        cause = f"{credentials.certificate} cannot be served: {error}."
        raise ConfigError(cause, "Name a certificate, its chain and its key in PEM.", CERTIFICATE) from None
