"""
One connection to the cluster, over which one request after the other is made.

HTTP/1.1 (RFC 9112) as far as a client needs it that sends whole bodies and wants whole answers.
twisted.web's agent does more, of which nothing is needed here, at twice the cost; watches go
through it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ark.cluster.errors import Unreachable

MOST_BYTES = 256 * 1024 * 1024
LONGEST_HEAD = 64 * 1024

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?")
_NO_BODY = frozenset((204, 304))


class Answer(NamedTuple):
    """
    A whole answer; names of header fields are in lower case.
    """

    code: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection(Protocol):
    """
    A connection on which one request at a time is made.

    @ivar usable: whether it is open and may be used again.
    @ivar generation: the credentials that it was made with.
    @ivar idle_since: when it was used last.
    """

    def __init__(self, resting: Callable[[Connection], None], generation: int) -> None:
        """
        @param resting: called when an answer is there and another request may be made.
        """
        self._resting = resting
        self._waiting: Deferred[Answer] | None = None
        self.generation = generation
        self.idle_since = 0.0
        self.usable = True
        self._begin()

    def _begin(self) -> None:
        self._data = bytearray()
        self._pieces: list[bytes] = []
        self._size = 0
        self._code = 0
        self._headers: dict[bytes, bytes] = {}
        self._left: int | None = None
        self._chunked = self._last = False

    def ask(self, request: bytes) -> Deferred[Answer]:
        """
        Make a request.  When nobody waits for the answer any more, the connection is cut.

        @return: fails with C{ConnectionClosed} when it was closed with nothing said, with
            L{Unreachable} when what was said is no answer.
        """
        self._begin()
        self._waiting = Deferred(lambda _: self.abort())
        self.transport.write(request)  # type: ignore[union-attr]  # connected before it is handed out
        return self._waiting

    def abort(self) -> None:
        """
        Close at once.
        """
        self.usable = False
        transport: Any = self.transport
        transport.abortConnection()

    def close(self) -> None:
        """
        Close in good order.
        """
        self.usable = False
        transport: Any = self.transport
        transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        A piece of an answer.
        """
        if self._waiting is None or self._waiting.called:
            # Nothing was asked.
            self.abort()
            return
        self._data += data
        try:
            whole = self._read()
        except Unreachable as error:
            self.abort()
            self._end(error)
            return
        if whole:
            self._finish()

    def _finish(self) -> None:
        if self._data or not self.usable:
            self.close()
        waiting, self._waiting = self._waiting, None
        answer = Answer(self._code, self._headers, b"".join(self._pieces))
        if self.usable:
            self._resting(self)
        if waiting is not None:
            waiting.callback(answer)

    def _end(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.errback(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection has gone.
        """
        self.usable = False
        if self._waiting is None or self._waiting.called:
            return
        error: Any = reason.value
        if not self._code and not self._data:
            self._end(error)
        elif self._code and self._left is None and not self._chunked and isinstance(error, ConnectionClosed):
            self._finish()
        else:
            self._end(Unreachable("the answer broke off"))

    # Reading

    def _read(self) -> bool:
        """
        Whether the answer is whole.
        """
        while not self._code:
            if not self._read_head():
                return False
        if self._chunked:
            return self._read_chunks()
        wanted = len(self._data) if self._left is None else min(self._left, len(self._data))
        self._take(wanted)
        if self._left is not None:
            self._left -= wanted
        return self._left == 0

    def _take(self, size: int) -> None:
        self._size += size
        if self._size > MOST_BYTES:
            raise Unreachable(f"the answer is larger than {MOST_BYTES} bytes")
        if size:
            self._pieces.append(bytes(self._data[:size]))
            del self._data[:size]

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > LONGEST_HEAD:
                raise Unreachable("the answer's header is too long")
            return False
        status, *lines = bytes(self._data[:end]).split(b"\r\n")
        del self._data[: end + 4]
        found = _STATUS.fullmatch(status)
        if found is None:
            raise Unreachable("the answer is not HTTP")
        code = int(found[2])
        if code < 200:
            # Something said in advance; the answer follows.
            return bool(self._data) and self._read_head()
        headers: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        self._code, self._headers = code, headers
        self._frame(found[1] == b"1")
        return True

    def _frame(self, persistent: bool) -> None:
        headers = self._headers
        options = headers.get(b"connection", b"").lower()
        if b"close" in options or not (persistent or b"keep-alive" in options):
            self.usable = False
        coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
        if self._code in _NO_BODY:
            self._left = 0
        elif coding is not None:
            if coding.lower() != b"chunked":
                raise Unreachable("the answer has a transfer encoding that is not known")
            self._chunked = True
        elif length is not None:
            if not length.isdigit():
                raise Unreachable("the answer's length is no number")
            self._left = int(length)
        else:
            # Until the connection is closed.
            self.usable = False

    def _read_chunks(self) -> bool:
        while True:
            if self._left:
                size = min(self._left, len(self._data))
                self._take(size)
                self._left -= size
                if self._left:
                    return False
            line = self._line()
            if line is None:
                return False
            if self._last:
                if not line:
                    return True
            elif self._left == 0:
                if line:
                    raise Unreachable("the answer's chunks do not fit together")
                self._left = None
            else:
                found = _SIZE.fullmatch(line)
                if found is None:
                    raise Unreachable("the answer's chunks cannot be read")
                self._left = int(found[1], 16)
                if self._left == 0:
                    self._last, self._left = True, None

    def _line(self) -> bytes | None:
        end = self._data.find(b"\r\n")
        if end < 0:
            if len(self._data) > LONGEST_HEAD:
                raise Unreachable("the answer's chunks cannot be read")
            return None
        line = bytes(self._data[:end])
        del self._data[: end + 2]
        return line
