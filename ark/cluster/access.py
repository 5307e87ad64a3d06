"""
How a cluster is reached, and as whom: what a kubeconfig says, or the files of a pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ark.cluster.errors import InvalidAccess


class Source(NamedTuple):
    """
    PEM data that stands in the configuration, or in a file that may change.

    @ivar path: empty where C{data} is all.
    """

    data: bytes = b""
    path: str = ""

    def read(self) -> bytes:
        """
        The data as it is now.

        @raise InvalidAccess: the file cannot be read, or is empty.
        """
        if not self.path:
            return self.data
        return read_file(self.path)


def read_file(path: str) -> bytes:
    """
    What is in a file that must hold something.

    @raise InvalidAccess: it cannot be read, or is empty.
    """
    try:
        data = Path(path).read_bytes().strip()
    except OSError as error:
        raise InvalidAccess(f"{path} cannot be read: {error.strerror or error}") from None
    if not data:
        raise InvalidAccess(f"{path} is empty")
    return data


def read_token(path: str) -> str:
    """
    The bearer token in a file.

    @raise InvalidAccess: it cannot be read, or is none.
    """
    data = read_file(path)
    if not data.isascii() or not data.decode().isprintable():
        raise InvalidAccess(f"{path} does not hold a token")
    return data.decode()


class ExecPlugin(NamedTuple):
    """
    A program that hands out credentials (C{k8s.io/client-go/pkg/apis/clientauthentication}).

    @ivar environment: what is added to this process's own.
    @ivar cluster: what it is told of the cluster; L{None} if nothing.
    """

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    cluster: dict[str, Any] | None = None
    install_hint: str = ""


@dataclass(frozen=True, repr=False)
class Access:
    """
    Where the API is, whom to trust there, and what to show.

    @ivar server: its URL, C{https}, with no slash at the end.
    @ivar server_name: the name that its certificate must be for; empty for the URL's host.
    @ivar authorities: who may vouch for it; L{None} for those that the machine trusts.
    @ivar token: a bearer token; C{token_file}, where given, has the one that counts.
    @ivar password: a user and a password, for clusters behind something that asks for them.
    @ivar impersonation: header fields for each request.
    """

    server: str
    server_name: str = ""
    authorities: Source | None = None
    certificate: Source | None = None
    key: Source | None = None
    token: str = ""
    token_file: str = ""
    password: tuple[str, str] | None = None
    plugin: ExecPlugin | None = None
    impersonation: tuple[tuple[str, str], ...] = ()
    namespace: str = "default"

    def __repr__(self) -> str:
        return f"<Access to {self.server}>"

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.server)
            usable = (
                parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and self.server.isascii()
            )
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username:
            # Whoever listens in on plain HTTP would have the token.
            raise InvalidAccess(f"{self.server!r} is not the https URL of a server")
