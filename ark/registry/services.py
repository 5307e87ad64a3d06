"""
Services.

Follows C{k8s.io/kubernetes/pkg/registry/core/service}, C{.../pkg/apis/core/validation} and
C{.../pkg/api/service/warnings.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ark.meta.fielderrors import forbidden, invalid, required
from ark.meta.names import dns1123_subdomain
from ark.meta.status import Cause
from ark.registry.addresses import (
    address_causes,
    address_warnings,
    range_causes,
    range_warnings,
    special_causes,
)
from ark.registry.codec import Object
from ark.registry.coredata import finalizer_causes
from ark.registry.strategy import Strategy

_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_RANGES_OF = "spec.LoadBalancerSourceRanges"
_BALANCED_ONLY = "may only be used when `type` is 'LoadBalancer'"


class ServiceStrategy(Strategy):
    """
    A service that no network backs: it keeps addresses that it was given and gets none.
    """

    returns_deleted = True
    blank = {"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}

    def default(self, obj: Object) -> None:
        """
        A port leads to the same number where nothing else is said (C{SetDefaults_Service} in
        C{pkg/apis/core/v1/defaults.go}).
        """
        for port in (obj.get("spec") or {}).get("ports") or ():
            if not port.get("targetPort"):
                port["targetPort"] = port["port"]

    def prepare_for_create(self, obj: Object) -> None:
        """
        Status starts empty.
        """
        super().prepare_for_create(obj)
        obj["status"] = {"loadBalancer": {}}

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        It has ports, or the name that it stands for, and valid addresses (C{ValidateService} in
        C{pkg/apis/core/validation/validation.go}).
        """
        spec = obj.get("spec") or {}
        causes = _cluster_causes(obj, old)
        if causes and old is None:
            # Where there are addresses to be had, they are seen to before anything else.
            return causes
        if spec.get("type") == "ExternalName":
            causes += _external_name_causes(spec.get("externalName") or "")
        elif not spec.get("ports") and spec.get("clusterIP") != "None":
            causes.append(required("spec.ports"))
        causes = [*finalizer_causes(obj), *causes]
        return [*causes, *_external_causes(obj, old), *_source_causes(obj, old)]

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """
        What will have no effect (C{GetWarningsForService} in C{pkg/api/service/warnings.go}).
        """
        spec = obj.get("spec") or {}
        kind, addresses = spec.get("type") or "ClusterIP", spec.get("externalIPs")
        told: list[str] = []
        is_headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
        if spec.get("clusterIP") not in (None, "", "None"):
            told += _each("spec.clusterIPs", _cluster_addresses(spec), address_warnings)
        if is_headless:
            if spec.get("loadBalancerIP"):
                told.append("spec.loadBalancerIP is ignored for headless services")
            if addresses:
                told.append("spec.externalIPs is ignored for headless services")
            if spec.get("sessionAffinity", "None") != "None":
                told.append("spec.SessionAffinity is ignored for headless services")
        told += _each("spec.externalIPs", addresses or (), address_warnings)
        if addresses and kind != "ExternalName" and not is_headless:
            told.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
        told += address_warnings("spec.loadBalancerIP", spec.get("loadBalancerIP") or "")
        told += _each(
            "spec.loadBalancerSourceRanges", spec.get("loadBalancerSourceRanges") or (), range_warnings
        )
        if kind == "ExternalName" and addresses:
            told.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
        if kind != "ExternalName" and spec.get("externalName"):
            told.append('spec.externalName is ignored when spec.type is not "ExternalName"')
        if spec.get("trafficDistribution") == "PreferClose":
            told.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
        return told


def _external_name_causes(name: str) -> list[Cause]:
    # A dot at the end says that nothing is to be added to it.
    name = name[:-1] if name.endswith(".") else name
    if not name:
        return [required("spec.externalName")]
    return [invalid("spec.externalName", name, problem) for problem in dns1123_subdomain(name)]


def _cluster_addresses(spec: Object) -> Sequence[str]:
    address = spec.get("clusterIP")
    return spec.get("clusterIPs") or ([address] if address else ())


def _cluster_causes(obj: Object, old: Object | None) -> list[Cause]:
    spec, kept = obj.get("spec") or {}, (old or {}).get("spec") or {}
    causes: list[Cause] = []
    if spec.get("type") != "ExternalName":
        known = _cluster_addresses(kept)
        for number, text in enumerate(_cluster_addresses(spec)):
            if number or text != "None":
                causes += address_causes(f"spec.clusterIPs[{number}]", text, known)
    return causes


def _external_causes(obj: Object, old: Object | None) -> list[Cause]:
    spec, kept = obj.get("spec") or {}, (old or {}).get("spec") or {}
    causes: list[Cause] = []
    known = kept.get("externalIPs") or ()
    for number, text in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{number}]"
        causes += address_causes(path, text, known) or special_causes(path, text)
    return causes


def _each(path: str, texts: Sequence[str], warnings: Callable[[str, str], list[str]]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield from warnings(f"{path}[{number}]", text)


def _source_causes(obj: Object, old: Object | None) -> list[Cause]:
    spec, kept = obj.get("spec") or {}, (old or {}).get("spec") or {}
    ranges = spec.get("loadBalancerSourceRanges")
    is_balanced = spec.get("type") == "LoadBalancer"
    if ranges:
        causes = [] if is_balanced else [forbidden(_RANGES_OF, _BALANCED_ONLY)]
        known = [text.strip() for text in kept.get("loadBalancerSourceRanges") or ()]
        for number, text in enumerate(ranges):
            causes += range_causes(f"{_RANGES_OF}[{number}]", text.strip(), known)
        return causes
    annotated = _annotation(obj)
    if annotated is None:
        return []
    path = f"metadata.annotations[{_RANGES}]"
    causes = [] if is_balanced else [forbidden(path, _BALANCED_ONLY)]
    if annotated.strip() and (old is None or _annotation(old) != annotated):
        for text in annotated.split(","):
            causes += range_causes(path, text.strip())
    return causes


def _annotation(obj: Object) -> str | None:
    found: str | None = (obj["metadata"].get("annotations") or {}).get(_RANGES)
    return found
