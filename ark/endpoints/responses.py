"""
Answers: objects and failures as bytes with their headers.

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/responsewriters}; contract 1.10 to
1.12 and 2.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from isal import isal_zlib

from ark.apis.messages import encoded
from ark.endpoints.negotiation import JSON, PLAIN, PROTOBUF, STREAM_PROTOBUF, YAML, Accepted
from ark.meta.serializer import encode_json, encode_yaml
from ark.meta.status import APIStatus

GZIP_ABOVE = 128 * 1024
_WARNING_RUNES = 4096
_TRUNCATED_RUNES = 256

_PLAIN_TEXT = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
)
CACHE_CONTROL = (b"cache-control", b"no-cache, private")
_TYPES = {
    JSON: (b"content-type", b"application/json"),
    YAML: (b"content-type", b"application/yaml"),
    PROTOBUF: (b"content-type", PROTOBUF.encode()),
    STREAM_PROTOBUF: (b"content-type", STREAM_PROTOBUF.encode()),
}
_GZIPPED = ((b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))

Header = tuple[bytes, bytes]


def accepts_gzip(request: Any) -> bool:
    """
    Whether the client takes gzip.
    """
    encoding = request.header(b"accept-encoding")
    if not encoding:
        return False
    # As kube-apiserver reads it: the name alone counts, in this spelling.
    return encoding == b"gzip" or any(part.strip() == b"gzip" for part in encoding.split(b","))


def headers(request: Any, accepted: Accepted) -> list[Header]:
    """
    The headers of an answer, the request's warnings among them.
    """
    made = [
        (b"audit-id", request.audit_id.encode()),
        CACHE_CONTROL,
        _TYPES[accepted.media_type],
        *request.flow_headers,
    ]
    if request.warnings:
        made.extend((b"warning", text) for text in warning_headers(request.warnings))
    return made


def warning_headers(warnings: Iterable[str]) -> list[bytes]:
    """
    The values of the C{Warning} headers: each text once, none too long in all.

    C{k8s.io/apiserver/pkg/endpoints/filters/warning.go}.
    """
    unique = list(dict.fromkeys(warnings))
    if sum(map(len, unique)) > _WARNING_RUNES:
        unique = [text[:_TRUNCATED_RUNES] for text in unique]
    return [b'299 - "%b"' % _quoted(text) for text in unique]


def _quoted(text: str) -> bytes:
    shown = "".join(char if char.isprintable() else "" for char in text)
    return shown.replace("\\", "\\\\").replace('"', '\\"').encode()


def shaped(text: bytes, accepted: Accepted) -> bytes:
    """
    JSON text in the media type that the client accepts.

    Compact JSON is a line, as Go's encoder ends what it writes with a newline.
    """
    if accepted.media_type == YAML:
        return encode_yaml(orjson.loads(text))
    if accepted.media_type == PROTOBUF:
        return encoded(orjson.loads(text))
    if accepted.pretty:
        return encode_json(orjson.loads(text), pretty=True)
    return text + b"\n"


def send(request: Any, code: int, text: bytes, accepted: Accepted = PLAIN) -> None:
    """
    Answer with a JSON text, turned into what the client accepts.
    """
    send_shaped(request, code, text + b"\n" if accepted is PLAIN else shaped(text, accepted), accepted)


def send_shaped(request: Any, code: int, text: bytes, accepted: Accepted) -> None:
    """
    Answer with what L{shaped} made.
    """
    made = headers(request, accepted)
    if len(text) > GZIP_ABOVE and accepts_gzip(request):
        text = compress(text)
        made.extend(_GZIPPED)
    request.sent = len(text)
    request.respond(code, made, text)


def compress(text: bytes) -> bytes:
    """
    A gzip member of C{text} at the lowest level.
    """
    compressor = gzip_compressor()
    packed: bytes = compressor.compress(text) + compressor.flush()
    return packed


def gzip_compressor() -> Any:
    """
    An object with C{compress} and C{flush} that makes one gzip member piece by piece.
    """
    return isal_zlib.compressobj(0, wbits=31)


def stream_headers(request: Any, accepted: Accepted, gzipped: bool) -> list[Header]:
    """
    The headers of an answer that is sent piece by piece.
    """
    made = headers(request, accepted)
    if gzipped:
        made.extend(_GZIPPED)
    return made


def page_not_found(request: Any) -> None:
    """
    The plain 404 of a path that leads nowhere (contract 1.15).
    """
    send_plain(request, 404, b"404 page not found\n")


def send_plain(request: Any, code: int, text: bytes) -> None:
    """
    Answer with plain text.
    """
    made = [(b"audit-id", request.audit_id.encode()), CACHE_CONTROL, *_PLAIN_TEXT, *request.flow_headers]
    request.respond(code, made, text)


def send_status(request: Any, status: APIStatus, accepted: Accepted = PLAIN) -> None:
    """
    Answer with a failure.
    """
    made = headers(request, accepted)
    if status.retry_after:
        made.append((b"retry-after", b"%d" % status.retry_after))
    if status.code in (401, 403) or status.nosniff:
        made.append((b"x-content-type-options", b"nosniff"))
    request.respond(status.code, made, shaped(orjson.dumps(status.to_dict()), accepted))
