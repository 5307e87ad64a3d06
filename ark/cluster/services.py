"""
Where services are.

Follows C{ResolveCluster} in C{k8s.io/apiserver/pkg/util/proxy/proxy.go}: a service leads to its
cluster address, or to the name that it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote as quoted

from ark.cluster.errors import Unreachable
from ark.cluster.webhook import Address, NoAddress
from ark.interfaces import ICluster
from ark.meta.gotext import quote
from ark.meta.status import APIStatus


class ClusterServices:
    """
    Asks a cluster for its services, for a server that does not share the cluster's names.
    """

    def __init__(self, cluster: ICluster) -> None:
        self._cluster = cluster

    async def address(self, namespace: str, name: str, port: int) -> Address:
        """
        The address of a port.

        @raise NoAddress: the service is not there, has no such port or no address, or the
            cluster does not tell.
        """
        path = f"/api/v1/namespaces/{quoted(namespace, safe='')}/services/{quoted(name, safe='')}"
        try:
            service = await self._cluster.request("GET", path)
        except APIStatus as status:
            raise NoAddress(no_service(name) if status.code == 404 else status.message) from status
        except Unreachable as error:
            raise NoAddress(str(error)) from error
        return address_of(service.get("spec") or {}, name, port)


def no_service(name: str) -> str:
    """
    How it is told that a service is not there.
    """
    return f"service {quote(name)} not found"


def address_of(spec: Mapping[str, Any], name: str, port: int) -> Address:
    """
    The address of a port of a service.

    @param spec: the service's.
    @raise NoAddress: it has no such port, or no address.
    """
    kind = spec.get("type") or "ClusterIP"
    if kind == "ExternalName":
        return Address(spec["externalName"], port)
    host = spec.get("clusterIP") or ""
    if host in ("", "None"):
        raise NoAddress(f"cannot route to service with ClusterIP {quote(host)}")
    if not any(known.get("port") == port for known in spec.get("ports") or ()):
        raise NoAddress(f"no service port {port} found for service {quote(name)}")
    return Address(host, port)
