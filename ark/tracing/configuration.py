"""
The file of C{--tracing-config-file}: a C{TracingConfiguration} as kube-apiserver reads it
(C{k8s.io/component-base/tracing/api/v1}).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ark.meta.serializer import DecodeError, decode_yaml
from ark.tracing.span import Attribute

if TYPE_CHECKING:
    from ark.tracing.exporting import Collector

GROUP = "apiserver.config.k8s.io"
KIND = "TracingConfiguration"
ENDPOINT = "localhost:4317"
MILLION = 1_000_000

_VERSIONS = ("v1", "v1beta1", "v1alpha1")
_SCHEMES = ("dns", "unix", "unix-abstract")
_MEMBERS = frozenset(("apiVersion", "kind", "endpoint", "samplingRatePerMillion"))


class BadTracingConfiguration(ValueError):
    """
    A file is no such configuration; the message says why.
    """


class TracingConfiguration(NamedTuple):
    """
    What is traced, and who is told.

    @ivar endpoint: where the collector is, as gRPC names it.
    @ivar rate: how many in a million requests are traced that nobody else decided on.
    """

    endpoint: str
    rate: int


def read_configuration(data: bytes) -> TracingConfiguration:
    """
    The configuration that a YAML or JSON text holds.

    @raise BadTracingConfiguration: it holds none.
    """
    try:
        value, duplicates = decode_yaml(data)
    except DecodeError as error:
        raise BadTracingConfiguration(f"is no YAML: {error}") from None
    if duplicates:
        raise BadTracingConfiguration(f"says something twice: {duplicates[0]}")
    if not isinstance(value, dict):
        raise BadTracingConfiguration(f"holds no {KIND}")
    given = value.get("apiVersion"), value.get("kind")
    if given not in {(f"{GROUP}/{version}", KIND) for version in _VERSIONS}:
        raise BadTracingConfiguration(f"holds {given[1]} of {given[0]}, not {KIND} of {GROUP}/{_VERSIONS[0]}")
    for name in value:
        if name not in _MEMBERS:
            raise BadTracingConfiguration(f"has {name}, which a {KIND} does not have")
    return TracingConfiguration(_endpoint(value), _rate(value))


def _rate(value: Mapping[str, Any]) -> int:
    rate = value.get("samplingRatePerMillion")
    if rate is None:
        return 0
    if not isinstance(rate, int) or isinstance(rate, bool) or not 0 <= rate <= MILLION:
        raise BadTracingConfiguration(f"has a samplingRatePerMillion that is no number from 0 to {MILLION}")
    return rate


def _endpoint(value: Mapping[str, Any]) -> str:
    endpoint = value.get("endpoint")
    if endpoint is None:
        return ENDPOINT
    if not isinstance(endpoint, str) or not endpoint:
        raise BadTracingConfiguration("has an endpoint that is no text")
    scheme = urlsplit(endpoint).scheme if "//" in endpoint else "dns"
    if scheme not in _SCHEMES:
        raise BadTracingConfiguration(
            f"has an endpoint with the scheme {scheme}; there are none, {', '.join(_SCHEMES)}"
        )
    return endpoint


def connect(configuration: TracingConfiguration, about: Mapping[str, Attribute]) -> Collector:
    """
    The collector of a configuration.  Whether it is there shows only when something is sent.

    @raise ImportError: the packages of the extra C{tracing} are not installed.
    """
    from ark.tracing.otlp import OTLPCollector

    return OTLPCollector(configuration.endpoint, about)
