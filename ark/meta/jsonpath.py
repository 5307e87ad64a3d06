"""
The JSONPath of printer columns and selectable fields, compiled to closures.

Follows C{k8s.io/client-go/util/jsonpath}: fields, indexes, slices, wildcards, unions,
recursive descent and filters, in both quote styles.  C{range} and C{end} are not for
single values and are refused.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, Union

Step = Callable[[list[Any]], list[Any]]
Find = Callable[[Any], list[Any]]
First = Callable[[Any], Any]

_QUOTED_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?[0-9]*)(:-?[0-9]*)?(:-?[0-9]*)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9.]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TERMINATORS = frozenset(" \t\r\n.,[]$@{}")
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class _Missing:
    """
    Stands for no result at all, which differs from a null.
    """

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


class InvalidPath(ValueError):
    """
    The text is not a path of this kind.
    """


class _Failed(Exception):
    """
    A path met a value that it cannot go through, so that nothing is found.
    """


class _Field(str):
    """
    A member's name, as a node.
    """


Node = Union[_Field, Step]


class _Parser:
    """
    Reads one path into nodes.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> list[Node]:
        nodes: list[Node] = []
        while self._at < len(self._text):
            nodes.extend(self._node())
        return nodes

    def _node(self) -> Iterator[Node]:
        text, at = self._text, self._at
        if text.startswith("[?(", at):
            yield self._filter()
        elif text.startswith("..", at):
            self._at += 2
            yield _recurse
            if self._at < len(text) and (text[self._at].isalnum() or text[self._at] == "_"):
                yield self._name()
        elif text[at] in " @$":
            self._at += 1
        elif text[at] == "[":
            yield from self._array()
        elif text[at] in "'\"":
            yield _constant(self._quoted())
        elif text[at] == ".":
            self._at += 1
            yield self._name()
        else:
            yield _constant(self._literal())

    def _name(self) -> Node:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in _TERMINATORS:
            self._at += 2 if self._text[self._at] == "\\" else 1
        name = self._text[start : self._at]
        return _wildcard if name == "*" else _Field(name.replace("\\", ""))

    def _quoted(self) -> str:
        quote, start = self._text[self._at], self._at + 1
        end = self._text.find(quote, start)
        while end > 0 and self._text[end - 1] == "\\":
            end = self._text.find(quote, end + 1)
        if end < 0:
            raise InvalidPath("unterminated quoted string")
        self._at = end + 1
        return _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[1]), self._text[start:end])

    def _literal(self) -> Any:
        for word, value in (("true", True), ("false", False)):
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        match = _NUMBER.match(self._text, self._at)
        if not match or not match[0]:
            raise InvalidPath(f"unrecognized character in action: {self._text[self._at]!r}")
        self._at = match.end()
        try:
            return int(match[0]) if "." not in match[0] else float(match[0])
        except ValueError:
            raise InvalidPath(f"cannot parse number {match[0]}") from None

    def _array(self) -> Iterator[Node]:
        end = self._text.find("]", self._at)
        if end < 0:
            raise InvalidPath("unterminated array")
        inside = self._text[self._at + 1 : end]
        self._at = end + 1
        parts = inside.split(",")
        if len(parts) > 1:
            yield _union([_chain(_Parser(f"[{part.strip(' ')}]").parse()) for part in parts])
            return
        key = _QUOTED_KEY.fullmatch(inside)
        if key:
            yield from _Parser(f".{key[1]}").parse()
            return
        match = _SLICE.fullmatch(":" if inside == "*" else inside)
        if match is None:
            raise InvalidPath(f"invalid array index {inside}")
        yield _slice(match[1], match[2], match[3])

    def _filter(self) -> Node:
        inside = self._filter_text()
        match = _COMPARISON.fullmatch(inside)
        if match is None:
            return _existing(_chain(_Parser(inside).parse()))
        left, right = _Parser(match[1]).parse(), _Parser(match[3]).parse()
        if match[2] not in _OPERATORS:
            raise InvalidPath(f"unrecognized filter operator {match[2]}")
        return _matching(_chain(left), match[2], _chain(right))

    def _filter_text(self) -> str:
        start, quote = self._at + 3, ""
        for at in range(start, len(self._text)):
            character = self._text[at]
            if quote:
                if character == quote and self._text[at - 1] != "\\":
                    quote = ""
            elif character in "'\"":
                quote = character
            elif character == ")":
                if not self._text.startswith("]", at + 1):
                    raise InvalidPath("unclosed array expect ]")
                self._at = at + 2
                return self._text[start:at]
        raise InvalidPath("unterminated filter")


