"""
Causes with Kubernetes' text, one function for each kind of broken rule.

Contract 2.4 and 2.5; follows C{k8s.io/apimachinery/pkg/util/validation/field/errors.go}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ark.meta.gotext import format_float, json_marshal, quote
from ark.meta.status import Cause


class _Omitted:
    """
    Stands for a value that the text leaves out.
    """

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Any = _Omitted()


def render(value: Any) -> str:
    """
    A bad value as messages show it: strings quoted, numbers plain, the rest as JSON.
    """
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, float):
        return format_float(value)
    return json_marshal(value)


def _valued(reason: str, words: str, path: str, value: Any, detail: str) -> Cause:
    message = words if value is OMITTED else f"{words}: {render(value)}"
    return Cause(reason, f"{message}: {detail}" if detail else message, path)


def _plain(reason: str, words: str, path: str, detail: str) -> Cause:
    return Cause(reason, f"{words}: {detail}" if detail else words, path)


def child(path: str, name: str) -> str:
    """
    The path of a member.
    """
    return f"{path}.{name}" if path else name


def required(path: str, detail: str = "") -> Cause:
    """
    A value is missing.
    """
    return _plain("FieldValueRequired", "Required value", path, detail)


def invalid(path: str, value: Any, detail: str) -> Cause:
    """
    A value breaks a rule.  L{OMITTED} as the value leaves it out of the text.
    """
    return _valued("FieldValueInvalid", "Invalid value", path, value, detail)


def type_invalid(path: str, value: Any, detail: str) -> Cause:
    """
    A value is of the wrong type.
    """
    return _valued("FieldValueTypeInvalid", "Invalid value", path, value, detail)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    """
    A value is none of those allowed, which are listed in the order given.
    """
    allowed = ", ".join(map(quote, supported))
    detail = f"supported values: {allowed}" if allowed else ""
    return _valued("FieldValueNotSupported", "Unsupported value", path, value, detail)


def not_found(path: str, value: Any) -> Cause:
    """
    What a value names does not exist.
    """
    return _valued("FieldValueNotFound", "Not found", path, value, "")


def duplicate(path: str, value: Any) -> Cause:
    """
    A value must be the only one and is not.
    """
    return _valued("FieldValueDuplicate", "Duplicate value", path, value, "")


def forbidden(path: str, detail: str) -> Cause:
    """
    A value is right in itself and not allowed here.
    """
    return _plain("FieldValueForbidden", "Forbidden", path, detail)


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def too_long(path: str, limit: int) -> Cause:
    """
    A text has more than C{limit} bytes; a negative limit is not named.
    """
    detail = f"may not be more than {_counted(limit, 'byte')}" if limit >= 0 else "value is too long"
    return _plain("FieldValueTooLong", "Too long", path, detail)


def too_many(path: str, actual: int, limit: int) -> Cause:
    """
    A list is longer than C{limit}; a negative number is not named.
    """
    detail = f"must have at most {_counted(limit, 'item')}" if limit >= 0 else "has too many items"
    return _valued("FieldValueTooMany", "Too many", path, actual if actual >= 0 else OMITTED, detail)


def internal(path: str, detail: str) -> Cause:
    """
    The server could not check a value.
    """
    return _plain("InternalError", "Internal error", path, detail)
