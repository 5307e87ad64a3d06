"""
Sending at once what a socket takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor


def prompt_write(transport: Any) -> Callable[[bytes], None]:
    """
    What writes to a transport.

    C{write} of Twisted's own TCP transports leaves all to the next turn, in which the reactor has to be told
    twice to look after the socket.  A socket nearly always takes an answer at once; what it does not
    take is left to the transport, which then tells its producer as ever.
    """
    if not isinstance(transport, FileDescriptor):
        return transport.write  # type: ignore[no-any-return]

    def write(data: bytes) -> None:
        if transport.connected and not (
            transport.dataBuffer or transport._tempDataLen or transport.disconnecting
        ):
            sent = transport.writeSomeData(data)
            # Of a connection that was lost the transport finds out when it sends by itself.
            if isinstance(sent, int):
                if sent == len(data):
                    return
                data = data[sent:]
        transport.write(data)

    return write
