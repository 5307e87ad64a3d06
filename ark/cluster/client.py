"""
The connection to kube-apiserver.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.web.http_headers import Headers
from zope.interface import implementer

from ark import __version__
from ark.cluster.access import Access
from ark.cluster.answers import Collected, read_object, refusal, retry_after, why
from ark.cluster.call import Call
from ark.cluster.connections import Connections
from ark.cluster.credentials import Credentials
from ark.cluster.errors import Unreachable
from ark.cluster.exchange import Answer
from ark.cluster.informer import Informer
from ark.cluster.watchstream import WatchStream
from ark.interfaces import ICluster
from ark.meta.status import APIStatus

AT_ONCE = 32
"""
How many requests are under way at once, watches apart; others wait for their turn.
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
    @param endpoint: leads to the server; by default over TLS as C{access} says.
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
        endpoint: IStreamClientEndpoint | None = None,
    ) -> None:
        self._reactor = reactor
        self._credentials = Credentials(access, reactor, now, environ)
        self._random = random or Random()
        self._turns = DeferredSemaphore(AT_ONCE)
        self.server = access.server
        parts = urlsplit(access.server)
        self._base = parts.path
        self._always = [
            (b"host", parts.netloc.encode()),
            (b"user-agent", USER_AGENT),
            (b"accept", b"application/json"),
        ]
        self._fields: list[tuple[bytes, bytes]] | None = None
        self._header = b""
        self._connections = Connections(access.server, reactor, self._credentials, endpoint)
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
        try:
            return await answering
        except TimeoutError:
            raise Unreachable(f"{call}: no answer within {timeout:g} seconds") from None
        except (APIStatus, CancelledError):
            raise
        except Exception as error:
            # Not from the error: what it refers to may hold header fields.
            raise Unreachable(f"{call}: {why(error)}") from None

    async def time_of_day(self, timeout: float = 10.0) -> float:
        """
        What the cluster's clock shows, in seconds since the epoch, to a second.

        @raise Unreachable: it does not say.
        """
        call = Call("GET", "/version", None, None, "", self._reactor.seconds() + timeout)
        asking = Deferred.fromCoroutine(self._exchange(call))
        asking.addTimeout(timeout, self._reactor)
        try:
            return parsedate_to_datetime((await asking).headers[b"date"].decode()).timestamp()
        except CancelledError:
            raise
        except Exception as error:
            raise Unreachable(f"{call}: {why(error)}") from None

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
        asking = Deferred.fromCoroutine(self._begin(call))
        asking.addTimeout(WATCH_ANSWER_SECONDS, self._reactor)
        try:
            response = await asking
            if response.code != 200:
                if response.code == 401:
                    # Whoever follows comes again, and then with others if there are.
                    self._credentials.refused()
                raise await self._refusal(response)
            response.deliverBody(stream)
            await stream.ended
        except TimeoutError:
            raise Unreachable(f"{call}: no answer within {WATCH_ANSWER_SECONDS:g} seconds") from None
        except (APIStatus, CancelledError):
            raise
        except Exception as error:
            raise Unreachable(f"{call}: {why(error)}") from None

    async def close(self) -> None:
        """
        Let go of the connections that are not in use.
        """
        self._connections.close()

    async def _answer(self, call: Call) -> dict[str, Any]:
        await self._turns.acquire()
        try:
            while True:
                try:
                    answer = await self._exchange(call)
                except ConnectionClosed:
                    if call.was_cut or not call.repeatable:
                        raise
                    call.was_cut = True
                    continue
                if 200 <= answer.code < 300:
                    return read_object(answer.body)
                seconds = retry_after(answer.headers.get(b"retry-after", b""))
                if not await self._come_again(call, answer.code, seconds):
                    raise refusal(answer.code, answer.body, seconds or 0)
        finally:
            self._turns.release()

    async def _exchange(self, call: Call) -> Answer:
        fields = await self._credentials.fields()
        if fields is not self._fields:
            self._fields = fields
            lines = (b"%b: %b\r\n" % field for field in (*self._always, *fields))
            self._header = b"".join(lines)
        return await self._connections.exchange(call.request(self._header, self._base))

    async def _begin(self, call: Call) -> Any:
        headers = Headers()
        for name, value in (*self._always, *await self._credentials.fields()):
            headers.addRawHeader(name, value)
        url = f"{self.server}{call.target}".encode("ascii")
        return await self._connections.agent.request(b"GET", url, headers)

    async def _refusal(self, response: Any) -> Exception:
        collected = Collected()
        response.deliverBody(collected)
        text = (response.headers.getRawHeaders(b"retry-after") or [b""])[0]
        return refusal(response.code, await collected.whole, retry_after(text) or 0)

    async def _come_again(self, call: Call, code: int, seconds: int | None) -> bool:
        """
        Whether to ask once more, when it is time to.
        """
        if code == 401 and not call.was_unknown:
            call.was_unknown = True
            return self._credentials.refused()
        if code not in _NOT_NOW or not call.repeatable or seconds is None:
            return False
        if self._reactor.seconds() + seconds >= call.deadline:
            return False
        await deferLater(self._reactor, max(seconds, 1))
        return True
