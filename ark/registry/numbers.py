"""
Numbers against the bounds of a schema.

Follows the C{numberValidator} of C{k8s.io/kube-openapi/pkg/validation/validate} and the
notion of an integer in C{github.com/go-openapi/swag}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ark.registry.failures import (
    Failure,
    bound_failure,
    factor_failure,
    multiple_failure,
    range_failure,
)

_LARGEST_EXACT = float((1 << 53) - 1)
_EPSILON = 1e-9
_LARGEST_FLOAT32 = 3.4028235677973366e38
_INT32 = (-(1 << 31), (1 << 31) - 1)
_INT64 = (-(1 << 63), (1 << 63) - 1)


def is_integral(value: float) -> bool:
    """
    Whether a float counts as an integer: one within 2^53, or a hair beside one.
    """
    if not -_LARGEST_EXACT <= value <= _LARGEST_EXACT:
        return False
    if value.is_integer():
        return True
    whole = float(int(value))
    if value <= 0 or whole == 0:
        return False
    return abs(value - whole) / (value + whole) < _EPSILON


def in_range(value: float, type_name: str, format_name: str) -> bool:
    """
    Whether a number fits into its type and format without loss.
    """
    if type_name == "integer":
        low, high = _INT32 if format_name == "int32" else _INT64
        return (isinstance(value, int) or value.is_integer()) and low <= value <= high
    return format_name != "float" or abs(value) < _LARGEST_FLOAT32


def is_multiple(value: float, factor: float) -> bool:
    """
    Whether C{value} is a multiple; of integers exactly, of floats nearly.
    """
    if isinstance(value, int):
        factor = int(factor)
        return factor > 0 and value % factor == 0
    if factor <= 0:
        return False
    return is_integral(1 / factor * value if factor < 1 else value / factor)


def check_number(
    value: float, schema: Mapping[str, Any], path: str, types: tuple[str, ...], format_name: str
) -> Iterator[Failure]:
    """
    The faults of a number in the order of kube-openapi.
    """
    type_name = types[0] if len(types) == 1 and types[0] in ("integer", "number") else ""
    if not type_name:
        format_name = ""
    if not in_range(value, type_name, format_name):
        yield range_failure(path, "Checked", type_name, format_name)
    if schema.get("multipleOf") is not None:
        yield from _multiple(value, schema["multipleOf"], path, (type_name, format_name))
    for low in (True, False):
        bound = schema.get("minimum" if low else "maximum")
        if bound is not None:
            yield from _bound(value, schema, path, (type_name, format_name), low)


def _multiple(value: float, factor: float, path: str, kind: tuple[str, str]) -> Iterator[Failure]:
    native = in_range(factor, *kind)
    if not native:
        yield range_failure(path, "MultipleOf", *kind)
    # Go divides integers by the whole part of the factor.
    counted = int(factor) if native and isinstance(value, int) else factor
    if counted <= 0:
        yield factor_failure(path, counted)
    elif not is_multiple(value if native else float(value), factor):
        yield multiple_failure(path, value, counted)


def effective_bound(value_type: type, bound: float, native: bool) -> float:
    """
    The bound that counts: Go compares integers with its whole part.
    """
    return int(bound) if value_type is int and native else float(bound)


def _bound(
    value: float, schema: Mapping[str, Any], path: str, kind: tuple[str, str], low: bool
) -> Iterator[Failure]:
    bound = schema["minimum" if low else "maximum"]
    exclusive = bool(schema.get("exclusiveMinimum" if low else "exclusiveMaximum"))
    native = in_range(bound, *kind)
    if not native:
        yield range_failure(path, "Minimum boundary" if low else "Maximum boundary", *kind)
    limit = effective_bound(type(value), bound, native)
    if value == limit:
        broken = exclusive
    else:
        broken = value < limit if low else value > limit
    if broken:
        words = "greater than" if low else "less than"
        yield bound_failure(path, value, words if exclusive else f"{words} or equal to", limit)
