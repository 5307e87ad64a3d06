"""
Brings the clauses of the contract together with the tests that name them.

A test names clauses in its docstring, or a class of tests in its own, as C{Contract 6.1 and 6.5.},
or in short by beginning with the numbers.  Tests are found by reading the sources, so that none
has to be loaded.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
_CLAUSES = Path(__file__).with_name("clauses.yaml")
_SCENARIOS = Path(__file__).with_name("scenarios.yaml")
_NUMBERS = r"\d{1,2}\.\d{1,2}(?:(?:, and |, | and )\d{1,2}\.\d{1,2})*"
_SCENARIO = re.compile(r"\b(Run(?:Optional)?(?:Test|Watch|Send)\w+)")
_NAMING = re.compile(rf"^({_NUMBERS})(?=[.:;,]|$)|\bcontract ({_NUMBERS})", re.IGNORECASE)


class Clause(NamedTuple):
    """
    One thing that clients may rely on.

    @ivar otherwise: where kube-apiserver does something else, and why it is not followed.
    @ivar missing: why it is not done.
    """

    number: str
    says: str
    otherwise: str = ""
    missing: str = ""


def sections() -> list[tuple[str, list[Clause]]]:
    """
    The title and the clauses of each section.
    """
    read: list[dict[str, Any]] = yaml.safe_load(_CLAUSES.read_text())
    return [
        (
            section["title"],
            [
                Clause(number, **text) if isinstance(text, dict) else Clause(number, text)
                for number, text in section["clauses"].items()
            ],
        )
        for section in read
    ]


def named_tests(naming: re.Pattern[str] = _NAMING) -> dict[str, list[str]]:
    """
    The tests of each number that a docstring names.
    """
    found: dict[str, list[str]] = {}
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        for test, text in _tests(path):
            numbers = {
                number
                for match in naming.finditer(text)
                for group in match.groups()
                if group
                for number in re.split(r", and |, | and ", group)
            }
            for number in numbers:
                found.setdefault(number, []).append(test)
    return found


def _tests(path: Path) -> Iterator[tuple[str, str]]:
    module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for owner in ast.parse(path.read_text()).body:
        if not isinstance(owner, ast.ClassDef):
            continue
        yield f"{module}.{owner.name}", ast.get_docstring(owner) or ""
        for member in owner.body:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and member.name.startswith("test_"):
                yield f"{module}.{owner.name}.{member.name}", ast.get_docstring(member) or ""


def link(test: str) -> str:
    """
    A test, or a class of tests, as a link to its file from a page of the reference.
    """
    parts = test.split(".")
    module = next(index for index, part in enumerate(parts) if part.startswith("test_")) + 1
    name = ".".join(part.removeprefix("test_") for part in parts[module:])
    return f"[{name}](../../{'/'.join(parts[:module])}.py)"


def page() -> str:
    """
    The reference page of all clauses.
    """
    tests = named_tests()
    lines = [
        "# Conformance",
        "",
        "<!-- Made by `make docs`. Change tests/conformance/clauses.yaml and the tests, not this page. -->",
        "",
        "What clients may rely on, and the tests that show it. The measure is kube-apiserver 1.36 serving the same",
        "definitions; where we do something else, the clause says so in italics. What the generated requests of the",
        "[comparison](../how-to/compare-with-kube-apiserver.md) may find different is listed in",
        "[differences](differences.md), and Kubernetes' own scenarios for its storage in",
        "[storage scenarios](storage-scenarios.md).",
    ]
    for title, clauses in sections():
        lines += ["", f"## {title}", "", "| | what the server does | shown by |", "| --- | --- | --- |"]
        lines += [_row(clause, tests.get(clause.number, [])) for clause in clauses]
    return "\n".join(lines) + "\n"


def scenarios() -> list[Clause]:
    """
    Kubernetes' scenarios for its storage.
    """
    read: dict[str, Any] = yaml.safe_load(_SCENARIOS.read_text())
    return [
        Clause(name, **text) if isinstance(text, dict) else Clause(name, text) for name, text in read.items()
    ]


def scenario_tests() -> dict[str, list[str]]:
    """
    The tests of each scenario that a docstring names.
    """
    return named_tests(_SCENARIO)


def scenarios_page() -> str:
    """
    The reference page of all scenarios.
    """
    tests = scenario_tests()
    lines = [
        "# Storage scenarios",
        "",
        "<!-- Made by `make docs`. Change tests/conformance/scenarios.yaml and the tests, not this page. -->",
        "",
        "Kubernetes tries every storage of its API server with the scenarios of `k8s.io/apiserver/pkg/storage/testing`.",
        "These are the ones of release 1.36, and the tests here that stand for them.",
        "",
        "| scenario | what it is about | shown by |",
        "| --- | --- | --- |",
    ]
    lines += [_row(scenario, tests.get(scenario.number, [])) for scenario in scenarios()]
    return "\n".join(lines) + "\n"


def _row(clause: Clause, tests: list[str]) -> str:
    says = clause.says
    if clause.otherwise:
        says += f" *{clause.otherwise}*"
    if clause.missing:
        says += f" *Not served: {clause.missing}*"
    return f"| {clause.number} | {says.replace('|', chr(92) + '|')} | {', '.join(map(link, tests))} |"
