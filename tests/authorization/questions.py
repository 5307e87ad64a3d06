"""
Requests, and what an authorizer is asked about each: the table that both servers are held to.

What is expected are the attributes of each C{SubjectAccessReview}, in order; a path instead of a
resource is a pair of path and verb.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

import orjson

Expected = Union[dict[str, Any], tuple[str, str]]

GROUP = "ark.mckinsey.com"
VERSION = "v1alpha1"
ALL = f"/apis/{GROUP}/{VERSION}/queries"
NAMESPACES = f"/apis/{GROUP}/{VERSION}/namespaces"
OURS = f"/apis/{GROUP}/{VERSION}/namespaces/default/queries"
APPLY = {"content-type": "application/apply-patch+yaml"}
MERGE = {"content-type": "application/merge-patch+json"}


class Question(NamedTuple):
    """
    A request and what is asked about it.
    """

    method: str
    target: str
    expected: tuple[Expected, ...]
    headers: dict[str, str] = {}
    body: bytes = b""


def of(verb: str, **attributes: Any) -> dict[str, Any]:
    """
    Attributes of a query in the namespace C{default}; L{None} leaves one out.
    """
    usual = {"namespace": "default", "group": GROUP, "version": VERSION, "resource": "queries"}
    members = {**usual, "verb": verb, **attributes}
    return {name: value for name, value in members.items() if value}


def everywhere(verb: str, **attributes: Any) -> dict[str, Any]:
    """
    The same of all namespaces.
    """
    return of(verb, namespace=None, **attributes)


def core(verb: str, resource: str, **attributes: Any) -> dict[str, Any]:
    """
    Attributes of a kind of Kubernetes' own.
    """
    return {"version": "v1", "resource": resource, "verb": verb, **attributes}


def told(key: str, operator: str, *values: str) -> dict[str, Any]:
    """
    A requirement of a selector.
    """
    requirement: dict[str, Any] = {"key": key, "operator": operator}
    return {**requirement, "values": list(values)} if values else requirement


def selected(*requirements: dict[str, Any]) -> dict[str, Any]:
    """
    A selector.
    """
    return {"requirements": list(requirements)}


def _document(kind: str, version: str, name: str, **members: Any) -> bytes:
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **members}
    return orjson.dumps(document)


def _query(name: str) -> bytes:
    return _document("Query", f"{GROUP}/{VERSION}", name, spec={"input": "x"})


_NAME_X = selected(told("metadata.name", "In", "x"))

OBJECTS = (
    Question("GET", f"{OURS}/x", (of("get", name="x"),)),
    Question("HEAD", f"{OURS}/x", (of("get", name="x"),)),
    Question("PUT", f"{OURS}/x", (of("update", name="x"),)),
    Question("PATCH", f"{OURS}/x", (of("patch", name="x"),), MERGE, b"{}"),
    Question("DELETE", f"{OURS}/x", (of("delete", name="x"),)),
    Question("GET", f"{OURS}/x?watch=true", (of("get", name="x"),)),
    Question("GET", f"{OURS}/x?fieldSelector=a%3Db&labelSelector=a", (of("get", name="x"),)),
    Question("DELETE", f"{OURS}/x?fieldSelector=a%3Db&labelSelector=a", (of("delete", name="x"),)),
    Question("GET", f"{OURS}/x/status", (of("get", name="x", subresource="status"),)),
    Question("PUT", f"{OURS}/x/status", (of("update", name="x", subresource="status"),)),
    Question("PATCH", f"{OURS}/x/status", (of("patch", name="x", subresource="status"),), MERGE, b"{}"),
    Question("PUT", f"{OURS}/x/finalizers", (of("update", name="x", subresource="finalizers"),)),
    Question("GET", f"{OURS}/x/status/more", (of("get", name="x", subresource="status"),)),
    Question("POST", f"{OURS}/x", (of("create", name="x"),)),
    Question("OPTIONS", f"{OURS}/x", (of("", name="x"),)),
    Question("GET", f"{OURS}/x%20y", (of("get", name="x y"),)),
    Question("GET", f"{OURS}/x/", (of("get", name="x"),)),
    Question("GET", f"{ALL}/x", (everywhere("get", name="x"),)),
    Question("GET", f"{NAMESPACES}", (everywhere("list", resource="namespaces"),)),
    Question("GET", f"{NAMESPACES}/a", (of("get", resource="namespaces", namespace="a", name="a"),)),
    Question(
        "GET",
        f"{NAMESPACES}/a/status",
        (of("get", resource="namespaces", namespace="a", name="a", subresource="status"),),
    ),
    Question(
        "GET",
        f"{NAMESPACES}/a/nothings/b/c",
        (of("get", resource="nothings", namespace="a", name="b", subresource="c"),),
    ),
    Question("GET", f"/apis/{GROUP}/v9/queries/x", (everywhere("get", version="v9", name="x"),)),
    Question(
        "GET",
        "/apis/a.b/v1/things",
        ({"group": "a.b", "version": "v1", "resource": "things", "verb": "list"},),
    ),
)
"""Requests on one object."""

COLLECTIONS = (
    Question("POST", OURS, (of("create"),), {}, b"{}"),
    Question("POST", ALL, (everywhere("create"),), {}, b"{}"),
    Question("GET", OURS, (of("list"),)),
    Question("HEAD", OURS, (of("list"),)),
    Question("GET", ALL, (everywhere("list"),)),
    Question("DELETE", OURS, (of("deletecollection"),)),
    Question("DELETE", ALL, (everywhere("deletecollection"),)),
    Question("GET", f"{OURS}?watch=true&timeoutSeconds=1", (of("watch"),)),
    Question("GET", f"{OURS}?watch&timeoutSeconds=1", (of("watch"),)),
    Question("GET", f"{OURS}?watch=maybe&timeoutSeconds=1", (of("watch"),)),
    Question("GET", f"{OURS}?watch=false", (of("list"),)),
    Question("GET", f"{OURS}?watch=0", (of("list"),)),
    Question("GET", f"{ALL}?watch=1&timeoutSeconds=1", (everywhere("watch"),)),
    Question("PUT", OURS, (of("update"),)),
    Question("PATCH", OURS, (of("patch"),), MERGE, b"{}"),
)
"""Requests on a collection."""

SELECTORS = (
    Question(
        "GET",
        f"{OURS}?labelSelector=b%3D1,a,!c,d%21%3D2,e+in+(y,x),f+notin+(z),g%3E3",
        (
            of(
                "list",
                labelSelector=selected(
                    told("a", "Exists"),
                    told("b", "In", "1"),
                    told("c", "DoesNotExist"),
                    told("d", "NotIn", "2"),
                    told("e", "In", "x", "y"),
                    told("f", "NotIn", "z"),
                ),
            ),
        ),
    ),
    Question(
        "GET",
        f"{OURS}?fieldSelector=metadata.namespace%3Ddefault,metadata.name%21%3Dy",
        (
            of(
                "list",
                fieldSelector=selected(
                    told("metadata.name", "NotIn", "y"), told("metadata.namespace", "In", "default")
                ),
            ),
        ),
    ),
    Question(
        "GET", f"{OURS}?fieldSelector=metadata.name%3Dx", (of("list", name="x", fieldSelector=_NAME_X),)
    ),
    Question(
        "GET",
        f"{OURS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D%3Dx",
        (of("watch", name="x", fieldSelector=_NAME_X),),
    ),
    Question(
        "GET",
        f"{ALL}?fieldSelector=metadata.name%3Dx",
        (everywhere("list", name="x", fieldSelector=_NAME_X),),
    ),
    Question(
        "DELETE", f"{OURS}?fieldSelector=metadata.name%3Dx", (of("deletecollection", fieldSelector=_NAME_X),)
    ),
    Question(
        "DELETE",
        f"{OURS}?labelSelector=a%3Db",
        (of("deletecollection", labelSelector=selected(told("a", "In", "b"))),),
    ),
    Question(
        "GET",
        f"{OURS}?fieldSelector=metadata.name%3D..",
        (of("list", fieldSelector=selected(told("metadata.name", "In", ".."))),),
    ),
    Question(
        "GET",
        f"{OURS}?fieldSelector=metadata.name%3D",
        (of("list", fieldSelector=selected(told("metadata.name", "In", ""))),),
    ),
    Question(
        "GET",
        f"{OURS}?fieldSelector=metadata.name%3Dx,spec.a%3Db",
        (
            of(
                "list",
                name="x",
                fieldSelector=selected(told("metadata.name", "In", "x"), told("spec.a", "In", "b")),
            ),
        ),
    ),
    Question("GET", f"{OURS}?fieldSelector=metadata.name%3Dx&limit=no", (of("list", fieldSelector=_NAME_X),)),
    Question(
        "GET",
        f"{OURS}?fieldSelector=metadata.name%3Dx&labelSelector=%21%21",
        (of("list", fieldSelector=_NAME_X),),
    ),
    Question("GET", f"{OURS}?fieldSelector=nonsense", (of("list"),)),
    Question("GET", f"{OURS}?labelSelector=a%3E1", (of("list"),)),
    Question("GET", f"{OURS}?labelSelector=a%3D%3D%3Db", (of("list"),)),
    Question(
        "GET",
        f"{OURS}?labelSelector=a&labelSelector=b&fieldSelector=&watch=0",
        (of("list", labelSelector=selected(told("a", "Exists"))),),
    ),
    Question("POST", f"{OURS}?labelSelector=a", (of("create"),), {}, b"{}"),
)
"""Requests that narrow a collection."""

OLD_WATCHES = tuple(
    Question("GET", f"/apis/{GROUP}/{VERSION}/watch/{rest}", (expected,))
    for rest, expected in (
        ("queries?timeoutSeconds=1", everywhere("watch")),
        ("namespaces/default/queries?timeoutSeconds=1", of("watch")),
        ("namespaces/default/queries?timeoutSeconds=1&labelSelector=a", of("watch")),
        ("namespaces/default/queries?timeoutSeconds=1&fieldSelector=metadata.name%3Dx", of("watch")),
        ("namespaces/default/queries/x?timeoutSeconds=1", of("watch", name="x")),
    )
)
"""Watches by their path."""

CORE = (
    Question("GET", "/api/v1/namespaces", (core("list", "namespaces"),)),
    Question(
        "GET", "/api/v1/namespaces/default", (core("get", "namespaces", namespace="default", name="default"),)
    ),
    Question(
        "GET",
        "/api/v1/namespaces/default/status",
        (core("get", "namespaces", namespace="default", name="default", subresource="status"),),
    ),
    Question(
        "PUT",
        "/api/v1/namespaces/default/finalize",
        (core("update", "namespaces", namespace="default", name="default", subresource="finalize"),),
    ),
    Question("GET", "/api/v1/configmaps", (core("list", "configmaps"),)),
    Question(
        "GET",
        "/api/v1/namespaces/kube-public/secrets/x",
        (core("get", "secrets", namespace="kube-public", name="x"),),
    ),
    Question(
        "POST",
        "/api/v1/namespaces/default/serviceaccounts/x/token",
        (core("create", "serviceaccounts", namespace="default", name="x", subresource="token"),),
        {},
        b"{}",
    ),
)
"""Requests on kinds of Kubernetes' own."""

