"""
How calls fail, and what comes of it.
"""

from __future__ import annotations

from typing import Any

from tests.admission.oracle.scenario import (
    MUTATING,
    VALIDATING,
    Hook,
    Scenario,
    Step,
    Told,
    add,
    allow,
    create,
    merge,
    mutating,
    patching,
    saying,
    validating,
)

_STATUS = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": "woe",
    "reason": "Odd",
    "code": 418,
}
_IGNORE = {"failurePolicy": "Ignore"}
_THERE = (create(),)


def _coded(code: int, body: Any = b"{}", content_type: str = "application/json", name: str = "") -> Scenario:
    told = Told(body, code, content_type)
    return Scenario(f"coded-{code}{name}", (validating("v", lambda _: told),), (create(),))


def _at(place: str, sort: str = VALIDATING, name: str = "", **members: Any) -> Scenario:
    differs = "OpenSSL does not tell whose a certificate is" if place == "misnamed" else ""
    return Scenario(
        f"at-{place}{name}", (Hook(sort, "h", allow, members, place),), (create(),), differs=differs
    )


SCENARIOS = (
    *(
        _coded(code)
        for code in (400, 401, 403, 404, 405, 406, 409, 413, 415, 418, 422, 429, 500, 502, 503, 504)
    ),
    _coded(500, b" some text \n", "text/plain; charset=utf-8", "-text"),
    _coded(403, b"some text", "text/plain", "-text"),
    _coded(404, b"some text", "text/html", "-text"),
    _coded(500, b"some text", "", "-no-type"),
    _coded(500, b"x" * 3000, "text/plain", "-long"),
    _coded(500, _STATUS, name="-status"),
    _coded(403, _STATUS, name="-status"),
    _coded(304, b"", name="-empty"),
    Scenario(
        "redirected",
        (validating("v", lambda _: Told(b"", 307, location="/elsewhere")),),
        (create(),),
        differs="redirections are not followed here",
    ),
    _at("refused"),
    _at("refused", MUTATING, "-mutating"),
    _at("refused", VALIDATING, "-ignored", **_IGNORE),
    _at("refused", MUTATING, "-mutating-ignored", **_IGNORE),
    _at("untrusted"),
    _at("misnamed"),
    Scenario(
        "slow",
        (validating("v", lambda review: Told(allow(review), seconds=3), timeoutSeconds=1),),
        (create(),),
    ),
    Scenario(
        "slow-ignored",
        (
            mutating("m", lambda review: Told(allow(review), seconds=3), timeoutSeconds=1, **_IGNORE),
            validating("v", lambda review: Told(allow(review), seconds=3), timeoutSeconds=1, **_IGNORE),
        ),
        (create(),),
    ),
    Scenario(
        "slow-enough",
        (validating("v", lambda review: Told(allow(review), seconds=1.2), timeoutSeconds=2),),
        (create(),),
    ),
    Scenario(
        "ignored-answer",
        (
            mutating("a", saying(uid="x"), **_IGNORE),
            mutating("b", lambda _: Told(b"x"), **_IGNORE),
            mutating("c", patching(add("/spec/size", 5)), **_IGNORE),
            validating("v", lambda _: Told(b"{}", 500), **_IGNORE),
        ),
        (create(),),
    ),
    Scenario("ignored-denial", (validating("v", saying(allowed=False), **_IGNORE),), (create(),)),
    Scenario("ignored-bad-patch", (mutating("m", patching({"op": "odd"}), **_IGNORE),), (create(),)),
    Scenario(
        "ignored-patch-type", (mutating("m", saying(patch="W10=", patchType="Odd"), **_IGNORE),), (create(),)
    ),
    Scenario(
        "ignored-deletion",
        (mutating("m", patching(add("/a", 1)), **_IGNORE),),
        (Step("DELETE", "widgets/w"),),
        _THERE,
    ),
    Scenario(
        "fails-in-the-middle",
        (
            mutating("a", patching(add("/spec/size", 5))),
            mutating("b", lambda _: Told(b"{}", 500)),
            mutating("c"),
        ),
        (create(), Step("GET", "widgets/w")),
    ),
    Scenario(
        "fails-for-all-verbs",
        (validating("v", lambda _: Told(b"{}", 500)),),
        (
            merge("widgets/w", {"spec": {"size": 5}}),
            merge("widgets/w/status", {"status": {"phase": "Ready"}}),
            merge("widgets/w/scale", {"spec": {"replicas": 5}}),
            Step("DELETE", "widgets/w"),
            Step("DELETE", "widgets"),
            Step("GET", "widgets/w"),
        ),
        (create(replicas=1),),
    ),
)
