"""
What plain scalars of YAML mean, and what they become in JSON.

Follows C{resolve.go} of go-yaml v2 and the conversion of C{sigs.k8s.io/yaml}.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any

from ark.meta.decoded import DecodeError
from ark.meta.gotext import format_float

_WORDS: dict[str, Any] = {"": None, "~": None}
for _value, _texts in (
    (True, "y yes true on"),
    (False, "n no false off"),
    (None, "null"),
    (math.nan, ".nan"),
    (math.inf, ".inf +.inf"),
    (-math.inf, "-.inf"),
):
    for _text in _texts.split():
        for _spelling in (_text, _text.capitalize(), _text.upper()):
            _WORDS[_spelling] = _value
for _sign, _value in (("", math.inf), ("+", math.inf), ("-", -math.inf)):
    _WORDS[f"{_sign}.Inf"] = _value
_WORDS[".NaN"] = math.nan

_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?)?",
    re.ASCII,
)
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_BASED = re.compile(r"([-+]?)0(?:[xX]([0-9a-fA-F]+)|[oO]?([0-7]+)|[bB]([01]+))", re.ASCII)
_FRACTION = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BOUND = 1 << 64

is_date = _DATE.fullmatch
"""
Whether a text looks like a time, which YAML 1.1 has and JSON has not: it stays a text.
"""


def resolve(text: str) -> Any:
    """
    The value of a plain scalar.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        return _resolve_number(text)
    return text


def _resolve_number(text: str) -> Any:
    if text[0] == ".":
        return float(text) if _FRACTION.fullmatch(text) else text
    if is_date(text):
        return text
    plain = text.replace("_", "")
    if len(plain) < 100:
        based = _BASED.fullmatch(plain)
        if based:
            sign, hexadecimal, octal, binary = based.groups()
            value = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(binary, 2)
            value = -value if sign == "-" else value
        elif _DECIMAL.fullmatch(plain):
            value = int(plain)
        else:
            value = _BOUND
        if -(_BOUND >> 1) <= value < _BOUND:
            return value if value < _BOUND >> 1 else float(value)
    if _FRACTION.fullmatch(plain):
        number = float(plain)
        # Go refuses to read it and leaves a text.
        return text if math.isinf(number) else number
    return text


def key_text(value: Any) -> str:
    """
    What a scalar becomes as the key of a mapping.

    @raise DecodeError: it is null.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_key(value)
    if isinstance(value, int):
        return str(value)
    raise DecodeError("yaml: unsupported map key: null")


def _float_key(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    # sigs.k8s.io/yaml writes keys with the digits of a 32-bit float.
    for digits in range(1, 18):
        text = f"{value:.{digits}g}"
        if _narrow(float(text)) == _narrow(value):
            break
    return format_float(float(text))


def _narrow(value: float) -> bytes:
    try:
        return struct.pack("f", value)
    except OverflowError:
        return struct.pack("d", value)


def storable(value: Any) -> Any:
    """
    What a scalar becomes as a value.

    @raise DecodeError: JSON has no such number.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DecodeError(f"json: unsupported value: {format_float(value)}")
        if value.is_integer() and abs(value) < _BOUND >> 1:
            return int(value)
    return value
