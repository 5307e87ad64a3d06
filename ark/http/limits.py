"""
What one client may cost the server before anybody knows who it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """
    The bounds of the HTTP edge; times are seconds.

    @ivar header_bytes: size of all header fields of a request; more gives 431.
    @ivar header_fields: number of header fields, those beginning with C{x-remote-}
        not counted because a front proxy repeats them for every group of a user.
    @ivar header_deadline: from the first byte of a request (or of a TLS handshake) to
        the end of its header, however steadily bytes trickle in.
    @ivar body_bytes: size of a request body; more gives 413 (contract 1.13).
    @ivar body_deadline: from the header to the end of the body.
    @ivar idle_timeout: how long a connection without requests is kept.
    @ivar stall_timeout: how long a client may take nothing of what is ready for it.
    @ivar streams: HTTP/2 requests at the same time on one connection.
    @ivar connections: open connections in all.
    @ivar connections_per_address: open connections of one client address.
    @ivar resets: unanswered streams that a client may reset at once; C{reset_rate} a
        second are forgiven (CVE-2023-44487).
    @ivar control_frames: frames that make work without a request (PING, SETTINGS,
        PRIORITY, empty DATA, ...) at once; C{control_rate} a second are forgiven.
    @ivar stream_window: bytes of a body that a client may send on one stream before
        the handler asks for the body.
    @ivar connection_window: the same for all streams of a connection.
    """

    header_bytes: int = 1024 * 1024
    header_fields: int = 500
    header_deadline: float = 10.0
    body_bytes: int = 3 * 1024 * 1024
    body_deadline: float = 60.0
    idle_timeout: float = 180.0
    stall_timeout: float = 180.0
    streams: int = 250
    connections: int = 10000
    connections_per_address: int = 8000
    resets: int = 1000
    reset_rate: float = 100.0
    control_frames: int = 1000
    control_rate: float = 100.0
    stream_window: int = 256 * 1024
    connection_window: int = 2 * 1024 * 1024


class Allowance:
    """
    A bucket of C{burst} tokens that fills again at C{rate} a second.
    """

    __slots__ = ("_burst", "_rate", "_seconds", "_since", "_tokens")

    def __init__(self, burst: int, rate: float, seconds: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = rate
        self._seconds = seconds
        self._tokens = float(burst)
        self._since = seconds()

    def spend(self) -> bool:
        """
        Take one token.

        @return: whether there was one.
        """
        # The clock is read only when the bucket is empty: most connections never get there.
        if self._tokens < 1:
            now = self._seconds()
            self._tokens = min(self._burst, self._tokens + (now - self._since) * self._rate)
            self._since = now
            if self._tokens < 1:
                return False
        self._tokens -= 1
        return True
