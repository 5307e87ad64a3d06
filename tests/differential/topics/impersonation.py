"""
Requests for somebody else, by C{Impersonate-User} and its like.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.differential.kinds import Kind
from tests.differential.steps import JSON, Call, Step, encode
from tests.differential.topics.common import namespace

_USER, _GROUP, _UID = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid"
_EXTRA = "Impersonate-Extra-"
_ACCOUNT = "system:serviceaccount:others:robot"
_WHO = (
    {_USER: "ann"},
    {_USER: "ann", _GROUP: "devs"},
    {_USER: "ann", _GROUP: "system:masters"},
    {_USER: "ann", _GROUP: "system:authenticated"},
    {_USER: "ann", _GROUP: "system:unauthenticated"},
    {_USER: "ann", _GROUP: ""},
    {
        _USER: "ann",
        _UID: "1-2",
        f"{_EXTRA}Scopes": "a",
        f"{_EXTRA}acme.com%2Fproject": "p",
        f"{_EXTRA}Odd%zz": "c",
    },
    {_USER: "system:anonymous"},
    {_USER: "system:anonymous", _GROUP: "devs"},
    {_USER: _ACCOUNT},
    {_USER: _ACCOUNT, _GROUP: "devs"},
    {_USER: f"{_ACCOUNT}:x"},
    {_USER: "system:serviceaccount:Bad:robot"},
    {_USER: "system:node:one"},
    {_USER: "system:node:Bad", _UID: "1"},
    {_USER: 'a "<b>" & c'},
    {_GROUP: "devs"},
)
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_READS = (
    "/api/v1/namespaces/others/secrets",
    "/api/v1/namespaces/others/secrets/x",
    "/version",
    "/apis",
    "/nowhere",
    "/a%20b%22c%3C%2Fd",
    "/api/v1/namespaces/a%20b/secrets/x%22y%26",
)


def impersonation(rng: random.Random, kinds: Sequence[Kind]) -> Iterator[Step]:
    """
    Who they are then, and what they may.
    """
    yield namespace("others")
    content = {"Content-Type": JSON}
    for who in _WHO:
        place = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        yield Call("POST", place, {**content, **who}, encode(_REVIEW), {})
        for path in _READS:
            yield Call("GET", path, dict(who), None, {})
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
    masters = {_USER: "ann", _GROUP: "system:masters"}
    yield Call("POST", "/api/v1/namespaces/others/configmaps", {**content, **masters}, encode(made), {})
    yield Call("DELETE", "/api/v1/namespaces/others/configmaps/one", {_USER: "ann"}, None, {})
    yield Call("DELETE", "/api/v1/namespaces/others/configmaps/one", masters, None, {})
