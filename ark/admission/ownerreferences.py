"""
Whoever makes something the dependent of another object must be allowed to do what that brings.

Follows C{k8s.io/kubernetes/plugin/pkg/admission/gc/gc_admission.go}: who changes the owners of an
object may have it collected, and so has to have the right to delete it; who blocks the deletion
of an owner has to have the right to set its finalizers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote as quoted

from zope.interface import implementer

from ark.admission.attributes import CREATE, UPDATE, Attributes
from ark.admission.refusals import forbidden
from ark.authorization.attributes import Attributes as Asked
from ark.cluster.errors import Unreachable
from ark.interfaces import IAdmissionPlugin, IAuthorizer, ICluster
from ark.meta.gotext import quote
from ark.meta.status import APIStatus

NAME = "OwnerReferencesPermissionEnforcement"
REMEMBERED_SECONDS = 60.0

_NO_DELETE = "cannot set an ownerRef on a resource you can't delete"
_NO_FINALIZE = (
    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on"
)
_NO_MAPPING = "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for"

Reference = dict[str, Any]


class MappedResource(NamedTuple):
    """
    A resource whose objects are of a kind.
    """

    resource: str
    namespaced: bool


class NoMapping(Exception):
    """
    There is no resource of a kind; the message says which.
    """


Mapper = Callable[[str, str], Awaitable[Sequence[MappedResource]]]
"""
Finds the resources of an API version (C{group/version}) and a kind; raises L{NoMapping}.
"""

LocalMapper = Callable[[str, str], "MappedResource | None"]


class ClusterMapper:
    """
    Asks a cluster for the resources of kinds, and remembers them for a minute.

    @param reactor: C{IReactorTime}.
    @param local: knows the kinds that this server itself serves.
    """

    def __init__(self, cluster: ICluster, reactor: Any, local: LocalMapper | None = None) -> None:
        self._cluster = cluster
        self._reactor = reactor
        self._local = local
        self._known: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    async def find(self, api_version: str, kind: str) -> Sequence[MappedResource]:
        """
        The resources of a kind; made to be a L{Mapper}.

        @raise NoMapping: there are none, or the cluster does not tell.
        """
        own = None if self._local is None else self._local(api_version, kind)
        if own is not None:
            return (own,)
        if api_version.count("/") > 1:
            raise NoMapping(f"unexpected GroupVersion string: {api_version}")
        found = [
            MappedResource(each["name"], bool(each.get("namespaced")))
            for each in await self._resources(api_version)
            if each.get("kind") == kind and "/" not in each["name"]
        ]
        if not found:
            raise NoMapping(f"no matches for kind {quote(kind)} in version {quote(api_version)}")
        return found

    async def _resources(self, api_version: str) -> list[dict[str, Any]]:
        until, found = self._known.get(api_version, (0.0, []))
        if until > self._reactor.seconds():
            return found
        try:
            root = "/apis" if "/" in api_version else "/api"
            answer = await self._cluster.request("GET", f"{root}/{quoted(api_version)}")
        except APIStatus as status:
            if status.code != 404:
                raise NoMapping(status.message) from status
            return []
        except Unreachable as error:
            raise NoMapping(str(error)) from error
        found = answer.get("resources") or []
        self._known[api_version] = self._reactor.seconds() + REMEMBERED_SECONDS, found
        return found


@implementer(IAdmissionPlugin)
class OwnerReferences:
    """
    @param find: finds the resources of owners.
    """

    reads_managed_fields = False

    def __init__(self, authorizer: IAuthorizer, find: Mapper) -> None:
        self._authorizer = authorizer
        self._find = find

    def handles(self, operation: str) -> bool:
        """
        Creations and updates.
        """
        return operation in (CREATE, UPDATE)

    async def admit(self, attributes: Attributes) -> None:
        """
        There is nothing to change.
        """

    async def validate(self, attributes: Attributes) -> None:
        """
        Refuse with 403.
        """
        new, old = _owners(attributes.object), _owners(attributes.old_object)
        if new == old:
            return
        if attributes.operation != CREATE:
            await self._may_delete(attributes)
        blocking = _newly_blocking(new, old)
        if not blocking:
            return
        anything = Asked(attributes.user, "update", "", "*", "*", "*", "finalizers", "", "*")
        if await self._refusal(anything) is None:
            return
        for reference in blocking:
            await self._may_block(reference, attributes)

    async def _may_delete(self, attributes: Attributes) -> None:
        group, resource = attributes.resource
        asked = Asked(
            attributes.user,
            "delete",
            "",
            group,
            attributes.version,
            resource,
            attributes.subresource,
            attributes.namespace,
            attributes.name,
        )
        refusal = await self._refusal(asked)
        if refusal is not None:
            raise forbidden(attributes, f"{_NO_DELETE}: {refusal}")

    async def _may_block(self, reference: Reference, attributes: Attributes) -> None:
        api_version, kind = reference.get("apiVersion") or "", reference.get("kind") or ""
        try:
            found = await self._find(api_version, kind)
        except NoMapping as error:
            told = f"APIVersion {api_version} Kind {kind}: {error}"
            raise forbidden(attributes, f"{_NO_MAPPING} {told}") from error
        group, _, version = api_version.rpartition("/")
        for resource, namespaced in found:
            namespace = attributes.namespace if namespaced else ""
            name = reference.get("name") or ""
            user = attributes.user
            asked = Asked(user, "update", "", group, version, resource, "finalizers", namespace, name)
            refusal = await self._refusal(asked)
            if refusal is not None:
                raise forbidden(attributes, f"{_NO_FINALIZE}: {refusal}")

    async def _refusal(self, asked: Asked) -> str | None:
        """
        Why something is not allowed, with the failure to find out; L{None} if it is.
        """
        try:
            decision: Any = await self._authorizer.authorize(asked)
        except APIStatus as status:
            return f", {status.message}"
        return None if decision.allowed else f"{decision.reason}, <nil>"


def _owners(obj: dict[str, Any] | None) -> list[Reference]:
    found: list[Reference] = ((obj or {}).get("metadata") or {}).get("ownerReferences") or []
    return found


def _newly_blocking(new: list[Reference], old: list[Reference]) -> list[Reference]:
    before = {each.get("uid") for each in old if each.get("blockOwnerDeletion")}
    return [each for each in new if each.get("blockOwnerDeletion") and each.get("uid") not in before]
