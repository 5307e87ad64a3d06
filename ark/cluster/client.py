"""
The connection to kube-apiserver.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.task import deferLater
from twisted.web.http_headers import Headers
from zope.interface import implementer

from ark import __version__
from ark.cluster.access import Access
from ark.cluster.answers import answered, read_object, refusal, was_cut, why
from ark.cluster.bodies import Collected
from ark.cluster.call import Call
from ark.cluster.connections import Connections
from ark.cluster.credentials import Credentials
from ark.cluster.errors import Unreachable
from ark.cluster.informer import Informer
from ark.cluster.watchstream import WatchStream
from ark.interfaces import ICluster
from ark.meta.status import APIStatus

AT_ONCE = 32
"""
How many requests are under way at once, watches apart; others wait for their turn.
"""

MOST_BYTES = 256 * 1024 * 1024
"""
How large an answer may be.
"""

WATCH_ANSWER_SECONDS = 30.0
"""
How long a watch may take to begin.
"""

USER_AGENT = f"ark-apiserver/{__version__}".encode()
_NOT_NOW = frozenset((429, 503))


@implementer(ICluster)
class Cluster:
    """
    A cluster behind the network.

    Connections stay open and are used again.  Requests that may be made twice, which reviews
    are too, are made again when the connection that they took had been closed meanwhile, and
    when the cluster says when to come back and there is time for that.  All are made again
    when who asks was unknown but there are newer credentials.

    @param now: the time of day.
    @param random: parts the attempts of many clients.
    @param agent: makes the requests; by default one over TLS as C{access} says.
    @ivar server: its URL.
    @raise InvalidAccess: the credentials cannot be used.
    """

    def __init__(
        self,
        access: Access,
        reactor: Any,
        now: Callable[[], float],
        *,
        environ: Mapping[str, str] = os.environ,
        random: Random | None = None,
        agent: Any = None,
    ) -> None:
        self._reactor = reactor
        self._credentials = Credentials(access, reactor, now, environ)
        self._random = random or Random()
        self._turns = DeferredSemaphore(AT_ONCE)
        self.server = access.server
        self._host = urlsplit(access.server).netloc.encode()
        self._connections = Connections(access.server, reactor, self._credentials, AT_ONCE, agent)
        self.namespace = access.namespace

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> dict[str, Any]:
        """
        See L{ICluster.request}.
        """
        call = Call(method, path, query, body, content_type, self._reactor.seconds() + timeout)
        answering = Deferred.fromCoroutine(self._answer(call))
        answering.addTimeout(timeout, self._reactor)
        with _told(call, timeout):
            return await answering

    async def time_of_day(self, timeout: float = 10.0) -> float:
        """
        What the cluster's clock shows, in seconds since the epoch, to a second.

        @raise Unreachable: it does not say.
        """
        call = Call("GET", "/version", None, None, "", self._reactor.seconds() + timeout)
        asking = Deferred.fromCoroutine(self._send(call))
        asking.addTimeout(timeout, self._reactor)
        with _told(call, timeout):
            response = await asking
            await _body(response)
            return parsedate_to_datetime(response.headers.getRawHeaders("date")[0]).timestamp()

    def informer(self, path: str, query: Mapping[str, str] | None = None) -> Informer:
        """
        See L{ICluster.informer}.
        """
        return Informer(self, path, query or {}, self._reactor, self._random)

    async def watch(self, path: str, query: Mapping[str, str], stream: WatchStream) -> None:
        """
        Follow a collection until the stream ends.

        @raise APIStatus: it was refused.
        @raise Unreachable: it could not begin, or broke off.
        """
        call = Call("GET", path, {**query, "watch": "true"}, None, "", 0.0)
        asking = Deferred.fromCoroutine(self._send(call))
        asking.addTimeout(WATCH_ANSWER_SECONDS, self._reactor)
        with _told(call, WATCH_ANSWER_SECONDS):
            response = await asking
            if response.code != 200:
                if response.code == 401:
                    # Whoever follows comes again, and then with others if there are.
                    self._credentials.refused()
                raise await self._refusal(call, response)
            response.deliverBody(stream)
            await stream.ended

    async def close(self) -> None:
        """
        Let go of the connections that are not in use.
        """
        await self._connections.close()

    async def _answer(self, call: Call) -> dict[str, Any]:
        await self._turns.acquire()
        try:
            while True:
                try:
                    response = await self._send(call)
                except Exception as error:
                    if call.was_cut or not call.repeatable or not was_cut(error):
                        raise
                    call.was_cut = True
                    continue
                if 200 <= response.code < 300:
                    return read_object(await _body(response))
                refused = await self._refusal(call, response)
                if not await self._come_again(call, response):
                    raise refused
        finally:
            self._turns.release()

    async def _send(self, call: Call) -> Any:
        fields = await self._credentials.fields()
        headers = Headers(
            {b"host": [self._host], b"user-agent": [USER_AGENT], b"accept": [b"application/json"]}
        )
        for name, value in fields:
            headers.addRawHeader(name, value)
        if call.producer is not None:
            headers.addRawHeader(b"content-type", call.content_type)
        url = call.url(self.server)
        return await answered(
            self._connections.agent().request(call.method.encode(), url, headers, call.producer)
        )

    async def _refusal(self, call: Call, response: Any) -> Exception:
        return refusal(response.code, await _body(response), _retry_after(response) or 0)

    async def _come_again(self, call: Call, response: Any) -> bool:
        """
        Whether to ask once more, when it is time to.
        """
        if response.code == 401 and not call.was_unknown:
            call.was_unknown = True
            return self._credentials.refused()
        seconds = _retry_after(response)
        if response.code not in _NOT_NOW or not call.repeatable or seconds is None:
            return False
        if self._reactor.seconds() + seconds >= call.deadline:
            return False
        await deferLater(self._reactor, max(seconds, 1))
        return True


@contextmanager
def _told(call: Call, seconds: float) -> Iterator[None]:
    """
    Whatever goes wrong with a call, but for what the cluster itself says, is that there is no answer.

    @raise Unreachable: says why.
    """
    try:
        yield
    except TimeoutError:
        raise Unreachable(f"{call}: no answer within {seconds:g} seconds") from None
    except (APIStatus, CancelledError):
        raise
    except Exception as error:
        # Not from the error: what it refers to may hold header fields.
        raise Unreachable(f"{call}: {why(error)}") from None


async def _body(response: Any) -> bytes:
    collected = Collected(MOST_BYTES)
    response.deliverBody(collected)
    return await collected.whole


def _retry_after(response: Any) -> int | None:
    """
    The seconds of C{Retry-After}; dates are not sent by kube-apiserver.
    """
    text = (response.headers.getRawHeaders("retry-after") or [""])[0].strip()
    return int(text) if text.isdecimal() else None
