"""
What webhooks may answer.
"""

from __future__ import annotations

import time
from typing import Any

from tests.admission.oracle.scenario import (
    Reply,
    Review,
    Scenario,
    Step,
    Told,
    allow,
    create,
    denying,
    encoded,
    mutating,
    patching,
    saying,
    validating,
)

_CAUSES = [{"reason": "FieldValueInvalid", "message": "odd", "field": "spec.color"}]
_DETAILS = {"name": "w", "group": "g", "kind": "k", "uid": "u", "causes": _CAUSES, "retryAfterSeconds": 3}
_DELETING = (Step("DELETE", "widgets/w"), Step("DELETE", "widgets"))


def _denied(name: str, differs: str = "", **status: Any) -> Scenario:
    return Scenario(f"denied-{name}", (validating("v", denying(**status)),), (create(),), differs=differs)


def _read(name: str, body: Any, **members: Any) -> Scenario:
    """
    An answer that cannot be read, or not be believed.
    """
    reply: Reply = body if callable(body) else lambda _: Told(body)
    return Scenario(f"read-{name}", (validating("v", reply, **members),), (create(),))


def _with(**members: Any) -> Reply:
    """
    A review with other members.
    """
    return lambda review: {**allow(review), **members}


def _late(seconds: float, reply: Reply) -> Reply:
    def answer(review: Review) -> Review:
        time.sleep(seconds)
        return reply(review)  # type: ignore[return-value]

    return answer


def _patched(name: str, **members: Any) -> Scenario:
    return Scenario(f"patched-{name}", (mutating("m", saying(**members)),), (create(),))


_PATCH = encoded([{"op": "add", "path": "/spec/size", "value": 5}])

