"""
URLs as Go's C{net/url} reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote as escape
from urllib.parse import unquote_to_bytes

from ark.cel.addresses import parse_address
from ark.meta.gotext import quote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)
_PORT = re.compile(r"(?::[0-9]*)?\Z", re.ASCII)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*\Z", re.ASCII)
_IN_HOST = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff]")
_IN_PATH = "$&+,/:;=@!'()*-._~"
_LEFT_IN_PATH = "-_.~$&+,/:;=@"
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@\[\]/%])*\Z", re.ASCII)


@dataclass(frozen=True)
class Parts:
    """
    What a URL consists of; C{path} is not escaped, C{written} is as it was written.
    """

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    host: str = ""
    path: str = ""
    written: str = ""
    query: str = ""
    asks: bool = False
    fragment: str = ""

    @property
    def escaped_path(self) -> str:
        """
        The path with escapes, as it was written if that is right.
        """
        plain = escape(self.path, safe=_LEFT_IN_PATH)
        if self.written != plain and _ENCODED.match(self.written):
            return self.written
        return "*" if self.path == "*" else plain

    @property
    def host_and_port(self) -> tuple[str, str]:
        """
        The name of the host without brackets, and the port.
        """
        host, colon, port = self.host.rpartition(":")
        if not colon or not _PORT.match(":" + port):
            host, port = self.host, ""
        return (host[1:-1] if host.startswith("[") and host.endswith("]") else host), port

    @property
    def parameters(self) -> dict[str, list[str]]:
        """
        The query by names; what cannot be read is left out.
        """
        found: dict[str, list[str]] = {}
        for pair in self.query.split("&"):
            name, _, value = pair.partition("=")
            if not pair or ";" in pair or _bad_escape(name) or _bad_escape(value):
                continue
            read, given = (_unescaped(part.replace("+", " ")) for part in (name, value))
            found.setdefault(read, []).append(given)
        return found

    def __str__(self) -> str:
        text = self.scheme + ":" if self.scheme else ""
        if self.opaque:
            text += self.opaque
        else:
            if self.host or self.user is not None:
                text += "//" + (self.user + "@" if self.user is not None else "") + self.host
            text += self.escaped_path
        text += "?" + self.query if self.query or self.asks else ""
        return text + (f"#{escape(self.fragment, safe=_IN_PATH + '?')}" if self.fragment else "")


def _unescaped(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def _bad_escape(text: str) -> str | None:
    """
    The first percent sign that starts no escape, with what follows it.
    """
    position = text.find("%")
    while position >= 0:
        if _ESCAPE.match(text, position) is None:
            return text[position : position + 3]
        position = text.find("%", position + 3)
    return None


def _decoded(text: str) -> str:
    wrong = _bad_escape(text)
    if wrong is not None:
        raise ValueError(f"invalid URL escape {quote(wrong)}")
    return _unescaped(text)


def parse_request_uri(text: str) -> Parts:
    """
    An absolute URI or path; a fragment is taken for part of the path or query.

    @raise ValueError: with what Go's C{url.ParseRequestURI} says.
    """
    try:
        return _parse(text, True)
    except ValueError as error:
        raise ValueError(f"parse {quote(text)}: {error}") from None


def parse_url(text: str) -> Parts:
    """
    A URL with its fragment.

    @raise ValueError: with what Go's C{url.Parse} says.
    """
    head, _, fragment = text.partition("#")
    try:
        parts = _parse(head, False)
    except ValueError as error:
        raise ValueError(f"parse {quote(head)}: {error}") from None
    if not fragment:
        return parts
    try:
        return Parts(**{**parts.__dict__, "fragment": _decoded(fragment)})
    except ValueError as error:
        raise ValueError(f"parse {quote(text)}: {error}") from None


def _parse(text: str, request: bool) -> Parts:
    if any(letter < " " or letter == "\x7f" for letter in text):
        raise ValueError("net/url: invalid control character in URL")
    if not text and request:
        raise ValueError("empty url")
    if text == "*":
        return Parts(path="*", written="*")
    found = _SCHEME.match(text)
    if found is None and text.startswith(":"):
        raise ValueError("missing protocol scheme")
    scheme = found.group()[:-1].lower() if found is not None else ""
    rest = text[found.end() :] if found is not None else text
    asks = rest.endswith("?") and rest.count("?") == 1
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Parts(scheme, rest, query=query, asks=asks)
        if request:
            raise ValueError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise ValueError("first path segment in URL cannot contain colon")
    user, host = None, ""
    if (scheme or (not request and not rest.startswith("///"))) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, host = _authority(scheme, authority)
    return Parts(scheme, "", user, host, _decoded(rest), rest, query, asks)


def _authority(scheme: str, text: str) -> tuple[str | None, str]:
    user, at, host = text.rpartition("@")
    host = _host(scheme, host)
    if not at:
        return None, host
    if _USER.match(user) is None:
        raise ValueError("net/url: invalid userinfo")
    _decoded(user)
    return user, host


def _host(scheme: str, text: str) -> str:
    bracket = text.rfind("[")
    if bracket > 0:
        raise ValueError("invalid IP-literal")
    if bracket == 0:
        return _literal(text)
    first, last = text.find(":"), text.rfind(":")
    if first >= 0:
        port = text[first if first == last or scheme in ("http", "https") else last :]
        if _PORT.match(port) is None:
            raise ValueError(f"invalid port {quote(port)} after host")
    return _host_text(text)


def _literal(text: str) -> str:
    end = text.rfind("]")
    if end < 0:
        raise ValueError("missing ']' in host")
    port = text[end + 1 :]
    if _PORT.match(port) is None:
        raise ValueError(f"invalid port {quote(port)} after host")
    name, percent, zone = text[1:end].partition("%25")
    name = _host_text(name) + ("%" + _decoded(zone) if percent else "")
    try:
        address, _ = parse_address(name)
    except ValueError as error:
        raise ValueError(f"invalid host: {error}") from None
    if address.version == 4:
        raise ValueError("invalid IP-literal")
    return f"[{name}]{port}"


def _host_text(text: str) -> str:
    position = 0
    while position < len(text):
        if text[position] == "%":
            part = text[position : position + 3]
            if _ESCAPE.match(part) is None or (part[1] in "01234567" and part != "%25"):
                raise ValueError(f"invalid URL escape {quote(part)}")
            position += 3
            continue
        if _IN_HOST.match(text[position]) is None:
            raise ValueError(f"invalid character {quote(text[position])} in host name")
        position += 1
    return _unescaped(text)
