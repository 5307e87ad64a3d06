"""
Questions to Kubernetes' own CEL, which the Go program in C{oracle} answers.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ark.cel.constructed import Struct, written
from ark.cel.environment import Environment, Outcome
from ark.cel.errors import CompileError, ProgramError
from ark.cel.library_network import CIDR, IP
from ark.cel.library_quantity import Quantity
from ark.cel.library_semver import Semver
from ark.cel.library_urls import URL, Format
from ark.cel.numbers import general
from ark.cel.schemas import declare
from ark.cel.times import timestamp_text
from ark.cel.types import Type, optional_of
from ark.cel.values import NONE, Duration, Mapping, Optional, Timestamp, Uint, is_list

Question = dict[str, Any]
Answer = dict[str, Any]

_NAME = re.compile(r"selfType\d+")


def ask(program: Path, questions: Iterable[Question]) -> list[Answer]:
    """
    What Kubernetes answers.
    """
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([str(program)], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def described(value: Any) -> Any:
    """
    A value as the program tells it.
    """
    kind = type(value)
    if kind is bool or kind is str:
        return ["bool" if kind is bool else "string", value]
    if kind is int or kind is Uint:
        return ["uint" if kind is Uint else "int", str(int(value))]
    if kind is float:
        return ["double", general(value)]
    if kind is bytes:
        return ["bytes", base64.b64encode(value).decode()]
    if value is None:
        return ["null_type", None]
    if kind is Timestamp:
        return ["timestamp", timestamp_text(Timestamp(value.nanoseconds))]
    if kind is Duration:
        return ["duration", str(value.nanoseconds)]
    if kind is Optional:
        return ["optional", described(value.value) if value.present else None]
    if kind is Type:
        return ["type", value.name]
    if is_list(value):
        return ["list", [described(item) for item in value]]
    if isinstance(value, Mapping):
        pairs = [[described(key), described(value.find(key)[1])] for key in value.every_key()]
        return ["map", sorted(pairs, key=str)]
    return _of_kubernetes(value)


def _of_kubernetes(value: Any) -> Any:
    if isinstance(value, Quantity):
        return ["quantity", str(value.exact)]
    if isinstance(value, Format):
        return ["format", value.name]
    if isinstance(value, Struct):
        return _made(value)
    names = {IP: "ip", CIDR: "cidr", URL: "url", Semver: "semver"}
    return [names.get(type(value), "other"), str(value)]


def _made(value: Struct) -> Any:
    if value.type.name != "JSONPatch":
        return [value.type.name, written(value)]
    parts = [value.fields.get(name, "") for name in ("op", "path", "from")]
    return ["JSONPatch", [*parts, described(value.fields["value"])] if "value" in value.fields else parts]


def our_answer(question: Question) -> Answer:
    """
    What we answer.
    """
    declared = declare(question["schema"], bool(question.get("root")), "selfType")
    maybe = bool(question.get("optionalOldSelf"))
    assert declared.type is not None
    environment = Environment(
        {"self": declared, "oldSelf": optional_of(declared.type) if maybe else declared}
    )
    try:
        program = environment.compile(question["expression"])
    except CompileError as error:
        return {"compileError": str(error)}
    except ProgramError as error:
        return {"programError": str(error)}
    estimated = program.estimate(declared)
    old = question.get("oldSelf")
    if maybe:
        old = NONE if old is None else Optional(True, declared.value(old))
    outcome = program.evaluate(question.get("self"), old)
    return {"type": program.type.text, "least": estimated.least, "most": estimated.most, **_told(outcome)}


def _told(outcome: Outcome) -> Answer:
    if outcome.error is not None:
        return {"error": str(outcome.error), "cost": outcome.cost}
    return {"value": described(outcome.value), "cost": outcome.cost}


_QUANTITY = re.compile(r"([+-]?[0-9.]+)(.*)")


def normal(answer: Answer) -> Answer:
    """
    An answer without what tells nothing: Go's names of types, the order of maps, and how a
    quantity is written.
    """
    made = {key: answer[key] for key in answer if key in ("compileError", "value", "error", "type")}
    for key in ("cost", "least", "most"):
        if "compileError" not in answer and "programError" not in answer:
            made[key] = answer.get(key)
    if "programError" in answer:
        made = {"programError": answer["programError"]}
    if "error" in made:
        made["error"] = re.sub(r"^no such overload: .*", "no such overload", made["error"])
    made["value"] = _sorted(made.get("value"))
    return made


def _sorted(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 2 and value[0] == "map":
        return ["map", sorted(([_sorted(key), _sorted(each)] for key, each in value[1]), key=str)]
    if isinstance(value, list) and len(value) == 2 and value[0] == "quantity":
        from ark.cel.library_quantity import parse_quantity

        text = value[1]
        return ["quantity", text if "/" in text else str(parse_quantity(text).exact)]
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def differences(
    questions: Sequence[Question], answers: Sequence[Answer]
) -> list[tuple[Question, Answer, Answer]]:
    """
    The questions that we answer otherwise, with both answers.
    """
    found = []
    for question, answer in zip(questions, answers):
        ours, theirs = normal(our_answer(question)), normal(answer)
        if ours != theirs:
            found.append((question, ours, theirs))
    return found
