"""
Addresses and ranges of addresses: which are valid, and which are better written otherwise.

Follows C{k8s.io/apimachinery/pkg/util/validation/ip.go} with the feature C{StrictIPCIDRValidation}.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, Union

from ark.meta.fielderrors import invalid
from ark.meta.gotext import quote
from ark.meta.status import Cause

_Address = Union[IPv4Address, IPv6Address]
_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NO_RANGE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_needless_zeros = re.compile("(?<![0-9A-Fa-f])0+(?=[0-9A-Fa-f])")


def _strict(text: str) -> _Address | None:
    """
    An address as C{netip.ParseAddr} reads it.
    """
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _sloppy(text: str) -> _Address | None:
    """
    An address that may have needless zeros.
    """
    return _strict(_needless_zeros.sub("", text))


def _is_mapped(address: _Address) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def _plain(address: _Address) -> str:
    """
    An address as Go's C{net.IP} shows it.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


class _Range(NamedTuple):
    """
    A range of addresses.

    @ivar address: that stands before the slash.
    @ivar bits: the length of the prefix.
    """

    address: _Address
    bits: int

    @property
    def first(self) -> _Address:
        """
        The first address of the range.
        """
        beyond = self.address.max_prefixlen - self.bits
        return type(self.address)(int(self.address) >> beyond << beyond)

    def shown(self) -> str:
        """
        As Go's C{net.IPNet} shows it.
        """
        bits = self.bits - 96 if _is_mapped(self.address) and self.bits >= 96 else self.bits
        return f"{_plain(self.first)}/{bits}"


def _range(text: str) -> _Range | None:
    """
    A range that may have needless zeros, and bits beyond its prefix.
    """
    before, _, bits = text.partition("/")
    address = _sloppy(before)
    if address is None or not (bits.isascii() and bits.isdigit()) or int(bits) > address.max_prefixlen:
        return None
    return _Range(address, int(bits))


def _has_zeros(text: str) -> bool:
    before, _, bits = text.partition("/")
    return _strict(before) is None or (bits.startswith("0") and bits != "0")


def address_causes(path: str, text: str, kept: Collection[str] = ()) -> list[Cause]:
    """
    Why an address is none (C{IsValidIPForLegacyField}).

    @param kept: those that the object had before, which it may keep whatever they look like.
    """
    if text in kept:
        return []
    address = _sloppy(text)
    if address is None:
        return [invalid(path, text, _NO_ADDRESS)]
    if _strict(text) is None:
        return [invalid(path, text, "must not have leading 0s")]
    return [invalid(path, text, "must not be an IPv4-mapped IPv6 address")] if _is_mapped(address) else []


def range_causes(path: str, text: str, kept: Collection[str] = ()) -> list[Cause]:
    """
    Why a range is none (C{IsValidCIDRForLegacyField}).
    """
    if text in kept:
        return []
    found = _range(text)
    if found is None:
        return [invalid(path, text, _NO_RANGE)]
    if _has_zeros(text):
        return [invalid(path, text, "must not have leading 0s in IP or prefix length")]
    if _is_mapped(found.address):
        return [invalid(path, text, "must not have an IPv4-mapped IPv6 address")]
    if found.address != found.first:
        return [invalid(path, text, "must not have bits set beyond the prefix length")]
    return []


def special_causes(path: str, text: str) -> Iterator[Cause]:
    """
    Why an address is nobody's (C{ValidateEndpointIP}).
    """
    address = _sloppy(text)
    if address is None:
        yield invalid(path, text, "must be a valid IP address")
        return
    address = ip_address(_plain(address))
    if address.is_unspecified:
        yield invalid(path, text, f"may not be unspecified ({text})")
    if address.is_loopback:
        yield invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if address.is_link_local:
        yield invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    number = int(address)
    if number >> 8 == 0xE00000 if address.version == 4 else number >> 112 & 0xFF0F == 0xFF02:
        yield invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def address_warnings(path: str, text: str) -> list[str]:
    """
    How an address is better written (C{GetWarningsForIP}).
    """
    address = _sloppy(text)
    if address is None:
        return []
    if _strict(text) is None or _is_mapped(address):
        return [f"{path}: non-standard IP address {quote(text)} is invalid: use {quote(_plain(address))}"]
    if str(address) != text:
        canonical = quote(str(address))
        return [f"{path}: IPv6 address {quote(text)} should be in RFC 5952 canonical format ({canonical})"]
    return []


def range_warnings(path: str, text: str) -> list[str]:
    """
    How a range is better written (C{GetWarningsForCIDR}).
    """
    found = _range(text)
    if found is None:
        return []
    told = []
    if found.address != found.first:
        single = f"{_plain(found.address)}/{found.address.max_prefixlen}"
        meant = f"{quote(found.shown())} or {quote(single)}"
        told.append(f"{path}: CIDR value {quote(text)} is ambiguous in this context (should be {meant}?)")
    if _has_zeros(text) or _is_mapped(found.address):
        told.append(f"{path}: non-standard CIDR value {quote(text)} is invalid: use {quote(found.shown())}")
    if not told and found.shown() != text:
        canonical = quote(found.shown())
        told.append(
            f"{path}: IPv6 CIDR value {quote(text)} should be in RFC 5952 canonical format ({canonical})"
        )
    return told
