"""
Which groups, versions and resources there are.

Contract 3; follows C{k8s.io/apiserver/pkg/endpoints/discovery}.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry

_SUBRESOURCE_VERBS = ("get", "patch", "update")


def storage_version_hash(kind: Kind) -> str:
    """
    Stands for the version that a resource is kept in, and is the same on every server.
    """
    version = kind.kept_as or f"{kind.group}/{kind.storage_version}"
    name = f"{version if '/' in version else f'/{version}'}/{kind.kind}"
    return base64.b64encode(hashlib.sha256(name.encode()).digest()[:8]).decode()


def api_versions(registry: KindRegistry, address: str = "") -> dict[str, Any]:
    """
    The answer of C{/api}.
    """
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {
        "kind": "APIVersions",
        "versions": registry.preferred_versions(""),
        "serverAddressByClientCIDRs": addresses,
    }


def _group(registry: KindRegistry, group: str) -> dict[str, Any]:
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version}
        for version in registry.preferred_versions(group)
    ]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def api_group(registry: KindRegistry, group: str) -> dict[str, Any]:
    """
    The answer of C{/apis/G}.
    """
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(registry, group)}


def api_group_list(registry: KindRegistry) -> dict[str, Any]:
    """
    The answer of C{/apis}.
    """
    groups = [_group(registry, group) for group in registry.groups() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_resource_list(registry: KindRegistry, group: str, version: str) -> dict[str, Any]:
    """
    The answer of C{/apis/G/V} and C{/api/V}.
    """
    resources = [entry for kind in registry.of_version(group, version) for entry in _resources(kind)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def _resources(kind: Kind) -> list[dict[str, Any]]:
    main: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        **_names(kind),
    }
    if kind.is_kept:
        main["storageVersionHash"] = storage_version_hash(kind)
    return [main, *(_subresource(kind, name) for name in kind.subresources)]


def _names(kind: Kind) -> dict[str, Any]:
    names = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {member: values for member, values in names.items() if values}


def _verbs_of(subresource: str) -> list[str]:
    return ["update"] if subresource == "finalize" else list(_SUBRESOURCE_VERBS)


def _subresource(kind: Kind, name: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": _verbs_of(name),
    }
    if name == "scale":
        shown.update(group="autoscaling", version="v1", kind="Scale")
    return shown


def aggregated(registry: KindRegistry, core: bool) -> dict[str, Any]:
    """
    Everything of C{/api}, or of C{/apis}, in one document (contract 3.3).
    """
    groups = sorted(group for group in registry.groups() if core is not bool(group))
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": version,
                        "resources": list(map(_discovered, registry.of_version(group, version))),
                        "freshness": "Current",
                    }
                    for version in registry.preferred_versions(group)
                ],
            }
            for group in groups
        ],
    }


def _discovered(kind: Kind) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        **_names(kind),
    }
    if kind.subresources:
        shown["subresources"] = [_discovered_subresource(kind, name) for name in kind.subresources]
    return shown


def _discovered_subresource(kind: Kind, name: str) -> dict[str, Any]:
    response = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    if name == "scale":
        response = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    return {"subresource": name, "responseKind": response, "verbs": _verbs_of(name)}
