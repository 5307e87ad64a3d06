"""
URLs, and the formats that Kubernetes names.

Follows C{k8s.io/apiserver/pkg/cel/library/urls.go} and C{format.go}.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import partial

from ark.cel import types
from ark.cel.errors import EvaluationError
from ark.cel.functions import Function, function, member, plain
from ark.cel.times import read_date
from ark.cel.types import list_of, map_of, optional_of
from ark.cel.urls import Parts, parse_request_uri, parse_url
from ark.cel.values import NONE, MapValue, Opaque, Optional
from ark.meta import names

_UUID = re.compile(
    r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\Z", re.ASCII
)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})\Z", re.ASCII)
_DATE_PATTERN_SIZE = 71


class URL(Opaque):
    """
    A URL.
    """

    __slots__ = ("parts",)
    type = types.URL

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def same(self, other: URL) -> bool:
        return str(self.parts) == str(other.parts)

    def __str__(self) -> str:
        return str(self.parts)


def _url(text: str) -> URL:
    try:
        parse_request_uri(text)
        return URL(parse_url(text))
    except ValueError as error:
        raise EvaluationError(f"URL parse error during conversion from string: {error}") from None


def _is_url(text: str) -> bool:
    try:
        parse_request_uri(text)
    except ValueError:
        return False
    return True


class Format(Opaque):
    """
    A named format: what it finds wrong with a text, and what checking it costs.
    """

    __slots__ = ("check", "cost", "name")
    type = types.FORMAT

    def __init__(self, name: str, cost: int, check: Callable[[str], list[str]]) -> None:
        self.name = name
        self.cost = cost
        self.check = check

    def same(self, other: Format) -> bool:
        return self.name == other.name


def _uri_faults(text: str) -> list[str]:
    try:
        parse_request_uri(text)
    except ValueError as error:
        return [str(error)]
    return []


def _told(test: Callable[[str], bool], message: str) -> Callable[[str], list[str]]:
    return lambda text: [] if test(text) else [message]


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", "").encode(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_date_time(text: str) -> bool:
    day, letter, time = text.lower().partition("t")
    found = _TIME.match(time.partition("t")[0])
    if not letter or read_date(day) is None or found is None:
        return False
    return found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


FORMATS: dict[str, Format] = {
    "dns1123Label": Format("DNS1123Label", 30, names.name_is_dns_label),
    "dns1123Subdomain": Format("DNS1123Subdomain", 60, names.name_is_dns_subdomain),
    "dns1035Label": Format("DNS1035Label", 30, names.name_is_dns1035_label),
    "qualifiedName": Format("QualifiedName", 60, names.qualified_name),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", 30, partial(names.name_is_dns_label, prefix=True)),
    "dns1123SubdomainPrefix": Format(
        "DNS1123SubdomainPrefix", 60, partial(names.name_is_dns_subdomain, prefix=True)
    ),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", 30, partial(names.name_is_dns1035_label, prefix=True)),
    "labelValue": Format("LabelValue", 40, names.label_value),
    "uri": Format("URI", 1103, _uri_faults),
    "uuid": Format(
        "uuid", 70, _told(lambda text: _UUID.match(text) is not None, "does not match the UUID format")
    ),
    "byte": Format("byte", 84, _told(_is_base64, "invalid base64")),
    "date": Format(
        "date", _DATE_PATTERN_SIZE, _told(lambda text: read_date(text) is not None, "invalid date")
    ),
    "datetime": Format("datetime", _DATE_PATTERN_SIZE, _told(_is_date_time, "invalid datetime")),
}


def _validate(named: Format, text: str) -> Optional:
    faults = named.check(text)
    return Optional(True, faults) if faults else NONE


def _same(named: Format) -> Format:
    return named


def _named(name: str) -> Optional:
    found = FORMATS.get(name)
    return NONE if found is None else Optional(True, found)


_S, _B, _U = types.STRING, types.BOOL, types.URL

FUNCTIONS: tuple[Function, ...] = (
    function("url", plain("string_to_url", (_S,), _U, _url)),
    function("isURL", plain("is_url_string", (_S,), _B, _is_url)),
    function("getScheme", member("url_get_scheme", (_U,), _S, lambda url: url.parts.scheme)),
    function("getHost", member("url_get_host", (_U,), _S, lambda url: url.parts.host)),
    function("getHostname", member("url_get_hostname", (_U,), _S, lambda url: url.parts.host_and_port[0])),
    function("getPort", member("url_get_port", (_U,), _S, lambda url: url.parts.host_and_port[1])),
    function("getEscapedPath", member("url_get_escaped_path", (_U,), _S, lambda url: url.parts.escaped_path)),
    function(
        "getQuery",
        member(
            "url_get_query",
            (_U,),
            map_of(_S, list_of(_S)),
            lambda url: MapValue.of(url.parts.parameters.items()),
        ),
    ),
    function(
        "validate",
        member("format-validate", (types.FORMAT, _S), optional_of(list_of(_S)), _validate),
    ),
    function("format.named", plain("format-named", (_S,), optional_of(types.FORMAT), _named)),
    *(
        function(f"format.{name}", plain(f"format.{name}", (), types.FORMAT, partial(_same, named)))
        for name, named in FORMATS.items()
    ),
)