CREATING = (
    Question(
        "PATCH",
        f"{OURS}/applied?fieldManager=me&dryRun=All",
        (of("patch", name="applied"), of("create", name="applied")),
        APPLY,
        _query("applied"),
    ),
    Question(
        "PATCH",
        "/api/v1/namespaces/default/configmaps/applied?fieldManager=me&dryRun=All",
        (
            core("patch", "configmaps", namespace="default", name="applied"),
            core("create", "configmaps", namespace="default", name="applied"),
        ),
        APPLY,
        _document("ConfigMap", "v1", "applied"),
    ),
    Question(
        "PUT",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/made?dryRun=All",
        tuple(
            {
                "namespace": "default",
                "verb": verb,
                "group": "coordination.k8s.io",
                "version": "v1",
                "resource": "leases",
                "name": "made",
            }
            for verb in ("update", "create")
        ),
        {},
        _document("Lease", "coordination.k8s.io/v1", "made"),
    ),
)
"""Changes that would make an object."""

PATHS = tuple(
    Question(method, target, (expected,))
    for method, target, expected in (
        ("GET", "/", ("/", "get")),
        ("GET", "/api", ("/api", "get")),
        ("GET", "/api/v1", ("/api/v1", "get")),
        ("GET", "/apis", ("/apis", "get")),
        ("GET", "/apis/", ("/apis/", "get")),
        ("GET", f"/apis/{GROUP}", (f"/apis/{GROUP}", "get")),
        ("GET", f"/apis/{GROUP}/{VERSION}", (f"/apis/{GROUP}/{VERSION}", "get")),
        ("GET", f"/apis/{GROUP}/{VERSION}/", (f"/apis/{GROUP}/{VERSION}/", "get")),
        ("GET", "/openapi/v2", ("/openapi/v2", "get")),
        ("GET", f"/openapi/v3/apis/{GROUP}/{VERSION}", (f"/openapi/v3/apis/{GROUP}/{VERSION}", "get")),
        ("GET", "/version", ("/version", "get")),
        ("GET", "/metrics?x=y", ("/metrics", "get")),
        ("HEAD", "/metrics", ("/metrics", "head")),
        ("POST", "/version", ("/version", "post")),
        ("OPTIONS", "/version", ("/version", "options")),
        ("GET", "/nowhere/at/all", ("/nowhere/at/all", "get")),
        ("GET", "/metr%69cs", ("/metrics", "get")),
        ("GET", "/a%20b", ("/a b", "get")),
    )
)
"""Paths that are no resource."""

QUESTIONS = (*OBJECTS, *COLLECTIONS, *SELECTORS, *OLD_WATCHES, *CORE, *CREATING, *PATHS)


def asked_of(spec: dict[str, Any]) -> Expected:
    """
    What a review asks, as the table has it.
    """
    if "resourceAttributes" in spec:
        resource: dict[str, Any] = spec["resourceAttributes"]
        return resource
    path = spec["nonResourceAttributes"]
    return path["path"], path["verb"]
