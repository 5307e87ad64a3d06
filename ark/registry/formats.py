"""
The string formats that a schema can ask for.

Follows C{k8s.io/kube-openapi/pkg/validation/strfmt} and the list in
C{k8s.io/apiextensions-apiserver/pkg/apiserver/validation/formats.go}; contract 19.1.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable

from ark.apis.structural import compile_pattern
from ark.meta.time import parse_go_duration

Check = Callable[[str], bool]


def _matches(pattern: str, flags: int = 0) -> Check:
    full = re.compile(pattern, flags | re.ASCII).fullmatch
    return lambda text: full(text) is not None


_is_plain_date = _matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_CANONICAL = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    re.ASCII,
).fullmatch


def is_date(text: str) -> bool:
    """
    Whether C{text} is a day of the calendar, C{2006-01-02}.
    """
    if not _is_plain_date(text):
        return False
    # Go counts from the year 0, a leap year; Python from 1.
    try:
        datetime.date.fromisoformat(text if text[:4] != "0000" else f"0004{text[4:]}")
    except ValueError:
        return False
    return True


def is_date_time(text: str) -> bool:
    """
    Whether C{text} is a time of RFC 3339, fractions and any offset allowed.
    """
    if _CANONICAL(text):
        return True
    parts = text.lower().split("t")
    if len(text) < 4 or len(parts) < 2 or not is_date(parts[0]):
        return False
    match = _TIME.fullmatch(parts[1])
    return match is not None and match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


_DURATIONS = re.compile(r"([0-9]+)\s*([A-Za-z\u00b5]+)", re.ASCII)
_EXACT_UNITS = frozenset(["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"])
_UNIT_STARTS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")


def _is_unit(text: str) -> bool:
    return text in _EXACT_UNITS or text.startswith(_UNIT_STARTS)


def _is_duration(text: str) -> bool:
    try:
        parse_go_duration(text)
    except ValueError:
        parts = _DURATIONS.findall(text)
        return any(_is_unit(unit.lower()) for _, unit in parts) and all(len(count) < 19 for count, _ in parts)
    return True


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])", re.ASCII)


def _without_zeros(text: str) -> str:
    return text if ":" in text else _LEADING_ZEROS.sub("", text)


def _is_ipv4(text: str) -> bool:
    return "." in text and _address(_without_zeros(text)) is not None


def _is_ipv6(text: str) -> bool:
    return ":" in text and _address(text) is not None


_is_prefix_length = _matches(r"[0-9]{1,3}")


def _is_cidr(text: str) -> bool:
    host, slash, bits = text.partition("/")
    address = _address(_without_zeros(host))
    return (
        bool(slash) and address is not None and _is_prefix_length(bits) and int(bits) <= address.max_prefixlen
    )


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_AUTHORITY = re.compile(
    r"(?:[A-Za-z0-9._:~!$&'()*+,;=%@-]*@)?"
    r"(?:\[([0-9A-Fa-f:.]+)(?:%25[^\]]+)?\]|[^\s\[\]:/?#@\\^`{|}%]*)(?::[0-9]*)?",
    re.ASCII,
)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _is_uri(text: str) -> bool:
    """
    What Go's C{url.ParseRequestURI} takes: an absolute path or a URI with a scheme.
    """
    if not text or any(character < " " or character == "\x7f" for character in text):
        return False
    if text == "*":
        return True
    scheme = _SCHEME.match(text)
    if scheme is None and (text.startswith(":") or ":" in text.partition("/")[0]):
        return False
    rest = text[scheme.end() :] if scheme else text
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        return scheme is not None
    if rest.startswith("//") and scheme is not None:
        authority, slash, path = rest[2:].partition("/")
        match = _AUTHORITY.fullmatch(authority)
        if match is None or (match[1] and not _is_ipv6(match[1])):
            return False
        rest = slash + path
    return not _BROKEN_ESCAPE.search(rest)


# Left to RE2, which takes linear time, since words and phrases overlap.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x{80}-\x{10FFFF}-]+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0A-\x1F\x7F]|\\[^\x00-\x08\x0A-\x1F\x7F])*"'
_LOCAL = rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})"
_ADDRESS = rf"{_LOCAL}@(?:{_ATOM}(?:\.{_ATOM})*|\[([0-9A-Fa-f:.]+)\])"
_PHRASE = rf"(?:(?:{_ATOM}|\.|{_QUOTED})[ \t]*)*"
_EMAIL = compile_pattern(rf"^[ \t]*(?:{_ADDRESS}|{_PHRASE}<{_ADDRESS}>)[ \t]*(?:\([^()\\]*\)[ \t]*)?$")


def _is_email(text: str) -> bool:
    match = _EMAIL.search(text)
    return match is not None and all(_address(literal) for literal in match.groups() if literal)


_HOSTNAME = compile_pattern(
    r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)"
    r"|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$"
)


def _is_hostname(text: str) -> bool:
    if _HOSTNAME.search(text) is None or len(text.encode()) > 255:
        return False
    return all(len(label.encode()) <= 63 for label in text.split("."))


_BLANKS = re.compile(r"[\t\n\f\r -]+")


def _is_isbn10(text: str) -> bool:
    digits = _BLANKS.sub("", text)
    if not re.fullmatch(r"[0-9]{9}[0-9X]", digits, re.ASCII):
        return False
    values = [10 if digit == "X" else int(digit) for digit in digits]
    return sum(weight * value for weight, value in enumerate(values, 1)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = _BLANKS.sub("", text)
    if not re.fullmatch(r"[0-9]{13}", digits, re.ASCII):
        return False
    return sum((3 if index % 2 else 1) * int(digit) for index, digit in enumerate(digits)) % 10 == 0


_is_card_number = _matches(
    r"4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11}"
)


def _is_credit_card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if not _is_card_number(digits):
        return False
    doubled = [int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _uuid(third: str = "[0-9a-f]", fourth: str = "[0-9a-f]") -> Check:
    digit = "[0-9a-f]"
    return _matches(
        rf"{digit}{{8}}-?{digit}{{4}}-?{third}{digit}{{3}}-?{fourth}{digit}{{3}}-?{digit}{{12}}",
        re.IGNORECASE,
    )


_COLOR = r"\s*(?:0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])\s*"
_SHORT_NAME = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_is_short_name = _matches(_SHORT_NAME)
_is_long_name = _matches(rf"{_SHORT_NAME}(?:\.{_SHORT_NAME})*")

_OCTETS = r"[0-9a-fA-F]{2}"
_PAIRS = r"[0-9a-fA-F]{4}"
# Since Go 1.26 the digits may stand without signs between them.
_MAC = "|".join(
    [rf"(?:{_OCTETS}){{{count}}}" for count in (6, 8, 20)]
    + [rf"{_OCTETS}(?:{sign}{_OCTETS}){{{count}}}" for sign in ":-" for count in (5, 7, 19)]
    + [rf"{_PAIRS}(?:\.{_PAIRS}){{{count}}}" for count in (2, 3, 9)]
)

_is_base64 = _matches(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")

BYTES = "x-ark-bytes"
"""
The format of bytes in built-in kinds: base64, or nothing.
"""


def shown_format(name: str) -> str:
    """
    A format by the name that schemas have for it.
    """
    return "byte" if name == BYTES else name


_CHECKS: dict[str, Check] = {
    "bsonobjectid": _matches(r"[0-9a-fA-F]{24}"),
    "uri": _is_uri,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _is_cidr,
    "mac": _matches(_MAC),
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "creditcard": _is_credit_card,
    "ssn": _matches(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}"),
    "hexcolor": _matches(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matches(rf"rgb\({_COLOR},{_COLOR},{_COLOR}\)"),
    "byte": _is_base64,
    "xarkbytes": lambda text: not text or _is_base64(text),
    "password": lambda text: True,
    "date": is_date,
    "duration": _is_duration,
    "datetime": is_date_time,
    "k8sshortname": lambda text: len(text) <= 63 and _is_short_name(text),
    "k8slongname": lambda text: len(text) <= 253 and _is_long_name(text),
}
_NUMERIC = {"integer": ("int32", "int64"), "number": ("float", "double")}


def effective_format(format_name: str, type_name: str) -> str:
    """
    The format that counts for values of C{type_name}; empty when it is not checked.
    """
    if type_name in ("", "string"):
        return format_name if format_check(format_name) else ""
    return format_name if format_name in _NUMERIC.get(type_name, ()) else ""


def format_check(format_name: str) -> Check | None:
    """
    The check of a text format, L{None} when there is none.  Hyphens do not count.
    """
    return _CHECKS.get(format_name.replace("-", ""))
