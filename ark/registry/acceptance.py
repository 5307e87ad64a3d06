"""
Whether a value fits its schema, said quickly.

The rules are those of L{ark.registry.validation}.  A function made here says yes only when
that would find nothing; where it says no, that decides and finds the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ark.apis.structural import INT_OR_STRING, compile_pattern
from ark.registry.codewriter import CodeWriter, Schema, indented
from ark.registry.formats import format_check
from ark.registry.numbers import effective_bound, in_range, is_integral, is_multiple
from ark.registry.uniqueness import repeated
from ark.registry.validation import enum_fits, format_of, types_of

_NO = "return False"
_REMEMBERED = 512
_LONGEST_REMEMBERED = 128
_TEXT_CHECKS = ("maxLength", "minLength", "pattern")
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")


def compile_acceptance(schema: Schema, source: str) -> Callable[[Any], bool]:
    """
    The function for whole objects.
    """
    writer = CodeWriter()
    return writer.build(_Acceptance(writer).node(schema), source)


def _is_plain_integer(value: Any) -> bool:
    return type(value) is float and value.is_integer() and is_integral(value)


def _matcher(pattern: str) -> tuple[set[str], Callable[[str], bool]]:
    """
    The short texts that are known to match, since most come again, and what asks RE2 about others.
    """
    search = compile_pattern(pattern).search
    known: set[str] = set()

    def matches(text: str) -> bool:
        if search(text) is None:
            return False
        if len(known) < _REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
            known.add(text)
        return True

    return known, matches


def _enum_check(allowed: list[Any]) -> Callable[[Any], bool]:
    return lambda value: any(enum_fits(value, each) for each in allowed)


def _distinct(items: list[Any]) -> bool:
    try:
        return len(set(items)) == len(items)
    except TypeError:
        return False


def _distinct_keys(keys: list[str]) -> Callable[[list[Any]], bool]:
    def distinct(items: list[Any]) -> bool:
        try:
            return not repeated([tuple(item.get(key) for key in keys) for item in items])
        except (TypeError, AttributeError):
            return False

    return distinct


class _Acceptance:
    """
    Writes functions that say whether a value fits.
    """

    def __init__(self, writer: CodeWriter) -> None:
        self._writer = writer
        self._integer = writer.constant(_is_plain_integer)
        self._distinct = writer.constant(_distinct)

    def node(self, schema: Schema) -> str:
        """
        The function for a node.
        """
        return self._writer.function(
            "fits", schema, lambda _: [*self.check(schema, "v", True), "return True"]
        )

    def check(self, schema: Schema, name: str, inline: bool = False) -> list[str]:
        """
        Lines that return unless the value called C{name} fits; none if all values do.

        @param inline: whether the lines are to stand in the node's own function.
        """
        types = types_of(schema)
        if not inline and self._needs_function(schema, types):
            return [f"if not {self.node(schema)}({name}): {_NO}"]
        if not types:
            return self._untyped(schema, name)
        by_type = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._number,
            "number": self._number,
            "boolean": self._boolean,
        }
        if types == ("integer", "string"):
            lines = self._int_or_string(schema, name)
        else:
            lines = by_type[types[0]](schema, name)
        lines += self._enum(schema, name) + self._junctors(schema, name)
        if not schema.get("nullable"):
            return lines
        null = [f"if {name} is None:", f"    {_NO}" if schema.get("enum") else "    pass"]
        return [*null, "else:", *indented(lines)]

    def _needs_function(self, schema: Schema, types: tuple[str, ...]) -> bool:
        if types in (("object",), ("array",)):
            return bool(self._object_parts(schema)) or types == ("array",)
        return bool(schema.get("nullable")) or len(types) > 1 or any(schema.get(name) for name in _JUNCTORS)

    def _object_parts(self, schema: Schema) -> list[str]:
        names = ("properties", "required", "minProperties", "maxProperties", "additionalProperties")
        return [name for name in (*names, *_JUNCTORS) if schema.get(name) not in (None, [], {})]

    def _untyped(self, schema: Schema, name: str) -> list[str]:
        """
        Each sort of value is held to the checks that are about it.
        """
        format_name = format_of(schema)
        lines: list[str] = []
        branches = (
            ("dict", self._object_body(schema, name) if self._object_parts(schema) else []),
            ("list", self._array_body(schema, name)),
            ("str", self._string_body(schema, name)),
        )
        for type_name, body in branches:
            if body:
                lines += [f"if type({name}) is {type_name}:", *indented(body)]
        numeric = self._number_body(schema, name)
        if numeric:
            lines += [f"if type({name}) is int or type({name}) is float:", *indented(numeric)]
        if format_name:
            lines.append(f"if type({name}) in (int, float, bool, dict): {_NO}")
        return lines + self._enum(schema, name) + self._junctors(schema, name)

    def _boolean(self, schema: Schema, name: str) -> list[str]:
        return [f"if type({name}) is not bool: {_NO}"]

    def _string(self, schema: Schema, name: str) -> list[str]:
        return [f"if type({name}) is not str: {_NO}", *self._string_body(schema, name)]

    def _string_body(self, schema: Schema, name: str) -> list[str]:
        lines = []
        most, least, pattern = (schema.get(member) for member in _TEXT_CHECKS)
        if most is not None:
            lines.append(f"if len({name}) > {most}: {_NO}")
        if least == 1:
            lines.append(f"if not {name}: {_NO}")
        elif least:
            lines.append(f"if len({name}) < {least}: {_NO}")
        if pattern:
            known, matches = map(self._writer.constant, _matcher(pattern))
            lines.append(f"if {name} not in {known} and not {matches}({name}): {_NO}")
        check = format_check(format_of(schema)) if format_of(schema) else None
        if check is not None:
            lines.append(f"if not {self._writer.constant(check)}({name}): {_NO}")
        return lines

    def _number(self, schema: Schema, name: str) -> list[str]:
        if types_of(schema) == ("integer",):
            lines = [f"if type({name}) is not int and not {self._integer}({name}): {_NO}"]
        else:
            lines = [f"if type({name}) is not int and type({name}) is not float: {_NO}"]
        return lines + self._number_body(schema, name)

    def _number_body(self, schema: Schema, name: str) -> list[str]:
        types = types_of(schema)
        type_name = types[0] if len(types) == 1 and types[0] in ("integer", "number") else ""
        kind = (type_name, format_of(schema) if type_name else "")
        lines = []
        if kind == ("integer", "int32"):
            lines.append(f"if not -2147483648 <= {name} <= 2147483647: {_NO}")
        elif kind == ("number", "float"):
            check = self._writer.constant(lambda value: in_range(value, "number", "float"))
            lines.append(f"if not {check}({name}): {_NO}")
        for member, sign in (("minimum", "<"), ("maximum", ">")):
            bound = schema.get(member)
            if bound is not None:
                exclusive = schema.get("exclusiveM" + member[1:])
                lines += self._bound(name, bound, sign + ("=" if exclusive else ""), in_range(bound, *kind))
        factor = schema.get("multipleOf")
        if factor is not None:
            if not in_range(factor, *kind):
                return [_NO]
            check = self._writer.constant(lambda value: is_multiple(value, factor))
            lines.append(f"if not {check}({name}): {_NO}")
        return lines

    def _bound(self, name: str, bound: float, sign: str, native: bool) -> list[str]:
        if not native:
            return [_NO]
        whole, exact = effective_bound(int, bound, True), effective_bound(float, bound, True)
        if whole == exact:
            return [f"if {name} {sign} {whole}: {_NO}"]
        return [f"if {name} {sign} ({whole} if type({name}) is int else {exact!r}): {_NO}"]

    def _int_or_string(self, schema: Schema, name: str) -> list[str]:
        text, number = self._string_body(schema, name), self._number_body(schema, name)
        lines = [f"if type({name}) is str:", *indented(text or ["pass"])]
        lines += [f"elif type({name}) is int or {self._integer}({name}):", *indented(number or ["pass"])]
        return [*lines, "else:", f"    {_NO}"]

    def _array(self, schema: Schema, name: str) -> list[str]:
        return [f"if type({name}) is not list: {_NO}", *self._array_body(schema, name)]

    def _array_body(self, schema: Schema, name: str) -> list[str]:
        lines = []
        for member, sign in (("minItems", "<"), ("maxItems", ">")):
            if schema.get(member) is not None:
                lines.append(f"if len({name}) {sign} {schema[member]}: {_NO}")
        items = schema.get("items")
        checks = self.check(items, "x") if items is not None else []
        if checks:
            lines += [f"for x in {name}:", *indented(checks)]
        return lines + self._uniqueness(schema, name)

    def _uniqueness(self, schema: Schema, name: str) -> list[str]:
        keys = list(schema.get("x-kubernetes-list-map-keys") or ())
        list_type = schema.get("x-kubernetes-list-type")
        if list_type == "set":
            return [f"if len({name}) > 1 and not {self._distinct}({name}): {_NO}"]
        if list_type == "map":
            check = self._writer.constant(_distinct_keys(keys))
            return [f"if {name} and not {check}({name}): {_NO}"]
        return []

    def _object(self, schema: Schema, name: str) -> list[str]:
        return [f"if type({name}) is not dict: {_NO}", *self._object_body(schema, name)]

    def _object_body(self, schema: Schema, name: str) -> list[str]:
        lines = []
        for member, sign in (("minProperties", "<"), ("maxProperties", ">")):
            if schema.get(member) is not None:
                lines.append(f"if len({name}) {sign} {schema[member]}: {_NO}")
        properties = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        lines += [f"if {member!r} not in {name}: {_NO}" for member in sorted(required - set(properties))]
        for member, node in properties.items():
            lines += self._member(name, member, self.check(node, "x"), member in required)
        return lines + self._additional(schema, name)

    def _member(self, name: str, member: str, checks: list[str], required: bool) -> list[str]:
        if not checks:
            return [f"if {member!r} not in {name}: {_NO}"] if required else []
        lines = [f"if {member!r} in {name}:", f"    x = {name}[{member!r}]", *indented(checks)]
        return [*lines, "else:", f"    {_NO}"] if required else lines

    def _additional(self, schema: Schema, name: str) -> list[str]:
        additional = schema.get("additionalProperties")
        checks = self.check(additional, "x") if isinstance(additional, Mapping) else []
        if not checks:
            return []
        properties = schema.get("properties")
        if not properties:
            return [f"for x in {name}.values():", *indented(checks)]
        known = self._writer.constant(frozenset(properties))
        return [f"for k, x in {name}.items():", f"    if k not in {known}:", *indented(checks, 2)]

    def _enum(self, schema: Schema, name: str) -> list[str]:
        allowed = schema.get("enum")
        if not allowed:
            return []
        if types_of(schema) == ("string",) and all(isinstance(each, str) for each in allowed):
            return [f"if {name} not in {self._writer.constant(frozenset(allowed))}: {_NO}"]
        return [f"if not {self._writer.constant(_enum_check(allowed))}({name}): {_NO}"]

    def _junctors(self, schema: Schema, name: str) -> list[str]:
        lines = []
        any_of = schema.get("anyOf")
        if any_of and not (schema.get("x-kubernetes-int-or-string") and any_of == INT_OR_STRING):
            tests = " or ".join(f"{self.node(each)}({name})" for each in any_of)
            lines.append(f"if not ({tests}): {_NO}")
        if schema.get("oneOf"):
            tests = " + ".join(f"{self.node(each)}({name})" for each in schema["oneOf"])
            lines.append(f"if {tests} != 1: {_NO}")
        lines += [f"if not {self.node(each)}({name}): {_NO}" for each in schema.get("allOf") or ()]
        if schema.get("not") is not None:
            lines.append(f"if {self.node(schema['not'])}({name}): {_NO}")
        return [f"if {name} is not None:", *indented(lines)] if lines else []
