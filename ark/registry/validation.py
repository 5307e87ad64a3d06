"""
Values against schemas, told in full.

Follows C{k8s.io/kube-openapi/pkg/validation/validate} check by check, and
C{k8s.io/apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go}; contract 2.5, 19.1
to 19.3.  This is the slow way that names every fault; L{ark.registry.acceptance} says
quickly whether there is any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.apis.structural import compile_pattern
from ark.registry.correlation import Correlated, equal
from ark.registry.failures import (
    Failure,
    Result,
    enum_failure,
    junctor_failure,
    pattern_failure,
    required_failure,
    size_failure,
    type_failure,
)
from ark.registry.formats import BYTES, effective_format, format_check, shown_format
from ark.registry.numbers import check_number, is_integral

Schema = Mapping[str, Any]

_TYPE_NAMES = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
_VALUE_FORMATS = {int: "int64", float: "float64"}
_patterns: dict[str, Any] = {}


def pattern_matches(pattern: str, text: str) -> bool:
    """
    Whether C{pattern}, in Go's syntax, matches anywhere in C{text}.
    """
    compiled = _patterns.get(pattern)
    if compiled is None:
        compiled = _patterns[pattern] = compile_pattern(pattern)
    return compiled.search(text) is not None


def types_of(schema: Schema) -> tuple[str, ...]:
    """
    The types that a value may have; none given means any.
    """
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    name = schema.get("type")
    return (name,) if name else ()


def format_of(schema: Schema) -> str:
    """
    The format that is checked, C{""} for none.
    """
    name = schema.get("format")
    if not name:
        return ""
    types = types_of(schema)
    if schema.get("x-ark-bytes"):
        return BYTES
    return effective_format(name, types[0] if len(types) == 1 else "")


def check_value(value: Any, schema: Schema, path: str = "", was: Correlated | None = None) -> Result:
    """
    Every fault of a value.

    @param was: what it is compared with; the faults of what did not change are forgiven.
    """
    result = _Check(value, schema, path, was).run()
    if result.failures and was is not None and was.unchanged():
        return result.forgive()
    return result


class _Check:
    """
    One value against one schema node.
    """

    def __init__(self, value: Any, schema: Schema, path: str, was: Correlated | None) -> None:
        self.value = value
        self.schema = schema
        self.path = path
        self.was = was
        self.result = Result()

    def run(self) -> Result:
        """
        The checks in the order of kube-openapi's validators.
        """
        types, format_name = types_of(self.schema), format_of(self.schema)
        kind = type(self.value)
        if types or format_name:
            self._type(types, format_name)
        if self.value is not None:
            self._junctors()
        if kind is str:
            self._text(format_name)
        elif kind is int or kind is float:
            for failure in check_number(self.value, self.schema, self.path, types, format_name):
                self._add(failure)
            self._passed(2)
        elif kind is list:
            self._array()
        self._enum()
        if kind is dict:
            self._object()
        return self.result

    def _passed(self, checks: int = 1) -> None:
        self.result.matches += checks

    def _add(self, failure: Failure) -> None:
        self.result.add(failure)

    def _type(self, types: tuple[str, ...], format_name: str) -> None:
        failure = self._type_failure(types, format_name)
        if failure is not None:
            self._add(failure)
        else:
            self._passed()
        if self.value is not None:
            self._passed()

    def _type_failure(self, types: tuple[str, ...], format_name: str) -> Failure | None:
        value, kind = self.value, type(self.value)
        if value is None:
            if not types or self.schema.get("nullable"):
                return None
            return type_failure(self.path, ",".join(types), "null")
        found = _TYPE_NAMES[kind]
        fits = found in types
        fits = fits or (kind is float and "integer" in types and is_integral(value))
        fits = fits or (kind is int and "number" in types)
        if format_name:
            if kind is not str and kind is not list:
                if not fits and _VALUE_FORMATS.get(kind, "") != format_name:
                    return type_failure(self.path, format_name, _VALUE_FORMATS.get(kind, ""))
            elif "number" not in types and "integer" not in types:
                return None
        return None if fits else type_failure(self.path, ",".join(types), found)

    def _text(self, format_name: str) -> None:
        failure = self._text_failure()
        if failure is not None:
            self._add(failure)
        self._passed()
        check = format_check(format_name) if format_name else None
        if check is not None:
            self._passed()
            if not check(self.value):
                self._add(type_failure(self.path, shown_format(format_name), self.value))

    def _text_failure(self) -> Failure | None:
        schema, value = self.schema, self.value
        most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
        if most is not None and len(value) > most:
            return size_failure(self.path, "chars long", value, most, True)
        if least is not None and len(value) < least:
            return size_failure(self.path, "chars long", value, least, False)
        if pattern and not pattern_matches(pattern, value):
            return pattern_failure(self.path, value, pattern)
        return None

    def _size(self, unit: str, member: str) -> None:
        size = len(self.value)
        for most in (False, True):
            limit = self.schema.get(("max" if most else "min") + member)
            if limit is not None and (size > limit if most else size < limit):
                self._add(size_failure(self.path, unit, size, limit, most))

    def _array(self) -> None:
        items = self.schema.get("items")
        if items is not None:
            for index, item in enumerate(self.value):
                was = self.was.item(index) if self.was is not None else None
                self.result.merge(check_value(item, items, f"{self.path}[{index}]", was))
        self._size("items", "Items")
        self._passed(2)

    def _enum(self) -> None:
        allowed = self.schema.get("enum")
        if allowed and not any(enum_fits(self.value, each) for each in allowed):
            self._add(enum_failure(self.path, self.value, allowed))
        if self.value is not None:
            self._passed(2)

    def _object(self) -> None:
        value, schema = self.value, self.schema
        self._size("properties", "Properties")
        properties = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        if isinstance(additional, Mapping):
            for name in value:
                if name not in properties:
                    self._member(name, additional, f"{self.path}.{name}")
        for name, node in properties.items():
            if name in value:
                self._member(name, node, f"{self.path}.{name}" if self.path else name)
        for name in schema.get("required") or ():
            if name not in value:
                self._add(required_failure(f"{self.path}.{name}"))
        self._passed()

    def _member(self, name: str, node: Schema, path: str) -> None:
        was = self.was.member(name) if self.was is not None else None
        if not self.path and name in ("apiVersion", "kind"):
            was = None
        self.result.merge(check_value(self.value[name], node, path, was))

    def _junctors(self) -> None:
        schema = self.schema
        if schema.get("anyOf"):
            self._any_of(schema["anyOf"])
        if schema.get("oneOf"):
            self._one_of(schema["oneOf"])
        if schema.get("allOf"):
            self._all_of(schema["allOf"])
        if schema.get("not") is not None and not self._branch(schema["not"]).failures:
            self._add(junctor_failure(self.path, "not validate the schema (not)"))
        self._passed(2)

    def _branch(self, schema: Schema) -> Result:
        return _Check(self.value, schema, self.path, None).run()

    def _any_of(self, schemas: list[Schema]) -> None:
        best: Result | None = None
        for schema in schemas:
            result = self._branch(schema)
            if not result.failures:
                self.result.merge(result)
                return
            if best is None or result.matches > best.matches:
                best = result
        self._add(junctor_failure(self.path, "validate at least one schema (anyOf)"))
        if best is not None:
            self.result.merge(best)

    def _one_of(self, schemas: list[Schema]) -> None:
        results = [self._branch(schema) for schema in schemas]
        good = [result for result in results if not result.failures]
        if len(good) == 1:
            self.result.merge(good[0])
            return
        found = f"Found {len(good)} valid alternatives" if good else "Found none valid"
        self._add(junctor_failure(self.path, f"validate one and only one schema (oneOf). {found}"))
        if not good:
            self.result.merge(max(results, key=lambda result: result.matches))

    def _all_of(self, schemas: list[Schema]) -> None:
        results = [self._branch(schema) for schema in schemas]
        for result in results:
            self.result.merge(result)
        good = sum(not result.failures for result in results)
        if good != len(results):
            none = "" if good else ". None validated"
            self._add(junctor_failure(self.path, f"validate all the schemas (allOf){none}"))


def enum_fits(value: Any, allowed: Any) -> bool:
    """
    Whether a value is the allowed one after Go's conversion to its type.  A null never is.
    """
    if value is None or allowed is None:
        return False
    if type(allowed) in (int, float) and type(value) in (int, float):
        return bool(type(allowed)(value) == allowed)
    return equal(value, allowed)
