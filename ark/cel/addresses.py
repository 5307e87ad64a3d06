"""
IP addresses as Go's C{net/netip} reads them.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Union

from ark.meta.gotext import quote

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_GROUP = re.compile(r"[0-9a-fA-F]*", re.ASCII)


def parse_address(text: str) -> tuple[Address, str]:
    """
    An address and its zone.

    @raise ValueError: with what Go's C{netip.ParseAddr} says.
    """
    for letter in text:
        if letter == ".":
            return ipaddress.IPv4Address(bytes(_octets(text, text))), ""
        if letter == ":":
            return _read6(text)
        if letter == "%":
            raise _fault(text, "missing IPv6 address")
    raise _fault(text, "unable to parse IP")


def _fault(text: str, message: str, at: str = "") -> ValueError:
    tail = f" (at {quote(at)})" if at else ""
    return ValueError(f"ParseAddr({quote(text)}): {message}{tail}")


def _octets(whole: str, text: str) -> list[int]:
    octets: list[int] = []
    digits = value = 0
    for index, letter in enumerate(text):
        if letter in "0123456789":
            if digits == 1 and value == 0:
                raise _fault(whole, "IPv4 field has octet with leading zero")
            value = value * 10 + int(letter)
            digits += 1
            if value > 255:
                raise _fault(whole, "IPv4 field has value >255")
        elif letter == ".":
            if index in (0, len(text) - 1) or text[index - 1] == ".":
                raise _fault(whole, "IPv4 field must have at least one digit", text[index:])
            if len(octets) == 3:
                raise _fault(whole, "IPv4 address too long")
            octets.append(value)
            value = digits = 0
        else:
            raise _fault(whole, "unexpected character", text[index:])
    if len(octets) < 3:
        raise _fault(whole, "IPv4 address too short")
    return [*octets, value]


def _read6(whole: str) -> tuple[Address, str]:
    text, percent, zone = whole.partition("%")
    if percent and not zone:
        raise _fault(whole, "zone must be a non-empty string")
    octets: list[int] = []
    gap = -1
    if text.startswith("::"):
        gap, text = 0, text[2:]
        if not text:
            return ipaddress.IPv6Address(0), zone
    while len(octets) < 16:
        text, ended = _field(whole, text, octets, gap)
        if ended or not text:
            break
        if text[0] != ":":
            raise _fault(whole, "unexpected character, want colon", text)
        if len(text) == 1:
            raise _fault(whole, "colon must be followed by more characters", text)
        text = text[1:]
        if text[0] == ":":
            if gap >= 0:
                raise _fault(whole, "multiple :: in address", text)
            gap, text = len(octets), text[1:]
            if not text:
                break
    if text:
        raise _fault(whole, "trailing garbage after address", text)
    return ipaddress.IPv6Address(bytes(_filled(whole, octets, gap))), zone


def _field(whole: str, text: str, octets: list[int], gap: int) -> tuple[str, bool]:
    """
    Read one group of an address; the rest of the text, and whether it ended in four octets.
    """
    found = _GROUP.match(text)
    digits = found.group() if found is not None else ""
    if len(digits) > 4:
        raise _fault(whole, "each group must have 4 or less digits", text)
    if not digits:
        raise _fault(whole, "each colon-separated field must have at least one digit", text)
    if text[len(digits) : len(digits) + 1] == ".":
        if gap < 0 and len(octets) != 12:
            raise _fault(whole, "embedded IPv4 address must replace the final 2 fields of the address", text)
        if len(octets) > 12:
            raise _fault(whole, "too many hex fields to fit an embedded IPv4 at the end of the address", text)
        octets.extend(_octets(whole, text))
        return "", True
    octets.extend(divmod(int(digits, 16), 256))
    return text[len(digits) :], False


def _filled(whole: str, octets: list[int], gap: int) -> list[int]:
    if len(octets) == 16:
        if gap >= 0:
            raise _fault(whole, "the :: must expand to at least one field of zeros")
        return octets
    if gap < 0:
        raise _fault(whole, "address string too short")
    return octets[:gap] + [0] * (16 - len(octets)) + octets[gap:]
