"""
Where services are.

Follows C{ResolveCluster} in C{k8s.io/apiserver/pkg/util/proxy/proxy.go}: a service leads to its
cluster address, or to the name that it stands for.  A server that stands alone gives no
addresses; those that somebody has written into a service are believed.
"""

from __future__ import annotations

from typing import Any

import orjson

from ark.cluster.webhook import Address, NoAddress
from ark.meta.gotext import quote
from ark.meta.records import Key
from ark.watch.cacher import Cacher


class Services:
    """
    Looks services up.
    """

    def __init__(self, cacher: Cacher) -> None:
        self._cacher = cacher

    async def address(self, namespace: str, name: str, port: int) -> Address:
        """
        The address of a port.

        @raise NoAddress: the service is not there, or has no such port or no address.
        """
        version = await self._cacher.get(Key("services", namespace, name), None)
        if version is None:
            raise NoAddress(f"service {quote(name)} not found")
        return _address(orjson.loads(version.body).get("spec") or {}, name, port)


def _address(spec: dict[str, Any], name: str, port: int) -> Address:
    kind = spec.get("type") or "ClusterIP"
    if kind == "ExternalName":
        return Address(spec["externalName"], port)
    host = spec.get("clusterIP") or ""
    if host in ("", "None"):
        raise NoAddress(f"cannot route to service with ClusterIP {quote(host)}")
    if not any(known.get("port") == port for known in spec.get("ports") or ()):
        raise NoAddress(f"no service port {port} found for service {quote(name)}")
    return Address(host, port)
