"""
A client of HTTP/2 in memory, by the C{h2} package, beside raw frames for what it would
not send.
"""

from __future__ import annotations

from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset
from jh2._hazmat import Encoder

from ark.http.h2frames import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    frame,
    read_header,
    read_word,
    settings,
)
from tests.http.edge import Edge

FIELDS = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/x"), (b":authority", b"a")]


class Client:
    """
    Keeps what the server said.
    """

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.protocol, self.transport = edge.speak("h2")
        self.h2 = H2Connection(
            H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=True)
        )
        self.h2.initiate_connection()
        self.headers: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: list[int] = []
        self.reset: dict[int, int] = {}
        self.goaway: list[tuple[int, int]] = []
        self.acknowledge = True
        self.exchange()

    def exchange(self) -> None:
        """
        Carry bytes both ways until there are none.
        """
        while True:
            self.edge.clock.advance(0)
            said = self.transport.take()
            if said:
                for event in self.h2.receive_data(said):
                    self._note(event)
            mine = self.h2.data_to_send()
            if mine:
                self.protocol.dataReceived(mine)
            elif not said:
                return

    def _note(self, event: Any) -> None:
        if isinstance(event, ResponseReceived):
            self.headers[event.stream_id] = dict(event.headers)
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            if self.acknowledge and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.ended.append(event.stream_id)
        elif isinstance(event, StreamReset):
            self.reset[event.stream_id] = event.error_code
        elif isinstance(event, ConnectionTerminated):
            self.goaway.append((event.error_code, event.last_stream_id))

    def request(
        self, path: bytes, method: bytes = b"GET", end: bool = True, *fields: tuple[bytes, bytes]
    ) -> int:
        """
        Open a stream.
        """
        stream = self.h2.get_next_available_stream_id()
        head = [
            (b":method", method),
            (b":scheme", b"https"),
            (b":path", path),
            (b":authority", b"a"),
            *fields,
        ]
        self.h2.send_headers(stream, head, end_stream=end)
        return stream

    def get(self, path: bytes = b"/x") -> int:
        """
        Ask and wait for the answer.
        """
        stream = self.request(path)
        self.exchange()
        return stream


class Raw:
    """
    Sends frames as they are, and splits what comes back.
    """

    def __init__(self, edge: Edge, greet: bool = True) -> None:
        self.edge = edge
        self.protocol, self.transport = edge.speak("h2")
        self.encoder = Encoder()
        if greet:
            self.send(PREFACE + settings({}))
            self.transport.take()

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)
        self.edge.clock.advance(0)

    def head(self, fields: list[tuple[bytes, bytes]], stream: int = 1, end: bool = True) -> bytes:
        """
        A HEADERS frame.
        """
        block = self.encoder.encode([(name, value, False) for name, value in fields])
        return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """
        Type, flags, stream and payload of the frames that came.
        """
        data = self.transport.take()
        found = []
        while data:
            head, flags, stream = read_header(data)
            found.append((head & 0xFF, flags, stream, data[9 : 9 + (head >> 8)]))
            data = data[9 + (head >> 8) :]
        return found

    def codes(self, kind: int) -> list[tuple[int, int]]:
        """
        Stream and error code of the RST_STREAM (3) or GOAWAY (7) frames that came.
        """
        offset = 4 if kind == 7 else 0
        return [
            (stream, read_word(data, offset)[0]) for found, _, stream, data in self.frames() if found == kind
        ]
