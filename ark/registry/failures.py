"""
What a value breaks of its schema, in the words of kube-openapi.

Follows C{k8s.io/kube-openapi/pkg/validation/{errors,validate}} and the translation to
field errors in C{k8s.io/apiextensions-apiserver/pkg/apiserver/validation/validation.go}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ark.meta import fielderrors
from ark.meta.gotext import format_float, json_marshal, quote
from ark.meta.status import Cause

NO_FIELD = "<nil>"


class Failure(NamedTuple):
    """
    One broken rule.

    @ivar rule: which sort of rule, C{""} for those that name no field.
    @ivar message: kube-openapi's text; failures with equal texts count once.
    @ivar value: what the text of the cause shows.
    @ivar limit: the bound, or the allowed values.
    """

    rule: str
    path: str
    message: str
    value: Any = None
    limit: Any = None

    def cause(self, prefix: str) -> Cause:
        """
        The cause that a client is told; C{prefix} stands before the path.
        """
        if not self.rule:
            return fielderrors.invalid(prefix or NO_FIELD, "", self.message)
        name = self.path[1:] if self.path.startswith(".") else self.path
        field = (f"{prefix}.{name}" if prefix and name else prefix or name) or NO_FIELD
        if self.rule == "required":
            return fielderrors.required(field)
        if self.rule == "enum":
            return fielderrors.not_supported(field, self.value, map(_allowed, self.limit))
        if self.rule == "too long":
            return fielderrors.too_long(field, self.limit)
        if self.rule == "too many":
            return fielderrors.too_many(field, self.value, self.limit)
        value = "" if self.value is None else self.value
        make = fielderrors.type_invalid if self.rule == "type" else fielderrors.invalid
        return make(field, value, self.message)


def _allowed(value: Any) -> str:
    return value if isinstance(value, str) else json_marshal(value)


class Result:
    """
    What checking one value found.

    @ivar matches: how many checks were passed through; the most decide which branch of
        C{anyOf} and C{oneOf} is told about.
    """

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.matches = 0
        self._messages: set[str] = set()

    def add(self, failure: Failure) -> None:
        """
        Keep a failure unless its text is known.
        """
        if failure.message not in self._messages:
            self._messages.add(failure.message)
            self.failures.append(failure)

    def merge(self, other: Result) -> None:
        """
        Take over everything of another result.
        """
        for failure in other.failures:
            self.add(failure)
        self.matches += other.matches

    def forgive(self) -> Result:
        """
        The same without failures.
        """
        return Result()


def type_failure(path: str, wanted: str, found: Any) -> Failure:
    """
    C{found} is the name of the type found, or the text that is not of the format C{wanted}.
    """
    return Failure("type", path, f"{path} in body must be of type {wanted}: {quote(found)}", found)


def required_failure(path: str) -> Failure:
    """
    A member is missing.
    """
    return Failure("required", path, f"{path} in body is required")


def enum_failure(path: str, value: Any, allowed: list[Any]) -> Failure:
    """
    A value is none of the allowed ones.
    """
    listed = " ".join(map(go_text, allowed))
    return Failure("enum", path, f"{path} in body should be one of [{listed}]", value, allowed)


def size_failure(path: str, unit: str, size: Any, limit: int, most: bool) -> Failure:
    """
    Too many or too few of C{unit}: C{chars long}, C{items} or C{properties}.
    """
    verb = "be" if unit == "chars long" else "have"
    message = f"{path} in body should {verb} at {'most' if most else 'least'} {limit} {unit}"
    rule = ("too long" if unit == "chars long" else "too many") if most else "size"
    return Failure(rule, path, message, size, limit)


def pattern_failure(path: str, value: str, pattern: str) -> Failure:
    """
    A text does not match.
    """
    return Failure("pattern", path, f"{path} in body should match '{pattern}'", value)


def bound_failure(path: str, value: Any, words: str, bound: float) -> Failure:
    """
    A number is out of bounds; C{words} is C{less than or equal to} and the like.
    """
    return Failure("bound", path, f"{path} in body should be {words} {go_text(bound)}", value)


def multiple_failure(path: str, value: Any, factor: float) -> Failure:
    """
    A number is no multiple.
    """
    return Failure("multiple", path, f"{path} in body should be a multiple of {go_text(factor)}", value)


def factor_failure(path: str, factor: float) -> Failure:
    """
    Nothing is a multiple of that.
    """
    message = f"factor MultipleOf declared for {path} must be positive: {go_text(factor)}"
    return Failure("multiple", path, message, factor)


def range_failure(path: str, subject: str, type_name: str, format_name: str) -> Failure:
    """
    A number does not fit into its type.
    """
    suffix = f"with format {format_name}" if format_name else "(default format)"
    return Failure("", path, f"{subject} value must be of type {type_name} {suffix} in {path}")


def junctor_failure(path: str, words: str) -> Failure:
    """
    C{anyOf}, C{oneOf}, C{allOf} or C{not} is not fulfilled.
    """
    return Failure("", path, f"{quote(path)} must {words}")


def go_text(value: Any) -> str:
    """
    A value as the verb C{%v} prints it.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    return "<nil>" if value is None else str(value)


def causes_of(failures: Iterable[Failure], prefix: str = "") -> list[Cause]:
    """
    Failures as causes, in order.
    """
    return [failure.cause(prefix) for failure in failures]
