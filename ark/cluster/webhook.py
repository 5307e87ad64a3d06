"""
Calls webhooks: those of definitions that convert objects, and those of admission.

Follows C{k8s.io/apiserver/pkg/util/webhook} (C{HookClient}, C{NewDefaultServiceResolver}).
A webhook is sent on to nobody (a redirection is no success), and what it answers is not logged.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.web.client import Agent, HTTPConnectionPool, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ark.cluster.answers import answered
from ark.cluster.bodies import Body, Collected
from ark.cluster.webhookfailures import CallFailed, reason, refusal
from ark.tracing.span import SPAN

__all__ = [
    "Address",
    "CallFailed",
    "Connections",
    "NoAddress",
    "Resolve",
    "Webhook",
    "WebhookClient",
    "by_name",
]

SECONDS = 30
"""
How long an answer may take unless the caller says otherwise.
"""

MOST_BYTES = 64 * 1024 * 1024
_IDLE_CONNECTIONS = 32
_CLOSED = (ConnectionDone, ConnectionLost)
_CERTIFICATE = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_HEADERS = Headers(
    {
        b"accept": [b"application/json, */*"],
        b"content-type": [b"application/json"],
        b"user-agent": [b"kube-apiserver-admission"],
    }
)


class NoAddress(Exception):
    """
    A service leads nowhere.
    """


class Address(NamedTuple):
    """
    Where to connect to.
    """

    host: str
    port: int


Resolve = Callable[[str, str, int], Awaitable[Address]]
"""
Finds the address of a service's port, by namespace, name and port.

@raise NoAddress: there is none; the message says why.
"""


async def by_name(namespace: str, name: str, port: int) -> Address:
    """
    The address that a cluster's name service gives a service.
    """
    return Address(f"{name}.{namespace}.svc", port)


class Webhook(NamedTuple):
    """
    A webhook as a C{clientConfig} names it.

    @ivar service: namespace, name and port; L{None} where the URL says it all.
    @ivar authorities: who vouches for it, PEM; empty for those that the machine trusts.
    """

    url: str
    service: tuple[str, str, int] | None
    authorities: bytes

    @classmethod
    def of(cls, client_config: Mapping[str, Any]) -> Webhook:
        """
        The webhook of a C{clientConfig} that was found valid.
        """
        authorities = base64.b64decode(client_config.get("caBundle") or "").strip()
        service = client_config.get("service")
        if service is None:
            return cls(client_config["url"], None, authorities)
        namespace, name, port = service["namespace"], service["name"], service.get("port") or 443
        path = (service.get("path") or "/").lstrip("/")
        return cls(f"https://{name}.{namespace}.svc:{port}/{path}", (namespace, name, port), authorities)

    @property
    def origin(self) -> Webhook:
        """
        The webhook without its path: those of one origin can share connections.
        """
        parts = urlsplit(self.url)
        return self._replace(url=f"{parts.scheme}://{parts.netloc}")


@implementer(IStreamClientEndpoint)
class _ServiceEndpoint:
    """
    Leads to where a service is now.
    """

    def __init__(self, reactor: Any, find: Callable[[], Awaitable[Address]]) -> None:
        self._reactor = reactor
        self._find = find

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        address = await self._find()
        return await HostnameEndpoint(self._reactor, address.host, address.port).connect(factory)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """
    TLS connections to one webhook, whose certificate its authorities must have signed.
    """

    def __init__(self, reactor: Any, webhook: Webhook, resolve: Resolve) -> None:
        self._reactor = reactor
        self._webhook = webhook
        self._resolve = resolve

    @cached_property
    def _options(self) -> Any:
        # One for all connections: it takes time to read certificates.
        host = urlsplit(self._webhook.url).hostname or ""
        return optionsForClientTLS(host, trustRoot=_trust_root(self._webhook.authorities))

    def endpointForURI(self, uri: Any) -> Any:
        service, resolve = self._webhook.service, self._resolve
        if service is None:
            endpoint: Any = HostnameEndpoint(self._reactor, uri.host.decode("ascii"), uri.port)
        else:
            endpoint = _ServiceEndpoint(self._reactor, lambda: resolve(*service))
        return wrapClientTLS(self._options, endpoint)


def _trust_root(authorities: bytes) -> Any:
    if not authorities:
        return platformTrust()  # type: ignore[no-untyped-call]  # Twisted's, without types
    found = _CERTIFICATE.findall(authorities)
    if not found:
        raise ValueError("unable to load root certificates: unable to parse bytes as PEM block")
    return trustRootFromCertificates([Certificate.loadPEM(one) for one in found])  # type: ignore[no-untyped-call]


class Connections:
    """
    TLS connections to the webhooks of one origin, which stay open.

    @ivar agent: makes requests over them.
    """

    def __init__(self, origin: Webhook, reactor: Any, resolve: Resolve) -> None:
        self._pool: Any = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = _IDLE_CONNECTIONS
        endpoints = _Endpoints(reactor, origin, resolve)
        self.agent: Any = Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
            reactor, endpoints, self._pool
        )

    def close(self) -> None:
        """
        Let go of those that are idle.
        """
        self._pool.closeCachedConnections()


class WebhookClient:
    """
    Posts to one webhook.
    """

    def __init__(self, webhook: Webhook, reactor: Any, agent: Any, limit: int = MOST_BYTES) -> None:
        """
        @param agent: makes the requests.
        @param limit: how many bytes an answer may have.
        """
        self._reactor = reactor
        self._limit = limit
        self._http = HTTPClient(agent)
        parts = urlsplit(webhook.url)
        self._place = f"{parts.hostname}:{parts.port or 443}"
        self._url = f"{webhook.url}{'&' if parts.query else '?'}timeout="

    async def post(self, data: bytes, seconds: int = SECONDS) -> bytes:
        """
        The answer to a JSON text.

        @param seconds: how long it may take; the webhook is told too.
        @raise CallFailed: there is none.
        """
        started = self._reactor.seconds()
        url = f"{self._url}{seconds}s"
        exchange = Deferred.fromCoroutine(self._exchange(url, data))
        exchange.addTimeout(seconds, self._reactor)
        try:
            return await exchange
        except (CancelledError, CallFailed):
            raise
        except Exception as error:
            if self._reactor.seconds() - started >= seconds:
                raise CallFailed(f'Post "{url}": context deadline exceeded') from error
            raise CallFailed(f'Post "{url}": {reason(error, self._place)}') from error

    async def _exchange(self, url: str, data: bytes) -> bytes:
        try:
            response = await self._sent(url, data)
        except ResponseNeverReceived as error:
            if not all(isinstance(one.value, _CLOSED) for one in error.reasons):
                raise
            # A connection that was idle for too long is found out only by using it.
            response = await self._sent(url, data)
        answer = Collected(self._limit)
        response.deliverBody(answer)
        body = await answer.whole
        given = (response.headers.getRawHeaders("content-type") or [""])[0]
        if not 200 <= response.code <= 206:
            raise refusal(response.code, given, body)
        if not body:
            raise CallFailed(f"0-length response with status code: {response.code} and content type: {given}")
        return body

    async def _sent(self, url: str, data: bytes) -> Any:
        headers, span = _HEADERS, SPAN.get()
        if span is not None:
            headers = headers.copy()
            for name, values in span.context.headers().items():
                headers.setRawHeaders(name, values)
        return await answered(
            self._http.post(url, data=Body(data), headers=headers, unbuffered=True, allow_redirects=False)
        )
