"""
Who serves a group in a cluster: kube-apiserver by its definitions, or a server of ours.

An C{APIService} that names a service takes the place of the definitions of its version
(contract 20.5); without it, kube-apiserver makes one of its own and serves them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.task import deferLater

from ark.interfaces import ICluster
from ark.meta.status import APIStatus
from ark.moving.objects import Collection, count, list_page
from ark.storage.copying import CopyError, Progress

_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_AUTOMATIC = "kube-aggregator.kubernetes.io/automanaged"
_MERGE = "application/merge-patch+json"
_LOCAL, _REMOTE = "Local", "Passed"
_POLL = 0.5
_FORBIDDEN = 403
_MISSING = 404
_UNAVAILABLE = 503


class Service(NamedTuple):
    """
    A service in front of our servers.

    @ivar authority: whoever vouches for their certificate, PEM in base64; empty when the
        servers say so themselves.
    @ivar release: namespace and name of the Helm release that is to own the C{APIService}s;
        L{None} for nobody.
    """

    namespace: str
    name: str
    port: int = 443
    authority: str = ""
    release: tuple[str, str] | None = None


class Switch:
    """
    @param collections: those of the group.
    @param seconds: how long to wait for the cluster to agree.
    """

    def __init__(
        self,
        cluster: ICluster,
        collections: Sequence[Collection],
        progress: Progress,
        reactor: Any,
        seconds: float = 90.0,
    ) -> None:
        self._cluster = cluster
        self._collections = collections
        self._progress = progress
        self._reactor = reactor
        self._seconds = seconds
        pairs = {(each.kind.group, each.kind.version) for each in collections}
        self._names = {f"{version}.{group}": (group, version) for group, version in sorted(pairs)}

    async def served_by(self) -> set[str]:
        """
        Which services the group's versions are served by, C{""} being kube-apiserver.
        """
        return {_service_of(await self._get(name)) for name in self._names}

    async def take_over(self, service: Service) -> float:
        """
        Have C{service} serve the group.

        @return: how many seconds passed until it did.
        @raise CopyError: it does not, or has other objects; kube-apiserver serves them as before.
        """
        await self._check(service)
        before = [await count(self._cluster, each) for each in self._collections]
        began = self._reactor.seconds()
        try:
            for name, (group, version) in self._names.items():
                await self._put(name, _wanted(name, group, version, service))
            await self._wait("the servers to be reached", _REMOTE)
            seconds: float = self._reactor.seconds() - began
            await self._compare(before)
        except CopyError:
            await self.give_back()
            raise
        return seconds

    async def _check(self, service: Service) -> None:
        """
        Nobody is served by a service that there is not, also not for the time that it takes to notice.
        """
        try:
            await self._cluster.request(
                "GET", f"/api/v1/namespaces/{service.namespace}/services/{service.name}"
            )
        except APIStatus as status:
            if status.code == _MISSING:
                raise CopyError(
                    f"There is no service {service.namespace}/{service.name}.",
                    "Start servers behind it first, or name another one.",
                ) from None
            if status.code != _FORBIDDEN:
                raise

    async def give_back(self) -> None:
        """
        Have kube-apiserver serve the group by its definitions.

        @raise CopyError: it does not.
        """
        for name in self._names:
            found = await self._get(name)
            if _service_of(found):
                await self._cluster.request("DELETE", f"{_SERVICES}/{name}")
        await self._wait("kube-apiserver to serve the definitions", _LOCAL)
        await self._wait_listed()

    async def _get(self, name: str) -> Mapping[str, Any]:
        try:
            return await self._cluster.request("GET", f"{_SERVICES}/{name}")
        except APIStatus as status:
            if status.code == _MISSING:
                return {}
            raise

    async def _put(self, name: str, body: dict[str, Any]) -> None:
        if await self._get(name):
            await self._cluster.request("PATCH", f"{_SERVICES}/{name}", body, content_type=_MERGE)
        else:
            del body["metadata"]["labels"][_AUTOMATIC]
            await self._cluster.request("POST", _SERVICES, body)

    async def _wait(self, what: str, reason: str) -> None:
        """
        Return when the aggregator finds each version available, for C{reason}.
        """
        self._progress.say(f"Waiting for {what}.")
        deadline = self._reactor.seconds() + self._seconds
        waiting = list(self._names)
        why = ""
        while waiting:
            found = await self._get(waiting[0])
            condition = _availability(found)
            if condition.get("status") == "True" and condition.get("reason") == reason:
                waiting.pop(0)
                continue
            why = condition.get("message") or why
            if self._reactor.seconds() >= deadline:
                raise CopyError(
                    f"After {self._seconds:g} seconds {waiting[0]} is not available: {why or 'no reason was given'}.",
                    "See whether the servers are ready and the service leads to them.",
                )
            await deferLater(self._reactor, _POLL)

    async def _compare(self, before: Sequence[int]) -> None:
        """
        See that the servers have what kube-apiserver had, and come after it.
        """
        page = await self._cluster.request("GET", "/api/v1/namespaces", query={"limit": "1"})
        newest = int(page["metadata"]["resourceVersion"])
        for collection, objects in zip(self._collections, before):
            found = await count(self._cluster, collection)
            if found != objects:
                raise CopyError(
                    f"The servers have {found} {collection.resource}, the cluster {objects}.",
                    "Import once more, into a new database.",
                )
            if (await list_page(self._cluster, collection, limit=1)).revision <= newest:
                raise CopyError(
                    "The cluster's revisions have come past those that were imported.",
                    "Import once more, into a new database.",
                )

    async def _wait_listed(self) -> None:
        """
        Return when the definitions really are served: the aggregator is a little ahead of them.
        """
        deadline = self._reactor.seconds() + self._seconds
        for collection in self._collections:
            while True:
                try:
                    await list_page(self._cluster, collection, limit=1)
                    break
                except APIStatus as status:
                    late = self._reactor.seconds() >= deadline
                    if status.code not in (_MISSING, _UNAVAILABLE) or late:
                        raise
                    await deferLater(self._reactor, _POLL)


def _service_of(found: Mapping[str, Any]) -> str:
    service = (found.get("spec") or {}).get("service") or {}
    return f"{service['namespace']}/{service['name']}" if service else ""


def _availability(found: Mapping[str, Any]) -> Mapping[str, str]:
    conditions = (found.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == "Available"), {})


def _wanted(name: str, group: str, version: str, service: Service) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {_AUTOMATIC: None}}
    if service.release is not None:
        namespace, release = service.release
        metadata["labels"]["app.kubernetes.io/managed-by"] = "Helm"
        metadata["annotations"] = {
            "meta.helm.sh/release-name": release,
            "meta.helm.sh/release-namespace": namespace,
        }
    spec: dict[str, Any] = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 1000,
        "versionPriority": 15,
        "service": {"namespace": service.namespace, "name": service.name, "port": service.port},
    }
    if service.authority:
        spec["caBundle"] = service.authority
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": metadata,
        "spec": spec,
    }
