"""
IP addresses and blocks of them.

Follows C{k8s.io/apiserver/pkg/cel/library/ip.go} and C{cidr.go}, and Go's C{net/netip}.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ark.cel import types
from ark.cel.addresses import Address, parse_address
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.functions import Function, function, member, plain
from ark.cel.values import Opaque
from ark.meta.gotext import quote


class IP(Opaque):
    """
    An address.
    """

    __slots__ = ("address",)
    type = types.IP

    def __init__(self, address: Address) -> None:
        self.address = address

    def same(self, other: IP) -> bool:
        return self.address == other.address

    def __len__(self) -> int:
        return self.address.max_prefixlen // 8

    def __str__(self) -> str:
        return str(self.address)


class CIDR(Opaque):
    """
    A block of addresses, written with an address of it.
    """

    __slots__ = ("address", "bits")
    type = types.CIDR

    def __init__(self, address: Address, bits: int) -> None:
        self.address = address
        self.bits = bits

    def same(self, other: CIDR) -> bool:
        return self.address == other.address and self.bits == other.bits

    def __len__(self) -> int:
        return (self.bits + 7) // 8

    def __str__(self) -> str:
        return f"{self.address}/{self.bits}"

    def cut(self, address: Address, bits: int) -> int:
        """
        The first bits of an address.
        """
        return int(address) >> (address.max_prefixlen - bits)

    def has(self, address: Address, bits: int | None = None) -> bool:
        """
        Whether an address is in here, or a block of that many bits.
        """
        if address.version != self.address.version or (bits is not None and bits < self.bits):
            return False
        return self.cut(address, self.bits) == self.cut(self.address, self.bits)


def _read_ip(text: str) -> Address:
    try:
        address, zone = parse_address(text)
    except ValueError as error:
        head = f"IP Address {quote(text)} parse error during conversion from string"
        raise EvaluationError(f"{head}: {error}") from None
    if zone:
        raise EvaluationError(f"IP address {quote(text)} with zone value is not allowed")
    _refuse_mapped(address, text)
    return address


def _refuse_mapped(address: Address, text: str) -> None:
    if address.version == 6 and int(address) >> 32 == 0xFFFF:
        raise EvaluationError(f"IPv4-mapped IPv6 address {quote(text)} is not allowed")


def _read_cidr(text: str) -> CIDR:
    head = "network address parse error during conversion from string: "
    try:
        address, bits = _prefix(text)
    except ValueError as error:
        raise EvaluationError(f"{head}netip.ParsePrefix({quote(text)}): {error}") from None
    _refuse_mapped(address, text)
    return CIDR(address, bits)


def _prefix(text: str) -> tuple[Address, int]:
    head, slash, tail = text.rpartition("/")
    if not slash:
        raise ValueError("no '/'")
    address, zone = parse_address(head)
    if zone:
        raise ValueError("IPv6 zones cannot be present in a prefix")
    if not (tail.isascii() and tail.isdigit()) or (len(tail) > 1 and tail[0] == "0"):
        raise ValueError(f"bad bits after slash: {quote(tail)}")
    if int(tail) > address.max_prefixlen:
        raise ValueError("prefix length out of range")
    return address, int(tail)


def _cidr(text: str) -> CIDR:
    try:
        return _read_cidr(text)
    except EvaluationError as error:
        raise EvaluationError(f"network address parse error during conversion from string: {error}") from None


def _is(read: Any) -> Any:
    def run(text: str) -> bool:
        try:
            read(text)
        except EvaluationError:
            return False
        return True

    return run


def _canonical(text: str) -> bool:
    return str(_read_ip(text)) == text


def _masked(block: CIDR) -> CIDR:
    network = ipaddress.ip_network(f"{block.address}/{block.bits}", strict=False)
    return CIDR(network.network_address, block.bits)


def _contains_text(block: CIDR, text: str) -> bool:
    try:
        address = _read_ip(text)
    except EvaluationError:
        raise no_overload() from None
    return block.has(address)


def _is_loopback(ip: IP) -> bool:
    return int(ip.address) == 1 if ip.address.version == 6 else int(ip.address) >> 24 == 127


def _is_link_local_multicast(ip: IP) -> bool:
    value = int(ip.address)
    return (
        value >> 112 & 0xFF0F == 0xFF02 and value >> 120 == 0xFF
        if ip.address.version == 6
        else value >> 8 == 0xE00000
    )


def _is_link_local_unicast(ip: IP) -> bool:
    value = int(ip.address)
    return value >> 118 == 0x3FA if ip.address.version == 6 else value >> 16 == 0xA9FE


def _is_multicast(ip: IP) -> bool:
    value = int(ip.address)
    return value >> 120 == 0xFF if ip.address.version == 6 else value >> 28 == 0xE


def _is_global_unicast(ip: IP) -> bool:
    if ip.address.version == 4 and int(ip.address) in (0, 0xFFFFFFFF):
        return False
    others = (_is_loopback, _is_multicast, _is_link_local_unicast)
    return int(ip.address) != 0 and not any(other(ip) for other in others)


_S, _I, _B = types.STRING, types.INT, types.BOOL

FUNCTIONS: tuple[Function, ...] = (
    function(
        "ip",
        plain("string_to_ip", (_S,), types.IP, lambda text: IP(_read_ip(text))),
        member("cidr_ip", (types.CIDR,), types.IP, lambda block: IP(block.address)),
    ),
    function("family", member("ip_family", (types.IP,), _I, lambda ip: ip.address.version)),
    function("ip.isCanonical", plain("ip_is_canonical", (_S,), _B, _canonical)),
    function("isUnspecified", member("ip_is_unspecified", (types.IP,), _B, lambda ip: int(ip.address) == 0)),
    function("isLoopback", member("ip_is_loopback", (types.IP,), _B, _is_loopback)),
    function(
        "isLinkLocalMulticast",
        member("ip_is_link_local_multicast", (types.IP,), _B, _is_link_local_multicast),
    ),
    function(
        "isLinkLocalUnicast", member("ip_is_link_local_unicast", (types.IP,), _B, _is_link_local_unicast)
    ),
    function("isGlobalUnicast", member("ip_is_global_unicast", (types.IP,), _B, _is_global_unicast)),
    function("isIP", plain("is_ip", (_S,), _B, _is(_read_ip))),
    function(
        "string", plain("ip_to_string", (types.IP,), _S, str), plain("cidr_to_string", (types.CIDR,), _S, str)
    ),
    function("cidr", plain("string_to_cidr", (_S,), types.CIDR, _cidr)),
    function(
        "containsIP",
        member("cidr_contains_ip_string", (types.CIDR, _S), _B, _contains_text),
        member("cidr_contains_ip_ip", (types.CIDR, types.IP), _B, lambda block, ip: block.has(ip.address)),
    ),
    function(
        "containsCIDR",
        member(
            "cidr_contains_cidr_string",
            (types.CIDR, _S),
            _B,
            lambda block, text: (lambda other: block.has(other.address, other.bits))(_cidr(text)),
        ),
        member(
            "cidr_contains_cidr",
            (types.CIDR, types.CIDR),
            _B,
            lambda block, other: block.has(other.address, other.bits),
        ),
    ),
    function("prefixLength", member("cidr_prefix_length", (types.CIDR,), _I, lambda block: block.bits)),
    function("masked", member("cidr_masked", (types.CIDR,), types.CIDR, _masked)),
    function("isCIDR", plain("is_cidr", (_S,), _B, _is(_read_cidr))),
)
