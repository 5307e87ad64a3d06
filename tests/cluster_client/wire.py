"""
The network between a client and its cluster, in the hands of a test.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer


class Response:
    """
    An answer whose body comes when the test says so.
    """

    def __init__(self, code: int, **headers: str) -> None:
        self.code = code
        self.headers = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})
        self.protocol: Any = None
        self.transport = StringTransport()

    def deliverBody(self, protocol: Any) -> None:
        """
        See C{IResponse.deliverBody}.
        """
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """
        A piece of the body.
        """
        self.protocol.dataReceived(data)

    def end(self, reason: Exception | None = None) -> None:
        """
        The body is complete, or has broken off.
        """
        self.protocol.connectionLost(Failure(reason or ResponseDone()))


class Exchange:
    """
    A request that waits for its answer.
    """

    def __init__(self, method: bytes, uri: bytes, headers: Headers, producer: Any) -> None:
        self.method = method.decode()
        self.uri = uri.decode()
        self.headers = headers
        self.cancelled = False
        self.answered: Deferred[Response] = Deferred(self._cancel)
        body = StringTransport()
        if producer is not None:
            producer.startProducing(body)
        self.body = body.value()

    def _cancel(self, answered: Deferred[Response]) -> None:
        self.cancelled = True
        # As Twisted does with a request that was sent.
        answered.errback(ResponseNeverReceived([Failure(CancelledError())]))

    def answer(self, value: Any, code: int = 200, **headers: str) -> None:
        """
        Answer with JSON, or with bytes as they are.
        """
        response = self.begin(code, **headers)
        response.send(value if isinstance(value, bytes) else json.dumps(value).encode())
        response.end()

    def begin(self, code: int = 200, **headers: str) -> Response:
        """
        Answer with a body that is to come.
        """
        response = Response(code, **headers)
        self.answered.callback(response)
        return response

    def fail(self, error: Exception) -> None:
        """
        There is no answer.
        """
        self.answered.errback(error)


@implementer(IAgent)
class Wire:
    """
    Hands the test every request.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def request(
        self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None
    ) -> Deferred[Any]:
        """
        See C{IAgent.request}.
        """
        exchange = Exchange(method, uri, headers, bodyProducer)
        self.exchanges.append(exchange)
        return exchange.answered

    @property
    def last(self) -> Exchange:
        """
        The newest request.
        """
        return self.exchanges[-1]
