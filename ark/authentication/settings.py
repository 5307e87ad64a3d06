"""
Whom a server in a cluster believes, as its operator says and, for the rest, the cluster.

kube-apiserver keeps a ConfigMap for servers that extend it.  Follows
C{k8s.io/apiserver/pkg/server/options/authentication.go} and
C{authentication_dynamic_request_header.go}; contract 15.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from twisted.logger import Logger

from ark.authentication.requestheader import FrontProxy, RequestHeaders
from ark.authentication.trust import InvalidTrust, Trust, newer
from ark.config import CERTIFICATE, CONFIG, ConfigError
from ark.interfaces import ICluster, IInformer

_log = Logger()

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"
"""
The ConfigMap that is followed.  The role C{extension-apiserver-authentication-reader} of its
namespace allows to.
"""

_CLIENTS = "client-ca-file"
_PROXIES = "requestheader-client-ca-file"
_ALLOWED_NAMES = "requestheader-allowed-names"
_HEADERS = (
    "requestheader-username-headers",
    "requestheader-uid-headers",
    "requestheader-group-headers",
    "requestheader-extra-headers-prefix",
)


class RequestHeaderOptions(NamedTuple):
    """
    What an operator says of front proxies, under the names of kube-apiserver's options.

    @ivar client_ca_file: empty to have the cluster say it all.
    """

    client_ca_file: str = ""
    allowed_names: tuple[str, ...] = ()
    username_headers: tuple[str, ...] = ("x-remote-user",)
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ("x-remote-group",)
    extra_headers_prefix: tuple[str, ...] = ("x-remote-extra-",)


class _Told(NamedTuple):
    """
    What of the front proxies has been told; what is missing or wrong stays as it was.
    """

    trust: Trust | None = None
    allowed_names: frozenset[str] = frozenset()
    headers: RequestHeaders = RequestHeaders((), (), (), ())


class AuthenticationSettings:
    """
    The authorities for clients and for front proxies, and how front proxies speak.

    An authority that is given as a file counts instead of what the cluster says.

    @ivar clients: vouches for users' certificates; L{None} while nobody does.
    @ivar proxy: who is a front proxy; L{None} while nobody is.
    """

    def __init__(
        self,
        cluster: ICluster,
        changed: Callable[[], None],
        client_ca_file: str = "",
        request_header: RequestHeaderOptions = RequestHeaderOptions(),  # noqa: B008 - it is immutable
    ) -> None:
        """
        @param changed: called whenever L{authorities} may be others.
        @raise ConfigError: a file cannot be used, or a header has no name.
        """
        self._changed = changed
        self._client_ca_file = client_ca_file
        self._request_header = request_header
        self._cluster = cluster
        self._informer: IInformer | None = None
        self._told = _Told()
        self.clients: Trust | None = None
        self.proxy: FrontProxy | None = None
        self._read_files()

    @property
    def authorities(self) -> bytes:
        """
        All of them in PEM, for TLS; empty when there are none.
        """
        proxies = b"" if self.proxy is None else self.proxy.trust.pem
        return proxies + (b"" if self.clients is None else self.clients.pem)

    async def start(self) -> None:
        """
        Ask the cluster for what no file says, and follow it from then on.

        Where the ConfigMap does not exist nobody is believed until it does.
        """
        if self._client_ca_file and self._request_header.client_ca_file:
            return
        query = {"fieldSelector": f"metadata.name={NAME}"}
        informer = self._cluster.informer(f"/api/v1/namespaces/{NAMESPACE}/configmaps", query)
        self._informer = informer
        informer.subscribe(self._follow)
        informer.start()
        await informer.wait()

    def stop(self) -> None:
        """
        Follow the cluster no more.
        """
        if self._informer is not None:
            self._informer.stop()

    def reload(self) -> None:
        """
        Read the files again.

        @raise ConfigError: one cannot be used; what was read before still counts.
        """
        before = self.authorities
        self._read_files()
        if self.authorities != before:
            self._changed()

    def _read_files(self) -> None:
        clients = _read(self._client_ca_file)
        options = self._request_header
        proxies = _read(options.client_ca_file)
        if clients is not None:
            self.clients = newer(self.clients, clients)
        if proxies is not None:
            known = None if self.proxy is None else self.proxy.trust
            self._put(_Told(newer(known, proxies), frozenset(options.allowed_names), _headers_of(options)))

    def _follow(self) -> None:
        found = None if self._informer is None else self._informer.get(NAMESPACE, NAME)
        if found is None:
            # Somebody has taken it away; kube-apiserver will put it back.
            return
        data = found.get("data") or {}
        before = self.authorities
        if not self._client_ca_file:
            self.clients = _told_trust(data, _CLIENTS, self.clients)
        if not self._request_header.client_ca_file:
            self._put(
                _told_headers(data, self._told)._replace(trust=_told_trust(data, _PROXIES, self._told.trust))
            )
        if self.authorities != before:
            _log.info("the authorities for clients are others now")
            self._changed()

    def _put(self, told: _Told) -> None:
        if told != self._told:
            self._told = told
            if told.trust is not None:
                self.proxy = FrontProxy(told.trust, told.allowed_names, told.headers)


def _read(path: str) -> Trust | None:
    if not path:
        return None
    try:
        return Trust(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", "Make it readable to the server's user.", CERTIFICATE
        ) from None
    except InvalidTrust as error:
        raise ConfigError(f"{path} cannot be used: {error}.", "Name a PEM file.", CERTIFICATE) from None


def _headers_of(options: RequestHeaderOptions) -> RequestHeaders:
    try:
        return RequestHeaders.named(
            options.username_headers,
            options.uid_headers,
            options.group_headers,
            options.extra_headers_prefix,
        )
    except ValueError as error:
        raise ConfigError(
            f"An option of --requestheader-* cannot be used: {error}.", "Leave the empty name out.", CONFIG
        ) from None


def _told_trust(data: Mapping[str, Any], key: str, known: Trust | None) -> Trust | None:
    """
    What the ConfigMap says; what was known where it says nothing that makes sense, so that an
    accident there does not lock everybody out.
    """
    pem = data.get(key) or ""
    if not pem:
        return known
    try:
        return newer(known, Trust(pem.encode()))
    except InvalidTrust as error:
        _log.error("{key} of {name} is not used: {error}", key=key, name=NAME, error=error)
        return known


def _told_headers(data: Mapping[str, Any], known: _Told) -> _Told:
    try:
        headers = RequestHeaders.named(*(_strings(data, key) for key in _HEADERS))
        return known._replace(allowed_names=frozenset(_strings(data, _ALLOWED_NAMES)), headers=headers)
    except ValueError as error:
        _log.error("the request headers of {name} are not used: {error}", name=NAME, error=error)
        return known


def _strings(data: Mapping[str, Any], key: str) -> list[str]:
    text = data.get(key) or "[]"
    value = orjson.loads(text)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{key} is not a list of strings")
    return value
