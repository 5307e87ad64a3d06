"""
Semantic versions.

Follows C{k8s.io/apiserver/pkg/cel/library/semverlib.go} and C{github.com/blang/semver/v4}.
"""

from __future__ import annotations

import re
from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError
from ark.cel.functions import Function, function, member, plain
from ark.cel.values import UINT_MAX, Opaque
from ark.meta.gotext import quote

_DIGITS = re.compile(r"[0-9]*\Z", re.ASCII)
_LETTERS = re.compile(r"[0-9A-Za-z-]*\Z", re.ASCII)


class Semver(Opaque):
    """
    A version.

    @ivar key: what it is ordered by.
    """

    __slots__ = ("build", "key", "numbers", "prerelease")
    type = types.SEMVER

    def __init__(self, numbers: list[int], prerelease: list[Any], build: list[str]) -> None:
        self.numbers = numbers
        self.prerelease = prerelease
        self.build = build
        parts = tuple((0, part, "") if type(part) is int else (1, 0, part) for part in prerelease)
        self.key = (*numbers, not prerelease, parts)

    def same(self, other: Semver) -> bool:
        return self.key == other.key

    def __str__(self) -> str:
        text = ".".join(map(str, self.numbers))
        text += "-" + ".".join(map(str, self.prerelease)) if self.prerelease else ""
        return text + ("+" + ".".join(self.build) if self.build else "")


def _number(text: str, word: str, title: str) -> int:
    if _DIGITS.match(text) is None:
        raise EvaluationError(f"Invalid character(s) found in {word} number {quote(text)}")
    if len(text) > 1 and text[0] == "0":
        raise EvaluationError(f"{title} number must not contain leading zeroes {quote(text)}")
    return _unsigned(text)


def _unsigned(text: str) -> int:
    if not text:
        raise EvaluationError('strconv.ParseUint: parsing "": invalid syntax')
    value = int(text)
    if value > UINT_MAX:
        raise EvaluationError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return value


def parse_semver(text: str) -> Semver:
    """
    A version.

    @raise EvaluationError: with what the Go package says of one that is none.
    """
    if not text:
        raise EvaluationError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise EvaluationError("No Major.Minor.Patch elements found")
    major = _number(parts[0], "major", "Major")
    minor = _number(parts[1], "minor", "Minor")
    rest, plus, build = parts[2].partition("+")
    patch, dash, prerelease = rest.partition("-")
    numbers = [major, minor, _number(patch, "patch", "Patch")]
    named = [_prerelease(part) for part in prerelease.split(".")] if dash else []
    return Semver(numbers, named, [_build(part) for part in build.split(".")] if plus else [])


def _prerelease(text: str) -> int | str:
    if not text:
        raise EvaluationError("Prerelease is empty")
    if _DIGITS.match(text):
        if len(text) > 1 and text[0] == "0":
            raise EvaluationError(f"Numeric PreRelease version must not contain leading zeroes {quote(text)}")
        return _unsigned(text)
    if _LETTERS.match(text) is None:
        raise EvaluationError(f"Invalid character(s) found in prerelease {quote(text)}")
    return text


def _build(text: str) -> str:
    if not text:
        raise EvaluationError("Build meta data is empty")
    if _LETTERS.match(text) is None:
        raise EvaluationError(f"Invalid character(s) found in build meta data {quote(text)}")
    return text


def _normalized(text: str) -> str:
    parts = text[text.startswith("v") :].split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            part = part.lstrip("0")
            parts[index] = part if part and part[0] in "0123456789" else "0" + part
    if len(parts) < 3:
        if "+" in parts[-1] or "-" in parts[-1]:
            raise EvaluationError("short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


def _parse(text: str, normalize: bool = False) -> Semver:
    return parse_semver(_normalized(text) if normalize else text)


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _parse(text, normalize)
    except EvaluationError:
        return False
    return True


def _compare(left: Semver, right: Semver) -> int:
    return (left.key > right.key) - (left.key < right.key)


_V, _S, _I, _B = types.SEMVER, types.STRING, types.INT, types.BOOL

FUNCTIONS: tuple[Function, ...] = (
    function(
        "semver",
        plain("string_to_semver", (_S,), _V, _parse),
        plain("string_bool_to_semver", (_S, _B), _V, _parse),
    ),
    function(
        "isSemver",
        plain("is_semver_string", (_S,), _B, _is_semver),
        plain("is_semver_string_bool", (_S, _B), _B, _is_semver),
    ),
    function(
        "isGreaterThan",
        member("semver_is_greater_than", (_V, _V), _B, lambda left, right: left.key > right.key),
    ),
    function(
        "isLessThan", member("semver_is_less_than", (_V, _V), _B, lambda left, right: left.key < right.key)
    ),
    function("compareTo", member("semver_compare_to", (_V, _V), _I, _compare)),
    function("major", member("semver_major", (_V,), _I, lambda version: version.numbers[0])),
    function("minor", member("semver_minor", (_V,), _I, lambda version: version.numbers[1])),
    function("patch", member("semver_patch", (_V,), _I, lambda version: version.numbers[2])),
)
