"""
The namespaces of a cluster, as selectors and expressions need to know them.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/namespace}: the cluster is
asked about a namespace that the informer has not heard of yet.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ark.cluster.errors import Unreachable
from ark.interfaces import ICluster, IInformer
from ark.meta.status import internal_error

NAMESPACES = "/api/v1/namespaces"


class FoundNamespaces:
    """
    @param informer: follows L{NAMESPACES}; somebody else starts it.
    """

    def __init__(self, cluster: ICluster, informer: IInformer) -> None:
        self._cluster = cluster
        self._informer = informer

    async def of(self, name: str) -> dict[str, Any]:
        """
        A namespace, not to be changed; made to be a L{ark.admission.selectors.NamespaceLookup}.

        @raise APIStatus: 404, or whatever else the cluster says; 500, it does not answer.
        """
        found = self._informer.get("", name)
        if found is not None:
            return found
        try:
            return await self._cluster.request("GET", f"{NAMESPACES}/{quote(name, safe='')}")
        except Unreachable as error:
            raise internal_error(str(error)) from error
