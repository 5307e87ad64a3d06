"""
Definitions and what Kubernetes makes of them, which has to be what we make of them.

C{answers.jsonl} was recorded from a kube-apiserver; C{python -m tests.registry.definitions.record}
asks it again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.testing import InMemoryServer
from tests.registry.definitions.cases import CASES

ANSWERS = Path(__file__).with_name("answers.jsonl")
COLLECTION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')


def told(code: int, body: dict[str, Any], warning: str) -> dict[str, Any]:
    """
    What counts of an answer.
    """
    shown: dict[str, Any] = {"code": code, "warnings": _WARNING.findall(warning)}
    if code < 300:
        fields = body["metadata"]["managedFields"][0]["fieldsV1"]
        return {**shown, "spec": body["spec"], "status": body["status"], "fields": fields}
    causes = (body.get("details") or {}).get("causes", [])
    listed = [[cause.get(name) for name in ("reason", "field", "message")] for cause in causes]
    return {**shown, "message": body["message"], "causes": listed}


class AnswerTests(SynchronousTestCase):
    """
    Contract 19, for definitions themselves.
    """

    def test_answers_are_those_of_kube_apiserver(self) -> None:
        """
        What is accepted, how it is read and defaulted, and every message.
        """
        server = InMemoryServer(KindRegistry.typed())
        recorded = {}
        for line in ANSWERS.read_bytes().splitlines():
            answer = orjson.loads(line)
            recorded[answer.pop("title")] = answer
        self.assertEqual(set(recorded), set(CASES))
        for title, body in CASES.items():
            answer = server.request("POST", f"{COLLECTION}?dryRun=All", body)
            warning = b", ".join(answer.header_values(b"warning")).decode()
            self.assertEqual(told(answer.code, answer.json(), warning), recorded[title], title)
