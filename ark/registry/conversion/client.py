"""
Calls webhooks.

Follows C{k8s.io/apiserver/pkg/util/webhook} (C{HookClient}, C{ResolveCluster} of
C{.../util/proxy}) and, for what is said of failures, C{k8s.io/client-go/rest}.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from treq.client import HTTPClient
from treq.content import collect
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

SECONDS = 30
"""
How long an answer may take.
"""

MOST_BYTES = 64 * 1024 * 1024
_CERTIFICATE = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_HEADERS = Headers(
    {
        b"accept": [b"application/json, */*"],
        b"content-type": [b"application/json"],
        b"user-agent": [b"kube-apiserver-admission"],
    }
)
_SAID = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    403: "the server does not allow access to the requested resource",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    429: "the server has received too many requests and has asked us to try again later",
    500: 'an error on the server ("unknown") has prevented the request from succeeding',
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, "
    "but may still be processing the request",
}


class CallFailed(Exception):
    """
    A webhook did not answer, or not with success.
    """


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
        self._trust = _trust_root(webhook.authorities)

    def endpointForURI(self, uri: Any) -> Any:
        host = uri.host.decode("ascii")
        options = optionsForClientTLS(host, trustRoot=self._trust)
        service, resolve = self._webhook.service, self._resolve
        if service is None:
            endpoint: Any = HostnameEndpoint(self._reactor, host, uri.port)
        else:
            endpoint = _ServiceEndpoint(self._reactor, lambda: resolve(*service))
        return wrapClientTLS(options, endpoint)


def _trust_root(authorities: bytes) -> Any:
    if not authorities:
        return platformTrust()  # type: ignore[no-untyped-call]  # Twisted's, without types
    return trustRootFromCertificates(
        [Certificate.loadPEM(found) for found in _CERTIFICATE.findall(authorities)]  # type: ignore[no-untyped-call]
    )


@implementer(IBodyProducer)
class _Body:
    """
    A request's body that is there already.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass


class WebhookClient:
    """
    Posts to one webhook, over connections that stay open.
    """

    def __init__(self, webhook: Webhook, reactor: Any, resolve: Resolve, agent: Any = None) -> None:
        """
        @param agent: makes the requests; by default one over TLS that trusts the webhook's
            authorities.
        """
        self._reactor = reactor
        self._pool: Any = None
        if agent is None:
            self._pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
            endpoints = _Endpoints(reactor, webhook, resolve)
            agent = Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
                reactor, endpoints, self._pool
            )
        self._http = HTTPClient(agent)
        query = "&" if urlsplit(webhook.url).query else "?"
        self.url = f"{webhook.url}{query}timeout={SECONDS}s"

    async def post(self, data: bytes) -> bytes:
        """
        The answer to a JSON text.

        @raise CallFailed: there is none.
        """
        started = self._reactor.seconds()
        exchange = Deferred.fromCoroutine(self._exchange(data))
        exchange.addTimeout(SECONDS, self._reactor)
        try:
            return await exchange
        except (CancelledError, CallFailed):
            raise
        except Exception as error:
            if self._reactor.seconds() - started >= SECONDS:
                raise self._failed("context deadline exceeded") from error
            raise self._failed(_reason(error)) from error

    async def _exchange(self, data: bytes) -> bytes:
        response = await self._http.post(self.url, data=_Body(data), headers=_HEADERS, unbuffered=True)
        pieces: list[bytes] = []
        size = 0

        def take(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            if size <= MOST_BYTES:
                pieces.append(piece)

        await collect(response, take)
        if not 200 <= response.code < 300:
            unknown = f"the server responded with the status code {response.code} but did not return more information"
            raise CallFailed(_SAID.get(response.code, _SAID[500] if response.code > 500 else unknown))
        if size > MOST_BYTES:
            raise self._failed(f"the answer is larger than {MOST_BYTES} bytes")
        return b"".join(pieces)

    def _failed(self, why: str) -> CallFailed:
        return CallFailed(f'Post "{self.url}": {why}')

    def close(self) -> None:
        """
        Let go of the connections.
        """
        if self._pool is not None:
            self._pool.closeCachedConnections()


def _reason(error: Exception) -> str:
    if isinstance(error, ResponseFailed) and error.reasons:
        error = error.reasons[0].value
    if isinstance(error, ConnectError) and not str(error):
        return type(error).__name__
    return str(error) or type(error).__name__
