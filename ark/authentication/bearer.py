"""
Bearer tokens, where requests carry them (RFC 6750, 2.1).

Follows C{k8s.io/apiserver/pkg/authentication/request/bearertoken} and C{.../request/websocket}.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any, NamedTuple

from ark.meta.status import unauthorized

_PROTOCOLS = b"sec-websocket-protocol"
_PREFIX = b"base64url.bearer.authorization.k8s.io."
_STANDARD = bytes.maketrans(b"-_", b"+/")


def token_of(request: Any) -> bytes | None:
    """
    The token that the C{Authorization} header carries; L{None} without one.
    """
    header = request.header(b"authorization")
    if header is None:
        return None
    scheme, _, rest = header.strip().partition(b" ")
    token: bytes = rest.partition(b" ")[0]
    return token if scheme.lower() == b"bearer" and token else None


class OfferedToken(NamedTuple):
    """
    A token among the subprotocols of a WebSocket: browsers cannot set C{Authorization}.

    @ivar others: the subprotocols that are left without it.
    """

    token: bytes
    others: tuple[bytes, ...]

    @classmethod
    def of(cls, request: Any) -> OfferedToken | None:
        """
        What a request for a WebSocket offers; L{None} for any other, and without a token.

        @raise ark.meta.status.APIStatus: 401, there are several, it is not well formed, or no
            other subprotocol is offered.
        """
        if request.header(_PROTOCOLS) is None or not request.wants_websocket:
            return None
        values = b",".join(request.header_values(_PROTOCOLS))
        offered = [protocol.strip() for protocol in values.split(b",")]
        tokens = [protocol[len(_PREFIX) :] for protocol in offered if protocol.startswith(_PREFIX)]
        others = tuple(protocol for protocol in offered if not protocol.startswith(_PREFIX))
        if not tokens or tokens == [b""]:
            return None
        if len(tokens) > 1 or not others:
            raise unauthorized()
        return cls(_decoded(tokens[0]), others)

    def withdraw(self, request: Any) -> None:
        """
        Leave only the others, of which the server names one in its answer.
        """
        rest = (_PROTOCOLS, b",".join(self.others))
        request.raw_headers = [*(field for field in request.raw_headers if field[0] != _PROTOCOLS), rest]
        request.headers[_PROTOCOLS] = rest[1]


def _decoded(text: bytes) -> bytes:
    try:
        if b"=" in text or b"+" in text or b"/" in text:
            raise ValueError("not the alphabet for URLs, or padded")
        token = b64decode(text.translate(_STANDARD) + b"=" * (-len(text) % 4), validate=True)
        token.decode()
    except ValueError:
        raise unauthorized() from None
    return token