SCENARIOS = (
    _denied("plainly"),
    _denied("message", message="no"),
    _denied("reason", reason="Because"),
    _denied("both", message="no", reason="Forbidden", code=403),
    _denied("success", message="no", code=200, status="Success"),
    _denied("teapot", message="no", code=418),
    _denied("server", message="no", code=500),
    _denied("details", message="no", code=422, reason="Invalid", details=_DETAILS),
    _denied("no-details", message="no", details={}),
    _denied(
        "metadata",
        "a refusal that is no list has nothing to be told in its metadata",
        message="no",
        metadata={"continue": "x", "resourceVersion": "7"},
    ),
    _denied("unicode", message='n"ö\n<b>'),
    Scenario("denied-mutating", (mutating("m", denying(message="no")), validating()), (create(),)),
    Scenario(
        "denied-deletion", (validating("v", denying(message="no")),), _DELETING, (create(), create("other"))
    ),
    Scenario(
        "denied-with-patch",
        (mutating("m", saying(allowed=False, patch=_PATCH, patchType="JSONPatch")),),
        (create(),),
    ),
    Scenario(
        "denied-first",
        (
            mutating("a", denying(message="a")),
            mutating("b", patching({"op": "add", "path": "/spec/size", "value": 5})),
        ),
        (create(),),
    ),
    Scenario(
        "denied-quickest",
        (
            validating("a", _late(0.5, denying(message="a"))),
            validating("b", denying(message="b")),
            validating("c"),
        ),
        (create(),),
    ),
    Scenario(
        "warnings",
        (
            mutating("m", saying(warnings=["one", "two", "one"])),
            validating("v", _late(0.2, saying(warnings=["three", "one", 'q"uo\\te', "lin\nes"]))),
        ),
        (create(),),
    ),
    Scenario(
        "warnings-deletion",
        (mutating("m", saying(warnings=["one"])), validating("v", saying(warnings=["two"]))),
        (
            Step("DELETE", "widgets/w"),
            Step("DELETE", "widgets"),
        ),
        (create(), create("other"), create("third")),
    ),
    Scenario("warnings-denied", (validating("v", saying(allowed=False, warnings=["one"])),), (create(),)),
    Scenario("warnings-long", (validating("v", saying(warnings=["x" * 300, "y" * 5000, ""])),), (create(),)),
    Scenario(
        "annotations", (validating("v", saying(auditAnnotations={"a": "b", "odd key": "x"})),), (create(),)
    ),
    _patched("untyped", patch=_PATCH),
    _patched("typed-nothing", patchType="JSONPatch"),
    _patched("typed-empty", patch="", patchType="JSONPatch"),
    _patched("odd-type", patch=_PATCH, patchType="Other"),
    _patched("empty-type", patch=_PATCH, patchType=""),
    _patched("no-base64", patch="!!!!", patchType="JSONPatch"),
    _patched("short-base64", patch="e30", patchType="JSONPatch"),
    _patched("odd-base64", patch="e3=0", patchType="JSONPatch"),
    _patched("no-list", patch=encoded({}), patchType="JSONPatch"),
    _patched("no-objects", patch=encoded([1]), patchType="JSONPatch"),
    _patched("no-json", patch=encoded(b"["), patchType="JSONPatch"),
    _patched("odd-json", patch=encoded(b"x"), patchType="JSONPatch"),
    _patched("number", patch=7, patchType="JSONPatch"),
    Scenario(
        "patched-by-judge", (validating("v", saying(patch=_PATCH, patchType="JSONPatch")),), (create(),)
    ),
    Scenario("patched-by-judge-type", (validating("v", saying(patchType="JSONPatch")),), (create(),)),
    _read("nothing", b""),
    _read("no-json", b"hello"),
    _read("half-json", b'{"a"'),
    _read("array", b"[]"),
    _read("null", b"null"),
    _read("empty", {}),
    _read("no-response", lambda review: {**allow(review), "response": None}),
    _read("odd-response", _with(response="x")),
    _read("other-uid", saying(uid="x")),
    _read("no-uid", lambda review: {**allow(review), "response": {"allowed": True}}),
    _read("number-uid", saying(uid=7)),
    _read("other-kind", _with(kind="Other")),
    _read("no-kind", _with(kind="")),
    _read("no-type", lambda review: {"response": allow(review)["response"]}),
    _read("other-version", _with(apiVersion="admission.k8s.io/v1beta1")),
    _read("unknown-version", _with(apiVersion="admission.k8s.io/v9")),
    _read("no-version", _with(apiVersion="")),
    _read(
        "status", {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "woe", "code": 418}
    ),
    _read("good-status", {"kind": "Status", "apiVersion": "v1", "status": "Success"}),
    _read("odd-allowed", saying(allowed="yes")),
    _read("odd-warnings", saying(warnings="one")),
    _read("odd-warning", saying(warnings=[1])),
    _read("odd-annotations", saying(auditAnnotations={"a": 1})),
    _read("odd-status", saying(allowed=False, status="x")),
    _read("odd-code", saying(allowed=False, status={"code": "x"})),
    _read("odd-message", saying(allowed=False, status={"message": 1})),
    _read("unknown-members", lambda review: {**allow(review, more=1), "other": 2}),
    _read(
        "yaml",
        lambda review: Told(
            f"apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nresponse:\n  uid: {review['request']['uid']}\n"
            "  allowed: true\n".encode(),
            content_type="application/yaml",
        ),
    ),
    _read("text", lambda review: Told(allow(review), content_type="text/plain")),
    _read("no-content-type", lambda review: Told(allow(review), content_type="")),
    _read("created", lambda review: Told(allow(review), 201)),
    _read("partial", lambda review: Told(allow(review), 206)),
    _read("beta", allow, admissionReviewVersions=["v1beta1"]),
    _read("beta-first", allow, admissionReviewVersions=["v9", "v1beta1", "v1"]),
    _read(
        "beta-without-uid",
        lambda review: {"response": {"allowed": True}},
        admissionReviewVersions=["v1beta1"],
    ),
    Scenario(
        "beta-patch", (mutating("m", saying(patch=_PATCH), admissionReviewVersions=["v1beta1"]),), (create(),)
    ),
)
