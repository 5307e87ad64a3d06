"""
Users whom a front proxy vouches for.

kube-apiserver says in header fields for whom it forwards a request.  They are believed only
from a connection with the certificate of a front proxy; from any other they are taken away.
Follows C{k8s.io/apiserver/pkg/authentication/request/headerrequest}; contract 15.1, 15.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

from cryptography.x509 import load_der_x509_certificate
from zope.interface import implementer

from ark.authentication.trust import PeerVerifier, Trust
from ark.authentication.userinfo import UserInfo, authenticated
from ark.authentication.x509 import common_name
from ark.interfaces import IAuthenticator, IRemembersUsers
from ark.meta.known import Known
from ark.meta.status import unauthorized

_MALFORMED = re.compile("%(?![0-9a-fA-F]{2})")
_NAME_STATE = "ark.authentication.requestheader"
# Enough for all users of a busy cluster at once; what is forgotten is read again.
_REMEMBERED = 2048
_SHAPES = 512
_LONGEST = 2048

Field = tuple[bytes, bytes]


class RequestHeaders(NamedTuple):
    """
    The header fields that a front proxy sets, by their names in lower case.

    @ivar extra_prefixes: what the names of further attributes begin with.
    """

    users: tuple[bytes, ...] = (b"x-remote-user",)
    uids: tuple[bytes, ...] = (b"x-remote-uid",)
    groups: tuple[bytes, ...] = (b"x-remote-group",)
    extra_prefixes: tuple[bytes, ...] = (b"x-remote-extra-",)

    @classmethod
    def named(
        cls,
        users: Iterable[str],
        uids: Iterable[str],
        groups: Iterable[str],
        extra_prefixes: Iterable[str],
    ) -> RequestHeaders:
        """
        From names as an operator writes them.

        @raise ValueError: one is empty.
        """
        return cls(*map(_lowered, (users, uids, groups, extra_prefixes)))

    def user(self, fields: Iterable[Field]) -> UserInfo | None:
        """
        The user that header fields name; L{None} when they name none.

        Of a name the first field that is not empty counts, of groups and further attributes
        all do.

        @param fields: names in lower case.
        """
        fields = list(fields)
        name = _first(self.users, fields)
        if not name:
            return None
        groups = [value for wanted in self.groups for found, value in fields if found == wanted and value]
        extra: dict[str, list[str]] = {}
        for prefix in self.extra_prefixes:
            for found, value in fields:
                if found.startswith(prefix):
                    key = unescaped(_text(found[len(prefix) :]))
                    extra.setdefault(key, []).append(_text(value))
        pairs = tuple((key, tuple(values)) for key, values in sorted(extra.items()))
        uid = _first(self.uids, fields)
        return authenticated(UserInfo(_text(name), _text(uid), tuple(map(_text, groups)), pairs))


STANDARD_HEADERS = RequestHeaders()


def unescaped(name: str) -> str:
    """
    The name of an attribute out of that of a header field, as it stands where it cannot be
    decoded.
    """
    return name if "%" not in name or _MALFORMED.search(name) else unquote(name)


def _lowered(names: Iterable[str]) -> tuple[bytes, ...]:
    lowered = tuple(name.strip().lower().encode() for name in names)
    if not all(lowered):
        raise ValueError("the name of a header is empty")
    return lowered


def _first(names: tuple[bytes, ...], fields: list[Field]) -> bytes:
    for name in names:
        value = next((value for found, value in fields if found == name), b"")
        if value:
            return value
    return b""


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


class FrontProxy(NamedTuple):
    """
    Who is a front proxy, and how it speaks for others.

    @ivar trust: vouches for its certificate.
    @ivar allowed_names: the common names it may have; empty for any.
    """

    trust: Trust
    allowed_names: frozenset[str] = frozenset()
    headers: RequestHeaders = STANDARD_HEADERS


class _Reading:
    """
    What is needed of a L{FrontProxy} at every request, made once.
    """

    def __init__(self, proxy: FrontProxy | None) -> None:
        self.proxy = proxy
        every = (STANDARD_HEADERS, proxy.headers) if proxy is not None else (STANDARD_HEADERS,)
        self._names = frozenset(
            name
            for headers in every
            for names in (headers.users, headers.uids, headers.groups)
            for name in names
        )
        self._prefixes = tuple({prefix for headers in every for prefix in headers.extra_prefixes})
        self._taken: Known[tuple[bytes, ...], frozenset[bytes]] = Known(_SHAPES)
        self.users: Known[tuple[Field, ...], UserInfo | None] = Known(_REMEMBERED)

    def taken(self, names: tuple[bytes, ...]) -> frozenset[bytes]:
        """
        Those of the names of a request's header fields that are a front proxy's.
        """
        taken = self._taken.get(names)
        if taken is None:
            taken = frozenset(
                name for name in names if name in self._names or name.startswith(self._prefixes)
            )
            # What a client can make long on purpose is not kept.
            if sum(map(len, names)) <= _LONGEST:
                self._taken.keep(names, taken)
        return taken

    def user(self, fields: tuple[Field, ...]) -> UserInfo | None:
        """
        The user that the fields name, remembered for the next time.
        """
        try:
            return self.users[fields]
        except KeyError:
            pass
        return self.users.keep(fields, None if self.proxy is None else self.proxy.headers.user(fields))


@implementer(IAuthenticator, IRemembersUsers)
class RequestHeaderAuthenticator:
    """
    Believes a front proxy, and takes its header fields away from every request.

    It stands first, so that nothing behind it sees them.

    @param proxy: who is one now; L{None} while nobody is.
    @param now: the time of day, in seconds since the epoch.
    """

    def __init__(self, proxy: Callable[[], FrontProxy | None], now: Callable[[], float]) -> None:
        self._proxy = proxy
        self._verifier = PeerVerifier("requestheader", self._trust, now)
        self._reading = _Reading(None)

    def _trust(self) -> Trust | None:
        proxy = self._reading.proxy
        return None if proxy is None else proxy.trust

    def remembered(self, request: Any) -> UserInfo | None:
        """
        The user for whom a front proxy forwards the request; L{None} where it takes L{authenticate} to
        tell whether it is one.
        """
        proxy, reading = self._proxy(), self._reading
        if proxy is None or reading.proxy is not proxy:
            return None
        connection = request.connection
        if not self._verifier.judge(connection) or not _is_allowed(proxy, connection):
            return None
        fields = _taken(request, reading)
        return reading.user(fields) if fields else None

    async def authenticate(self, request: Any) -> UserInfo | None:
        """
        The user for whom a front proxy forwards the request.

        @return: L{None} when the client has no certificate, or is a front proxy that names
            nobody.
        @raise APIStatus: 401, the client has a certificate that is not a front proxy's.
        """
        proxy = self._proxy()
        reading = self._reading
        if reading.proxy is not proxy:
            reading = self._reading = _Reading(proxy)
        fields = _taken(request, reading)
        believed = self._verifier.judge(request.connection)
        if believed is None or proxy is None:
            return None
        if not believed or not _is_allowed(proxy, request.connection):
            raise unauthorized()
        return reading.user(fields) if fields else None


def _taken(request: Any, reading: _Reading) -> tuple[Field, ...]:
    """
    Take the fields of a front proxy out of a request.
    """
    headers = request.headers
    names = reading.taken(tuple(headers))
    if not names:
        return ()
    raw = request.raw_headers
    for name in names:
        del headers[name]
    # Next to nobody asks for all that is left.
    request.raw_headers = (field for field in raw if field[0] not in names)
    return tuple([field for field in raw if field[0] in names])


def _is_allowed(proxy: FrontProxy, connection: Any) -> bool:
    if not proxy.allowed_names:
        return True
    state = connection.state
    name = state.get(_NAME_STATE)
    if name is None:
        certificate = load_der_x509_certificate(connection.peer_certificate_der)
        name = state[_NAME_STATE] = common_name(certificate)
    return name in proxy.allowed_names
