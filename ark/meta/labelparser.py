"""
The grammar of label selectors.

Follows the lexer and parser of C{k8s.io/apimachinery/pkg/labels/selector.go}, down to
what they say about a text that they do not understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ark.meta.fielderrors import invalid
from ark.meta.gotext import parse_int
from ark.meta.names import label_value, qualified_name
from ark.meta.status import Cause

MAX_REQUIREMENTS = 100
MAX_VALUES = 1000

_LEXEME = re.compile(r"[ \t\r\n]*(?:([=!(),<>]+)|([^=!(),<>\x20\t\r\n\0]+)|(\0)|$)", re.DOTALL)
_SYMBOLS = frozenset((")", ",", "!", "==", "=", ">", "<", "!=", "("))
_WORDS = frozenset(("in", "notin"))
_END = ("", "")
_BINARY = "in, notin, =, ==, !=, gt, lt"
_OPERATORS = {"in": "in", "notin": "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}
_SIGNS = {"gt": ">", "lt": "<", "in": " in ", "notin": " notin "}

# What a token is: "id" for identifiers, "error", "" for the end, else its own text.
Token = tuple[str, str]


class SelectorError(ValueError):
    """
    A selector that cannot be understood; the message is for the client.
    """


class LabelRequirement(NamedTuple):
    """
    One requirement on one label.
    """

    key: str
    operator: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        values = ",".join(self.values)
        if self.operator in ("in", "notin"):
            values = f"({values})"
        return f"{self.key}{_SIGNS.get(self.operator, self.operator)}{values}"


def _symbols(run: str) -> Iterator[Token]:
    """
    The longest operators in a run of special characters.
    """
    position = 0
    while position < len(run):
        width = 2 if run[position : position + 2] in _SYMBOLS else 1
        symbol = run[position : position + width]
        yield symbol, symbol
        position += width


def _tokens(text: str) -> Iterator[Token]:
    # As they are asked for: a text may be long, and wrong from the beginning.
    position = 0
    while True:
        match = _LEXEME.match(text, position)
        # The lexer of Kubernetes takes a NUL for the end.
        if match is None or match[3] or match.end() == position:
            return
        run, word = match[1], match[2]
        if run:
            yield from _symbols(run)
        elif word:
            yield word if word in _WORDS else "id", word
        position = match.end()


def parse_labels(text: str) -> tuple[LabelRequirement, ...]:
    """
    The requirements of a selector, sorted by key.

    @raise SelectorError: it breaks the grammar, a key or value is not one for labels, or
        it has more than L{MAX_REQUIREMENTS} requirements or L{MAX_VALUES} values in one.
    """
    return tuple(sorted(_Parser(_tokens(text)).requirements(), key=lambda requirement: requirement.key))


def _raise(causes: list[Cause]) -> None:
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    if len(texts) == 1:
        raise SelectorError(texts[0])
    if texts:
        raise SelectorError(f"[{', '.join(texts)}]")


def _check_key(key: str, path: str) -> list[Cause]:
    problems = qualified_name(key)
    return [invalid(path, key, "; ".join(problems))] if problems else []


class _Parser:
    """
    Walks the tokens once from left to right.
    """

    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._next = next(tokens, _END)

    def _advance(self) -> Token:
        token, self._next = self._next, next(self._tokens, _END)
        return token

    def _peek(self) -> Token:
        kind, text = self._next
        return ("id", text) if kind in _WORDS else (kind, text)

    def _take(self) -> Token:
        kind, text = self._advance()
        return ("id", text) if kind in _WORDS else (kind, text)

    def requirements(self) -> list[LabelRequirement]:
        """
        Everything up to the end.
        """
        found: list[LabelRequirement] = []
        while True:
            kind, text = self._peek()
            if kind == "":
                return found
            if kind not in ("id", "!"):
                raise SelectorError(f"found '{text}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            if len(found) > MAX_REQUIREMENTS:
                raise SelectorError(f"must have at most {MAX_REQUIREMENTS} requirements")
            if not self._more():
                return found

    def _more(self) -> bool:
        kind, text = self._take()
        if kind == "":
            return False
        if kind != ",":
            raise SelectorError(f"found '{text}', expected: ',' or 'end of string'")
        kind, text = self._peek()
        if kind not in ("id", "!"):
            raise SelectorError(f"found '{text}', expected: identifier after ','")
        return True

    def _requirement(self) -> LabelRequirement:
        kind, key = self._take()
        absent = kind == "!"
        if absent:
            kind, key = self._take()
        if kind != "id":
            raise SelectorError(f"found '{key}', expected: identifier")
        _raise(_check_key(key, "<nil>"))
        if absent:
            return LabelRequirement(key, "!", ())
        if self._peek()[0] in ("", ","):
            return LabelRequirement(key, "exists", ())
        operator = self._operator()
        values = self._set() if operator in ("in", "notin") else [self._value()]
        return _validated(key, operator, tuple(sorted(set(values))))

    def _operator(self) -> str:
        kind, text = self._advance()
        if kind not in _OPERATORS:
            raise SelectorError(f"found '{text}', expected: {_BINARY}")
        return _OPERATORS[kind]

    def _value(self) -> str:
        if self._peek()[0] in ("", ","):
            return ""
        kind, text = self._take()
        if kind != "id":
            raise SelectorError(f"found '{text}', expected: identifier")
        return text

    def _set(self) -> list[str]:
        kind, text = self._take()
        if kind != "(":
            raise SelectorError(f"found '{text}' expected: '('")
        kind, text = self._peek()
        if kind == ")":
            self._take()
            return [""]
        if kind not in ("id", ","):
            raise SelectorError(f"found '{text}', expected: ',', ')' or identifier")
        values = self._members()
        if self._take()[0] != ")":
            raise SelectorError(f"found '{text}', expected: ')'")
        return values

    def _members(self) -> list[str]:
        values: list[str] = []
        while True:
            if len(values) >= MAX_VALUES:
                raise SelectorError(f"must have at most {MAX_VALUES} values")
            kind, text = self._take()
            following, after = self._peek()
            if kind == "id":
                values.append(text)
                if following == ")":
                    return values
                if following != ",":
                    raise SelectorError(f"found '{after}', expected: ',' or ')'")
            elif kind == ",":
                if not values or following in (")", ","):
                    values.append("")
                if following == ")":
                    return values
            else:
                raise SelectorError(f"found '{text}', expected: ',', or identifier")


def _validated(key: str, operator: str, values: tuple[str, ...]) -> LabelRequirement:
    causes: list[Cause] = []
    if operator in ("gt", "lt"):
        try:
            parse_int(values[0])
        except ValueError:
            detail = "for 'Gt', 'Lt' operators, the value must be an integer"
            causes.append(invalid("values[0]", values[0], detail))
    for index, value in enumerate(values):
        problems = label_value(value)
        if problems:
            causes.append(invalid(f"values[{index}][{key}]", value, "; ".join(problems)))
    _raise(causes)
    return LabelRequirement(key, operator, values)
