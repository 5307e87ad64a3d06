"""
More functions on strings.

Follows cel-go's C{ext/strings.go} in its version 2, and
C{k8s.io/apiserver/pkg/cel/library/regex.go}.
"""

from __future__ import annotations

from typing import Any

from ark.cel import types
from ark.cel.errors import EvaluationError
from ark.cel.formatting import format_string
from ark.cel.functions import Function, function, member, plain
from ark.cel.standard import compile_regex
from ark.cel.types import list_of
from ark.cel.values import shown
from ark.meta.gotext import ESCAPES

_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_LOWER = {code: code + 32 for code in range(65, 91)}
_UPPER = {code: code - 32 for code in range(97, 123)}


def _out_of_range(index: int) -> EvaluationError:
    return EvaluationError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if start < 0:
        raise _out_of_range(start)
    return text.find(part, start)


def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part) if part else len(text)


def _last_index_of_from(text: str, part: str, start: int) -> int:
    if not part:
        return start
    if start < 0:
        raise _out_of_range(start)
    if start >= len(text):
        return -1
    return (
        text.rfind(part, 0, min(start, len(text) - len(part)) + len(part)) if len(part) <= len(text) else -1
    )


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if not separator:
        letters = list(text)
        if 0 < count < len(letters):
            letters[count - 1 :] = ["".join(letters[count - 1 :])]
        return letters
    return text.split(separator, count - 1 if count > 0 else -1)


def _substring(text: str, start: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def _substring_between(text: str, start: int, end: int) -> str:
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def _quote(text: str) -> str:
    return '"' + "".join(ESCAPES.get(letter, letter) for letter in text) + '"'


def _join(items: Any, separator: str = "") -> str:
    texts = list(items)
    for text in texts:
        if type(text) is not str:
            raise EvaluationError(f"join: invalid input: {shown(text)}")
    return separator.join(texts)


def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return "" if found is None else str(found.group())


def _find_all(text: str, pattern: str, count: int = -1) -> list[str]:
    regex = compiled(pattern)
    found: list[str] = []
    for each in regex.finditer(text) if count else ():
        found.append(each.group())
        if len(found) == count:
            break
    return found


def compiled(pattern: str) -> Any:
    """
    A pattern of C{find}.
    """
    try:
        return compile_regex(pattern)
    except EvaluationError as error:
        raise EvaluationError(f"Illegal regex: {error}") from None


_S, _I = types.STRING, types.INT

FUNCTIONS: tuple[Function, ...] = (
    function("charAt", member("string_char_at_int", (_S, _I), _S, _char_at)),
    function(
        "indexOf",
        member("string_index_of_string", (_S, _S), _I, _index_of),
        member("string_index_of_string_int", (_S, _S, _I), _I, _index_of),
    ),
    function(
        "lastIndexOf",
        member("string_last_index_of_string", (_S, _S), _I, _last_index_of),
        member("string_last_index_of_string_int", (_S, _S, _I), _I, _last_index_of_from),
    ),
    function("lowerAscii", member("string_lower_ascii", (_S,), _S, lambda text: text.translate(_LOWER))),
    function("upperAscii", member("string_upper_ascii", (_S,), _S, lambda text: text.translate(_UPPER))),
    function(
        "replace",
        member("string_replace_string_string", (_S, _S, _S), _S, _replace),
        member("string_replace_string_string_int", (_S, _S, _S, _I), _S, _replace),
    ),
    function(
        "split",
        member("string_split_string", (_S, _S), list_of(_S), _split),
        member("string_split_string_int", (_S, _S, _I), list_of(_S), _split),
    ),
    function(
        "substring",
        member("string_substring_int", (_S, _I), _S, _substring),
        member("string_substring_int_int", (_S, _I, _I), _S, _substring_between),
    ),
    function("trim", member("string_trim", (_S,), _S, lambda text: text.strip(_SPACE))),
    function("format", member("string_format", (_S, list_of(types.DYN)), _S, format_string)),
    function("strings.quote", plain("strings_quote", (_S,), _S, _quote)),
    function(
        "join",
        member("list_join", (list_of(_S),), _S, _join),
        member("list_join_string", (list_of(_S), _S), _S, _join),
    ),
    function("find", member("string_find_string", (_S, _S), _S, _find)),
    function(
        "findAll",
        member("string_find_all_string", (_S, _S), list_of(_S), _find_all),
        member("string_find_all_string_int", (_S, _S, _I), list_of(_S), _find_all),
    ),
)
