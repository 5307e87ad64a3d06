"""
Requests that act for others, and what comes of them: the table that both servers are held to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import yaml

from ark.authentication.userinfo import UserInfo

TABLE = Path(__file__).with_name("impersonations.yaml")
_WHO = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
_ANSWERS: dict[str, dict[str, Any]] = {
    "allowed": {"allowed": True, "reason": "so it says"},
    "denied": {"denied": True, "reason": "never"},
    "contradicted": {"allowed": True, "denied": True, "reason": "yes and no"},
    "failing": {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "nobody <asks>",
        "reason": "Forbidden",
        "code": 403,
    },
}


class Step(NamedTuple):
    """
    A request.

    @ivar expected: what is asked, and what comes of it.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    expected: dict[str, Any]


class Scenario(NamedTuple):
    """
    Requests of one requestor, one after the other.

    @ivar answers: patterns of the questions, by how they are answered.
    """

    name: str
    user: UserInfo
    answers: Mapping[str, Sequence[str]]
    steps: Sequence[Step]

    def judge(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """
        The status that answers a review; everybody else may do everything.

        @return: a C{Status} when the review itself fails.
        """
        question = question_of(spec, self.user)
        if spec.get("user") != self.user.name or not _is_impersonation(spec):
            return {"allowed": True}
        for how, patterns in self.answers.items():
            if any(fnmatchcase(question, pattern.replace("~*", "[*]")) for pattern in patterns):
                return dict(_ANSWERS[how])
        return {"allowed": False, "reason": "not that <way>"}


def _is_impersonation(spec: Mapping[str, Any]) -> bool:
    asked: Mapping[str, Any] = spec.get("resourceAttributes") or spec["nonResourceAttributes"]
    return str(asked["verb"]).startswith("impersonate")


def question_of(spec: Mapping[str, Any], requestor: UserInfo) -> str:
    """
    A review as the table has it.
    """
    extra = {name: sorted(values) for name, values in spec.get("extra", {}).items()}
    others = {} if extra == {name: sorted(values) for name, values in requestor.extra} else {"extra": extra}
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return f"{path['verb']} {path['path']}"
    asked = spec["resourceAttributes"]
    group = f".{asked['group']}" if asked.get("group") else ""
    part = f"/{asked['subresource']}" if asked.get("subresource") else ""
    thing = "/".join(asked[name] for name in ("namespace", "name") if asked.get(name))
    words = [asked["verb"], f"{asked['resource']}{part}.{asked['version']}{group}", thing]
    selectors = {name: asked[name] for name in ("fieldSelector", "labelSelector") if name in asked}
    others.update(selectors)
    if others:
        words.append(orjson.dumps(others, option=orjson.OPT_SORT_KEYS).decode())
    return " ".join(filter(None, words))


def scenarios() -> Iterator[Scenario]:
    """
    The table.
    """
    for told in yaml.safe_load(TABLE.read_text()):
        extra = tuple((name, tuple(values)) for name, values in sorted(told.get("extra", {}).items()))
        groups = tuple(told.get("groups", ["system:authenticated"]))
        user = UserInfo(told.get("user", told["name"]), told.get("uid", ""), groups, extra)
        steps = [_step(step) for step in told["steps"]]
        answers = {how: told[how] for how in _ANSWERS if how in told}
        yield Scenario(told["name"], user, answers, steps)


def fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    Header fields, of which those of the same name are told apart by how they are written.
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        while name in headers:
            at = next(place for place, letter in enumerate(name) if letter.islower())
            name = f"{name[:at]}{name[at].upper()}{name[at + 1 :]}"
        headers[name] = value
    return headers


def _step(told: dict[str, Any]) -> Step:
    method, _, target = told.pop("target", _WHO).partition(" ")
    headers = fields((f"Impersonate-{name}", value) for name, value in told.pop("headers"))
    body = _REVIEW if method == "POST" else b""
    if body:
        headers["Content-Type"] = "application/json"
    return Step(method, target, headers, body, told)


def outcome_of(step: Step, code: int, body: bytes, event: Mapping[str, Any]) -> dict[str, Any]:
    """
    What came of a request, as the table has it.

    @param event: that of the audit log when the answer was complete.
    """
    outcome: dict[str, Any] = {}
    impersonated = event.get("impersonatedUser")
    if code >= 400:
        status = orjson.loads(body)
        outcome = {"code": code, "message": status["message"]}
        if status.get("details") is not None:
            outcome["details"] = status["details"]
    elif step.body:
        outcome["is"] = orjson.loads(body)["status"]["userInfo"]
        if outcome["is"] == impersonated:
            impersonated = "the same"
    if impersonated is not None:
        outcome["audited"] = impersonated
    constraint = event.get("authenticationMetadata", {}).get("impersonationConstraint")
    if constraint is not None:
        outcome["constraint"] = constraint
    return outcome
