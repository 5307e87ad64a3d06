"""
Label and field selectors (contract 12.6, 12.7).

Follows C{k8s.io/apimachinery/pkg/labels} and C{pkg/fields}.  A selector is parsed once
and then asked often, so its requirements are turned into functions at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import orjson

from ark.meta.gotext import parse_int, quote
from ark.meta.labelparser import MAX_REQUIREMENTS, MAX_VALUES, LabelRequirement, SelectorError, parse_labels
from ark.meta.status import bad_request

__all__ = [
    "EVERYTHING",
    "EVERY_FIELD",
    "MAX_REQUIREMENTS",
    "MAX_VALUES",
    "FieldRequirement",
    "FieldSelector",
    "LabelRequirement",
    "LabelSelector",
    "parse_field_selector",
    "parse_label_selector",
]

Fields = Mapping[str, str]
_Check = Callable[[Fields], bool]

_loads = orjson.loads

# A longer text is not kept: clients can make them long on purpose.
_LONGEST_KNOWN = 2048


class FieldRequirement(NamedTuple):
    """
    One comparison of a field: C{operator} is C{=} or C{!=}, C{values} has one member.
    """

    key: str
    operator: str
    values: tuple[str, ...]


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_int(text)
    except ValueError:
        return None


def _comparison(requirement: LabelRequirement) -> _Check:
    key, operator, values = requirement
    bound = _number(values[0])

    def greater(labels: Fields) -> bool:
        value = _number(labels.get(key))
        return value is not None and bound is not None and value > bound

    def less(labels: Fields) -> bool:
        value = _number(labels.get(key))
        return value is not None and bound is not None and value < bound

    return greater if operator == "gt" else less


def _membership(requirement: LabelRequirement) -> _Check:
    key, operator, values = requirement
    wanted = frozenset(values)
    first = values[0]

    def equal(labels: Fields) -> bool:
        return labels.get(key) == first

    def unequal(labels: Fields) -> bool:
        return labels.get(key) != first

    def among(labels: Fields) -> bool:
        return labels.get(key) in wanted

    def outside(labels: Fields) -> bool:
        return labels.get(key) not in wanted

    positive = operator in ("=", "==", "in")
    if len(wanted) == 1:
        return equal if positive else unequal
    return among if positive else outside


def _existence(requirement: LabelRequirement) -> _Check:
    key, operator, _ = requirement

    def exists(labels: Fields) -> bool:
        return key in labels

    def misses(labels: Fields) -> bool:
        return key not in labels

    return exists if operator == "exists" else misses


def _check(requirement: LabelRequirement) -> _Check:
    if requirement.operator in ("gt", "lt"):
        return _comparison(requirement)
    if requirement.operator in ("exists", "!"):
        return _existence(requirement)
    return _membership(requirement)


def _all(checks: list[_Check]) -> _Check:
    if not checks:
        return lambda _: True
    if len(checks) == 1:
        return checks[0]

    def every(fields: Fields) -> bool:
        for check in checks:  # noqa: SIM110 -- a generator costs more than the checks
            if not check(fields):
                return False
        return True

    return every


class LabelSelector:
    """
    Requirements on labels, all of which must hold.

    @ivar matches: tells of a mapping of labels whether the selector takes it.
    @ivar matches_json: the same for the JSON text of labels; C{b""} means no labels.
    @ivar empty: whether everything matches.
    @ivar requirements: sorted by key; operators are C{=}, C{==}, C{!=}, C{in}, C{notin},
        C{exists}, C{!}, C{gt} and C{lt}; values are sorted and occur once.
    """

    __slots__ = ("_bare", "_text", "empty", "matches", "requirements")

    def __init__(self, requirements: tuple[LabelRequirement, ...]) -> None:
        self.requirements = requirements
        self.empty = not requirements
        self.matches: _Check = _all([_check(requirement) for requirement in requirements])
        self._bare = self.matches({})

    def matches_json(self, labels: bytes) -> bool:
        """
        Whether an object with these labels is taken.
        """
        if not labels:
            return self._bare
        return self.empty or self.matches(_loads(labels))

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


class FieldSelector:
    """
    Requirements on fields, all of which must hold; a field that is not there is empty.

    @ivar matches: tells of a mapping of fields whether the selector takes it.
    @ivar empty: whether everything matches.
    @ivar requirements: in the order of their text.
    """

    __slots__ = ("empty", "matches", "requirements")

    def __init__(self, requirements: tuple[FieldRequirement, ...]) -> None:
        self.requirements = requirements
        self.empty = not requirements
        self.matches: _Check = _all([_field_check(requirement) for requirement in requirements])

    def exact(self, field: str) -> str | None:
        """
        The one value that C{field} must have, if the selector asks for one.
        """
        for key, operator, values in self.requirements:
            if key == field and operator == "=":
                return values[0]
        return None

    def require(self, supported: frozenset[str] | set[str]) -> None:
        """
        Refuse fields that a kind does not offer.

        @raise ark.meta.status.APIStatus: 400, naming the first of them.
        """
        for requirement in self.requirements:
            if requirement.key not in supported:
                raise bad_request(f"field label not supported: {requirement.key}")

    def require_metadata(self) -> None:
        """
        Refuse all fields but those that every built-in kind offers, as
        C{DefaultMetaV1FieldSelectorConversion} in C{k8s.io/apimachinery/pkg/runtime/converter.go}.

        @raise ark.meta.status.APIStatus: 400, naming the first of them.
        """
        for requirement in self.requirements:
            if requirement.key not in ("metadata.name", "metadata.namespace"):
                raise bad_request(
                    f"{quote(requirement.key)} is not a known field selector: "
                    'only "metadata.name", "metadata.namespace"'
                )

    def __str__(self) -> str:
        return ",".join(f"{key}{operator}{_escape(values[0])}" for key, operator, values in self.requirements)


def _field_check(requirement: FieldRequirement) -> _Check:
    key, operator, (value,) = requirement

    def equal(fields: Fields) -> bool:
        return fields.get(key, "") == value

    def unequal(fields: Fields) -> bool:
        return fields.get(key, "") != value

    return equal if operator == "=" else unequal


EVERYTHING = LabelSelector(())
EVERY_FIELD = FieldSelector(())


def parse_label_selector(text: str) -> LabelSelector:
    """
    Read the parameter C{labelSelector}.

    @raise ark.meta.status.APIStatus: 400, with the text of the parser.
    """
    if not text:
        return EVERYTHING
    try:
        return _known_selector(text) if len(text) <= _LONGEST_KNOWN else _label_selector(text)
    except SelectorError as error:
        raise bad_request(str(error)) from None


def _label_selector(text: str) -> LabelSelector:
    requirements = parse_labels(text)
    return LabelSelector(requirements) if requirements else EVERYTHING


_known_selector = lru_cache(maxsize=256)(_label_selector)


def parse_field_selector(text: str) -> FieldSelector:
    """
    Read the parameter C{fieldSelector}.  Which fields a kind offers is for
    L{FieldSelector.require}.

    @raise ark.meta.status.APIStatus: 400, with the text of the parser.
    """
    if not text:
        return EVERY_FIELD
    terms = sorted(filter(None, _terms(text)))
    if len(terms) > MAX_REQUIREMENTS:
        raise bad_request(f"invalid selector: must have at most {MAX_REQUIREMENTS} requirements")
    try:
        found = [_field_requirement(text, term) for term in terms]
    except SelectorError as error:
        raise bad_request(str(error)) from None
    # A comparison of nothing with nothing is no requirement.
    requirements = tuple(each for each in found if each.key or each.values[0])
    return FieldSelector(requirements) if requirements else EVERY_FIELD


def _terms(text: str) -> list[str]:
    """
    The terms between commas that no backslash stands before.
    """
    if "\\" not in text:
        return text.split(",")
    terms, start, escaped = [], 0, False
    for position, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            terms.append(text[start:position])
            start = position + 1
    return [*terms, text[start:]]


def _field_requirement(text: str, term: str) -> FieldRequirement:
    equals, differs = term.find("="), term.find("!=")
    if equals < 0:
        raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
    if 0 <= differs < equals:
        return FieldRequirement(term[:differs], "!=", (_unescape(term[differs + 2 :]),))
    width = 2 if term.startswith("==", equals) else 1
    return FieldRequirement(term[:equals], "=", (_unescape(term[equals + width :]),))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescape(value: str) -> str:
    if "\\" not in value and "," not in value and "=" not in value:
        return value
    plain, escaped = [], False
    for character in value:
        if escaped:
            if character not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{character}")
            plain.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(character)}")
        else:
            plain.append(character)
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(plain)
