"""
CPU of finding out who asks and what they may: C{python -m tests.bench.bench_authorization}.

Everything is known already, as it is for all requests but the first in ten seconds; a cluster
that is asked would fail the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.task import Clock

from ark.authentication import pki
from ark.authentication.requestheader import FrontProxy, RequestHeaderAuthenticator
from ark.authentication.tokenreview import TokenReviewAuthenticator
from ark.authentication.trust import Trust
from ark.authentication.userinfo import UserInfo
from ark.authorization.alwaysallowed import AlwaysAllowedAuthorizer
from ark.authorization.attributes import Attributes
from ark.authorization.subjectaccess import SubjectAccessAuthorizer
from ark.authorization.union import UnionAuthorizer
from ark.cluster.memory import MemoryCluster
from ark.http.request import ClientConnection, Request

_NOW = 1_800_000_000.0
_USER = UserInfo(
    "system:serviceaccount:ark-system:ark-controller",
    "0b1c2d3e-1111-2222-3333-444455556666",
    ("system:serviceaccounts", "system:serviceaccounts:ark-system", "system:authenticated"),
    (("authentication.kubernetes.io/credential-id", ("JTI=0b1c2d3e-1111-2222-3333-444455556666",)),),
)
_FIELDS = [
    (b"host", b"ark-apiserver.ark-system.svc:443"),
    (b"user-agent", b"ark-controller/v0.1 (linux/amd64) kubernetes/$Format"),
    (b"accept", b"application/json, */*"),
    (b"accept-encoding", b"gzip"),
    (b"audit-id", b"0a1b2c3d-0000-1111-2222-333344445555"),
    (b"x-forwarded-for", b"10.0.0.7"),
    (b"x-forwarded-host", b"10.96.0.1"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-uri", b"/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries/q-1"),
    (b"x-remote-user", _USER.name.encode()),
    (b"x-remote-uid", _USER.uid.encode()),
    *((b"x-remote-group", group.encode()) for group in _USER.groups),
    (b"x-remote-extra-authentication.kubernetes.io%2fcredential-id", _USER.extra[0][1][0].encode()),
]
_ROUNDS, _TIMES = 20, 3000


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


def _measure(name: str, once: Callable[[], Any]) -> None:
    samples = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        for _ in range(_TIMES):
            once()
        samples.append((time.process_time() - begin) / _TIMES)
    print(f"{name:58} {sorted(samples)[_ROUNDS // 4] * 1e6:6.2f} µs")


def _cluster() -> MemoryCluster:
    cluster = MemoryCluster(Clock())
    cluster.answer(
        "/apis/authorization.k8s.io/v1/subjectaccessreviews", lambda _: {"status": {"allowed": True}}
    )
    cluster.answer(
        "/apis/authentication.k8s.io/v1/tokenreviews",
        lambda _: {"status": {"authenticated": True, "user": {"username": "ann"}}},
    )
    return cluster


def _authorization(cluster: MemoryCluster) -> None:
    asked = SubjectAccessAuthorizer(cluster, Clock())
    union = UnionAuthorizer((AlwaysAllowedAuthorizer(), asked))
    path = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries/q-1"

    def attributes() -> Attributes:
        user = UserInfo(*_USER)
        return Attributes(user, "get", path, "ark.mckinsey.com", "v1alpha1", "queries", "", "default", "q-1")

    _measure("attributes alone", attributes)
    _measure("a remembered decision, attributes included", lambda: _run(asked.authorize(attributes())))
    one = attributes()
    _measure("a remembered decision", lambda: _run(asked.authorize(one)))
    _measure("the same behind what is always allowed", lambda: _run(union.authorize(one)))


def _authentication(cluster: MemoryCluster) -> None:
    moment = pki.utc(_NOW)
    authority = pki.make_authority(moment)
    pair = pki.make_client(authority, "front-proxy-client", (), moment)
    proxy = FrontProxy(Trust(authority.certificate_pem), frozenset(("front-proxy-client",)))
    connection = ClientConnection()
    connection.peer_certificate_der = pair.certificate.public_bytes(pki.serialization.Encoding.DER)
    exchange: Any = None

    def request(fields: list[tuple[bytes, bytes]]) -> Request:
        return Request(exchange, connection, ("GET", "/", ""), list(fields), dict(fields))

    _measure("a request alone", lambda: request(_FIELDS))
    proxied = RequestHeaderAuthenticator(lambda: proxy, lambda: _NOW)
    _measure("a user whom a front proxy names", lambda: _run(proxied.authenticate(request(_FIELDS))))
    _measure("the same on a connection that is known", lambda: proxied.remembered(request(_FIELDS)))
    token = [*_FIELDS[:9], (b"authorization", b"Bearer " + b"x" * 900)]
    reviewed = TokenReviewAuthenticator(cluster, Clock())
    _measure("a user with a token", lambda: _run(reviewed.authenticate(request(token))))
    trust = proxy.trust
    der = connection.peer_certificate_der
    _measure("a certificate judged, once a connection", lambda: trust.verify((der,), _NOW))


def main() -> None:
    """
    Measure and print.
    """
    cluster = _cluster()
    _authorization(cluster)
    _authentication(cluster)


if __name__ == "__main__":
    main()
