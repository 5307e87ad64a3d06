"""
Functions on optionals.

Follows cel-go's C{cel/library.go}.
"""

from __future__ import annotations

from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.functions import Function, K, V, function, member, plain
from ark.cel.types import list_of, map_of, optional_of
from ark.cel.values import NONE, Duration, Mapping, Optional, Uint, shown


def _is_zero(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (Mapping, list, str, bytes)):
        return len(value) == 0
    if type(value) is Duration:
        return value.nanoseconds == 0
    if type(value) is Optional:
        return not value.present
    return type(value) in (bool, int, Uint, float) and not value


def _value(maybe: Any) -> Any:
    if type(maybe) is not Optional:
        raise no_overload()
    if not maybe.present:
        raise EvaluationError("optional.none() dereference")
    return maybe.value


def _has_value(maybe: Any) -> bool:
    if type(maybe) is not Optional:
        raise no_overload()
    return maybe.present


def _unwrap(items: Any) -> list[Any]:
    found = []
    for each in items:
        if type(each) is not Optional:
            raise EvaluationError(f"value {shown(each)} is not optional")
        if each.present:
            found.append(each.value)
    return found


def _first(items: Any) -> Optional:
    return Optional(True, next(iter(items))) if len(items) else NONE


def _last(items: Any) -> Optional:
    return Optional(True, list(items)[-1]) if len(items) else NONE


_OPT, _I, _B = optional_of(V), types.INT, types.BOOL

OPTIONALS: tuple[Function, ...] = (
    function("optional.of", plain("optional_of", (V,), _OPT, lambda value: Optional(True, value))),
    function(
        "optional.ofNonZeroValue",
        plain(
            "optional_ofNonZeroValue",
            (V,),
            _OPT,
            lambda value: NONE if _is_zero(value) else Optional(True, value),
        ),
    ),
    function("optional.none", plain("optional_none", (), _OPT, lambda: NONE)),
    function("value", member("optional_value", (_OPT,), V, _value)),
    function("hasValue", member("optional_hasValue", (_OPT,), _B, _has_value)),
    function("or", member("optional_or_optional", (_OPT, _OPT), _OPT, None)),
    function("orValue", member("optional_orValue_value", (_OPT, V), V, None)),
    function("_?._", plain("select_optional_field", (types.DYN, types.STRING), _OPT, None)),
    function(
        "_[?_]",
        plain("list_optindex_optional_int", (list_of(V), _I), _OPT, None),
        plain("optional_list_optindex_optional_int", (optional_of(list_of(V)), _I), _OPT, None),
        plain("map_optindex_optional_value", (map_of(K, V), K), _OPT, None),
        plain("optional_map_optindex_optional_value", (optional_of(map_of(K, V)), K), _OPT, None),
    ),
    function(
        "_[_]",
        plain("optional_list_index_int", (optional_of(list_of(V)), _I), _OPT, None),
        plain("optional_map_index_value", (optional_of(map_of(K, V)), K), _OPT, None),
    ),
    function("last", member("list_last", (list_of(V),), _OPT, _last)),
    function("first", member("list_first", (list_of(V),), _OPT, _first)),
    function("optional.unwrap", plain("optional_unwrap", (list_of(_OPT),), list_of(V), _unwrap)),
    function("unwrapOpt", member("optional_unwrapOpt", (list_of(_OPT),), list_of(V), _unwrap)),
)