def _constant(value: Any) -> Step:
    return lambda values: [value for _ in values]


def _field(name: str) -> Step:
    def step(values: list[Any]) -> list[Any]:
        return [value[name] for value in values if type(value) is dict and name in value]

    return step


def _children(value: Any) -> list[Any]:
    if type(value) is dict:
        return list(value.values())
    return value if type(value) is list else []


def _wildcard(values: list[Any]) -> list[Any]:
    return [child for value in values for child in _children(value)]


def _recurse(values: list[Any]) -> list[Any]:
    found = []
    for value in values:
        children = _children(value)
        if children:
            found.append(value)
            found += _recurse(children)
    return found


def _union(steps: list[Step]) -> Step:
    return lambda values: [found for step in steps for found in step(values)]


def _bounds(size: int, first: str, last: str | None) -> tuple[int, int]:
    start = int(first) if first else 0
    stop = int(last[1:]) if last and last != ":" else None
    if last is None:
        stop = start + 1
        if stop == 0:
            stop = size
    start += size if start < 0 else 0
    if stop is None:
        stop = size
    stop += size if stop < 0 else 0
    if start != stop and not (0 <= start < size and 0 <= stop <= size and start <= stop):
        raise _Failed
    return start, stop


def _slice(first: str, last: str | None, step: str | None) -> Step:
    width = int(step[1:]) if step and step != ":" else 1

    def cut(values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for value in values:
            if value is None:
                continue
            if type(value) is not list or width <= 0:
                raise _Failed
            start, stop = _bounds(len(value), first, last)
            if start == stop:
                return found
            found += value[start:stop:width]
        return found

    return cut


def _items(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if type(value) is not list:
            raise _Failed
        yield from value


def _existing(step: Step) -> Step:
    def keep(values: list[Any]) -> list[Any]:
        return [item for item in _items(values) if _quietly(step, item)]

    return keep


def _quietly(step: Step, value: Any) -> list[Any]:
    try:
        return step([value])
    except _Failed:
        return []


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
}


def _matching(left: Step, sign: str, right: Step) -> Step:
    compare = _OPERATORS[sign]

    def keep(values: list[Any]) -> list[Any]:
        found = []
        for item in _items(values):
            ours, theirs = left([item]), right([item])
            if not ours or not theirs:
                continue
            if len(ours) > 1 or len(theirs) > 1 or not _comparable(ours[0], theirs[0], sign):
                raise _Failed
            if compare(ours[0], theirs[0]):
                found.append(item)
        return found

    return keep


def _comparable(left: Any, right: Any, sign: str) -> bool:
    if type(left) is bool and type(right) is bool:
        return sign in ("==", "!=")
    return type(left) is type(right) and type(left) in (str, int, float)


def _chain(nodes: list[Node]) -> Step:
    steps = [_field(node) if isinstance(node, _Field) else node for node in nodes]
    if len(steps) == 1:
        return steps[0]

    def step(values: list[Any]) -> list[Any]:
        for each in steps:
            values = each(values)
        return values

    return step


def compile_path(text: str) -> Find:
    """
    A function that finds all values at a path, in order; none where the path breaks off.

    @raise InvalidPath: the text is not a path.
    """
    step = _chain(_Parser(text).parse())
    return lambda value: _quietly(step, value)


def compile_first(text: str) -> First:
    """
    A function that finds the first value at a path, or L{MISSING}.

    @raise InvalidPath: the text is not a path.
    """
    nodes = _Parser(text).parse()
    names = [node for node in nodes if isinstance(node, _Field)]
    if nodes and len(names) == len(nodes):
        return _member([str(name) for name in names])
    step = _chain(nodes)

    def first(value: Any) -> Any:
        try:
            found = step([value])
        except _Failed:
            return MISSING
        return found[0] if found else MISSING

    return first


def _member(names: list[str]) -> First:
    *parents, last = names

    def first(value: Any) -> Any:
        for name in parents:
            if type(value) is not dict:
                return MISSING
            value = value.get(name)
        return value.get(last, MISSING) if type(value) is dict else MISSING

    return first
