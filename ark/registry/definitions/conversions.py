"""
What C{spec.conversion} may say.

Follows C{validateCustomResourceConversion} in C{k8s.io/apiextensions-apiserver/pkg/apis/
apiextensions/validation/validation.go} and C{k8s.io/apiserver/pkg/util/webhook/validation.go}.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from ark.meta.fielderrors import forbidden, invalid, not_supported, required
from ark.meta.names import dns1035_label, dns1123_subdomain
from ark.meta.status import Cause

REVIEW_VERSIONS = ("v1", "v1beta1")
_FORM = "; desired format: https://host[/path]"
_PORTS = range(1, 65536)

Conversion = Mapping[str, Any]


def conversion_causes(
    conversion: Conversion, path: str, recognized: bool, any_bundle: bool
) -> Iterator[Cause]:
    """
    Every fault of a conversion in the form of version 1.

    @param recognized: whether one of the review versions has to be known here.
    @param any_bundle: whether the authorities may be no certificates.
    """
    strategy, webhook = conversion["strategy"], conversion.get("webhook")
    versions = webhook["conversionReviewVersions"] if webhook is not None else None
    client = webhook.get("clientConfig") if webhook is not None else None
    if not strategy:
        yield required(f"{path}.strategy")
    elif strategy not in ("None", "Webhook"):
        yield not_supported(f"{path}.strategy", strategy, ("None", "Webhook"))
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if client is not None:
            yield forbidden(f"{path}.webhookClientConfig", detail)
        if versions:
            yield forbidden(f"{path}.conversionReviewVersions", detail)
        return
    where = f"{path}.webhookClientConfig"
    if client is None:
        yield required(where, "required when strategy is set to Webhook")
    else:
        yield from _client_causes(client, where, any_bundle)
    yield from _version_causes(versions or [], f"{path}.conversionReviewVersions", recognized)


def knows_a_review(conversion: Conversion | None) -> bool:
    """
    Whether a review version is known here, or none is named.
    """
    webhook = (conversion or {}).get("webhook") or {}
    versions = webhook.get("conversionReviewVersions")
    return not versions or any(version in REVIEW_VERSIONS for version in versions)


def bundle_of(conversion: Conversion | None) -> str:
    """
    The authorities in base64; empty when there are none.
    """
    webhook = (conversion or {}).get("webhook") or {}
    return (webhook.get("clientConfig") or {}).get("caBundle") or ""


def is_bundle(text: str) -> bool:
    """
    Whether a text in base64 holds certificates, or nothing.
    """
    try:
        data = base64.b64decode(text)
        return not data or bool(x509.load_pem_x509_certificates(data))
    except ValueError:
        return False


def _client_causes(client: Mapping[str, Any], path: str, any_bundle: bool) -> Iterator[Cause]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url_causes(url, f"{path}.url")
    elif service is not None:
        yield from _service_causes(service, f"{path}.service")
    if client.get("caBundle") and not any_bundle and not is_bundle(client["caBundle"]):
        detail = "unable to load root certificates: unable to parse bytes as PEM block"
        yield invalid(f"{path}.caBundle", client["caBundle"], detail)


def _url_causes(url: str, path: str) -> Iterator[Cause]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        yield required(path, f"url must be a valid URL: parse {url}: {error}{_FORM}")
        return
    if parts.scheme != "https":
        yield invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    user, at, host = parts.netloc.rpartition("@")
    if not host:
        yield invalid(path, "", f"host must be specified{_FORM}")
    if at:
        yield invalid(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid(path, parts.query, "query parameters are not permitted in the URL")


def _service_causes(service: Mapping[str, Any], path: str) -> Iterator[Cause]:
    # Kubernetes mistakes the two for each other.
    for member, value in (("name", service["namespace"]), ("namespace", service["name"])):
        if not value:
            yield required(f"{path}.{member}")
    if service["port"] not in _PORTS:
        detail = "port is not valid: must be between 1 and 65535, inclusive"
        yield invalid(f"{path}.port", service["port"], detail)
    yield from _path_causes(service.get("path") or "", f"{path}.path")


def _path_causes(text: str, path: str) -> Iterator[Cause]:
    if text in ("", "/"):
        return
    if text == "//":
        yield invalid(path, text, "segment[0] may not be empty")
        return
    if not text.startswith("/"):
        yield invalid(path, text, "must start with a '/'")
    for index, segment in enumerate(text[1:].removesuffix("/").split("/")):
        if not segment:
            yield invalid(path, text, f"segment[{index}] may not be empty")
            continue
        for problem in dns1123_subdomain(segment):
            yield invalid(path, text, f"segment[{index}]: {problem}")


def _version_causes(versions: list[str], path: str, recognized: bool) -> Iterator[Cause]:
    if not versions:
        yield required(path)
        return
    seen: set[str] = set()
    for index, version in enumerate(versions):
        if version in seen:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
            continue
        seen.add(version)
        for problem in dns1035_label(version):
            yield invalid(f"{path}[{index}]", version, problem)
    if recognized and not seen.intersection(REVIEW_VERSIONS):
        yield invalid(path, versions, f"must include at least one of {', '.join(REVIEW_VERSIONS)}")
