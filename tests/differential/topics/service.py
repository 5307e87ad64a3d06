"""
What is not a resource: discovery, OpenAPI, version, health, and paths that lead nowhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.differential.kinds import Kind
from tests.differential.steps import MERGE, Call, Step, call

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_PATHS = (
    "/apis/ark.mckinsey.com", "/apis/ark.mckinsey.com/v1alpha1", "/apis/ark.mckinsey.com/v1prealpha1", "/apis/ark.mckinsey.com/v2", "/apis/probe.example.com", "/apis/probe.example.com/v1",
    "/apis/probe.example.com/v1beta1", "/apis/nope.example.com", "/apis/nope.example.com/v1", "/apis/probe.example.com/v1/nope", "/apis/probe.example.com/v1/namespaces/default/nope",
    "/apis/probe.example.com/v1/namespaces/default/nope/x", "/apis/probe.example.com/v1/namespaces", "/apis/probe.example.com/v1/namespaces/default", "/apis/probe.example.com/v1/namespaces/default/widgets/a/b/c/d",
    "/nope", "/", "/apis/", "/apis/probe.example.com/", "/api/v1/nope", "/api/v2", "/api/v1/namespaces/default/nope", "//", "/apis//v1", "/apis/probe.example.com//widgets", "/apis/probe.example.com/v1/watch",
    "/apis/probe.example.com/v1/namespaces/a%2Fb/widgets", "/apis/probe.example.com/v1/namespaces/default/widgets/a%2Fb", "/apis/probe.example.com/v1/namespaces/default/widgets/..", "/apis/probe.example.com/v1/%77idgets",
    "/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/nope", "/healthz/ping", "/livez?exclude=nope", "/version", "/version/", "/openapi/v3/apis/nope/v1", "/openapi/v3?hash=x",
)  # fmt: skip

_PLACES = ("/apis/probe.example.com/v1/namespaces/default/widgets", "/api/v1/namespaces/default/configmaps")
_TAILS = ("//a", "//status", "/a/", "/a//", "/a//status", "/a/status//", "/%2e%2e", "/a%2500", "/a%00", "/%ff", "/%zz", "/a%")  # fmt: skip


def service(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    GET and other methods on every path that is no object.
    """
    for path in _PATHS:
        yield call("GET", path)
    for path in ("/apis", "/openapi/v3"):
        yield call("GET", path)
    yield call("GET", "/apis", accept=_AGGREGATED)
    for path in (
        "/apis",
        "/api",
        "/apis/probe.example.com",
        "/apis/probe.example.com/v1",
        "/version",
        "/openapi/v3",
    ):
        for accept in (
            "application/json",
            "application/yaml",
            "text/html",
            "application/vnd.kubernetes.protobuf",
            _AGGREGATED.replace("v=v2;", "v=v2beta1;"),
            "x",
        ):
            if path not in ("/apis", "/api") or "json" not in accept or "as=" in accept:
                yield call("GET", path, accept=accept)
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            yield call(method, path, {})
        yield Call("HEAD", path)
    for path in ("/openapi/v2", "/healthz", "/livez?verbose", "/readyz"):
        yield call("POST", path, {})
        yield Call("HEAD", path)
    yield call("GET", "/openapi/v2", accept="text/html")
    for group in (
        "ark.mckinsey.com/v1alpha1",
        "ark.mckinsey.com/v1prealpha1",
        "probe.example.com/v1",
        "probe.example.com/v1beta1",
    ):
        yield call("GET", f"/openapi/v3/apis/{group}")
        yield call("GET", f"/openapi/v3/apis/{group}?hash=wrong")
        yield call("GET", f"/openapi/v3/apis/{group}", accept="text/html")
    yield from _misspelt()
    for method in ("OPTIONS", "TRACE", "BREW"):
        for path in ("/", "/apis", "/healthz", "/nope"):
            yield Call(method, path)


def _misspelt() -> Iterator[Step]:
    """
    Paths of objects with slashes and escapes in odd places; nothing is written.
    """
    for place in _PLACES:
        odd = [f"{place}{tail}" for tail in _TAILS]
        odd += [place.replace("/namespaces", "//namespaces"), f"{place}/a"]
        if place.startswith("/api/"):
            odd += [place.replace("/v1", "/v1/watch"), place.replace("/v1", "/v1/watch/") + "/a"]
        for path in odd:
            yield call("GET", f"{path}?timeoutSeconds=1")
            yield call("DELETE", f"{path}?dryRun=All")
            yield call("POST", f"{path}?dryRun=All", {})
            yield call("PATCH", f"{path}?dryRun=All", {}, content=MERGE)
            yield Call("HEAD", path)
        yield call("GET", f"{place.replace('/default', '/')}?fieldSelector=metadata.name%3Dnobody")
