"""
The objects that policies have as parameters.

Follows C{CollectParams} in C{k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go}
and, for how kinds are found and followed, C{policy_source.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.admission.selectors import InvalidSelector, read_selector
from ark.cluster.errors import Unreachable
from ark.cluster.waiting import Waiting
from ark.interfaces import ICluster, IInformer
from ark.meta.status import APIStatus

Object = dict[str, Any]

SYNC_SECONDS = 1.0
_SOON_SECONDS = 0.2
_RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0)


class ParamFault(Exception):
    """
    Parameters that are not to be had; the message says why.
    """


class NotYet(Exception):
    """
    It is not known yet what this server keeps.
    """


class Collection(NamedTuple):
    """
    Where the objects of a kind are.
    """

    informer: IInformer
    namespaced: bool


LocalKinds = Callable[[str, str], "Collection | None"]
"""
Finds an API version (C{group/version}) and a kind among what this server itself keeps; may
raise L{NotYet}.
"""


def nothing_local(api_version: str, kind: str) -> Collection | None:
    """
    A server that keeps no kinds.
    """
    return None


def stopped(failure: Failure) -> None:
    """
    To be the end of what runs until it is cancelled.
    """
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]


class ParamKind:
    """
    A kind that parameters are of, looked for and followed until L{stop}.

    @ivar fault: why it has not been found; empty before that is known, and once it is found.
    """

    _log = Logger()

    def __init__(self, cluster: ICluster, reactor: Any, source: Mapping[str, Any], local: LocalKinds) -> None:
        """
        @param source: a C{paramKind}.
        """
        self._cluster = cluster
        self._reactor = reactor
        self._api_version: str = source.get("apiVersion") or ""
        self._kind: str = source.get("kind") or ""
        self._local = local
        self._collection: Collection | None = None
        self._waiting: Waiting[None] = Waiting()
        self._running: Deferred[None] | None = None
        self._attempts = 0
        self.fault = ""

    def start(self) -> None:
        """
        Begin to look for it.
        """
        self._running = Deferred.fromCoroutine(self._find())
        self._running.addErrback(stopped)

    def stop(self) -> None:
        """
        Follow it no more.
        """
        if self._running is not None:
            self._running.cancel()
        if self._collection is not None:
            self._collection.informer.stop()

    async def _find(self) -> None:
        while self._collection is None:
            try:
                self._collection = self._local(self._api_version, self._kind) or await self._discover()
            except CancelledError:
                raise
            except NotYet:
                await self._pause(_SOON_SECONDS)
                continue
            except Exception as error:
                if not isinstance(error, (APIStatus, Unreachable)):
                    self._log.failure("looking for {kind} failed", kind=self._kind)
            if self._collection is not None:
                self.fault = ""
                self._collection.informer.start()
            else:
                group, _, version = self._api_version.rpartition("/")
                self.fault = (
                    f"failed to find resource referenced by paramKind: '{group}/{version}, Kind={self._kind}'"
                )
            self._waiting.tell(None)
            if self._collection is None:
                seconds = _RETRY_SECONDS[min(self._attempts, len(_RETRY_SECONDS) - 1)]
                self._attempts += 1
                await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        waiting: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._reactor.callLater(seconds, waiting.callback, None)
        await waiting

    async def _discover(self) -> Collection | None:
        root = f"/apis/{self._api_version}" if "/" in self._api_version else f"/api/{self._api_version}"
        found = await self._cluster.request("GET", root)
        for resource in found.get("resources") or ():
            if resource.get("kind") == self._kind and "/" not in resource["name"]:
                informer = self._cluster.informer(f"{root}/{resource['name']}")
                return Collection(informer, bool(resource.get("namespaced")))
        return None

    async def found(self) -> Collection:
        """
        The collection, once it has been looked for.

        @raise ParamFault: there is none, or it is not known yet.
        """
        if self._collection is None and not self.fault:
            try:
                await self._waiting.wait().addTimeout(SYNC_SECONDS, self._reactor)
            except TimeoutError:
                raise self._unsynced() from None
        if self._collection is None:
            raise ParamFault(self.fault)
        return self._collection

    async def synced(self) -> Collection:
        """
        The collection with all its objects.

        @raise ParamFault: as L{found} does, or they are not here yet.
        """
        collection = await self.found()
        if not collection.informer.synced:
            waiting = Deferred.fromCoroutine(_waited(collection.informer))
            try:
                await waiting.addTimeout(SYNC_SECONDS, self._reactor)
            except TimeoutError:
                raise self._unsynced() from None
        return collection

    def _unsynced(self) -> ParamFault:
        told = f"&ParamKind{{APIVersion:{self._api_version},Kind:{self._kind},}}"
        return ParamFault(f"paramKind kind `{told}` not yet synced to use for admission")

    async def collect(self, ref: Mapping[str, Any], namespace: str) -> list[Object]:
        """
        The parameters that a binding means.

        @param ref: its C{paramRef}.
        @param namespace: that of the write; empty for none.
        @raise ParamFault: they are not to be had, or there are none and there have to be.
        """
        collection = await self.synced()
        found = [self._typed(each) for each in _referenced(collection, ref, namespace)]
        if not found and ref.get("parameterNotFoundAction") == "Deny":
            raise ParamFault("no params found for policy binding with `Deny` parameterNotFoundAction")
        return found

    def _typed(self, obj: Object) -> Object:
        """
        The items of lists of built-in kinds do not say what they are.
        """
        if "kind" in obj:
            return obj
        return {**obj, "apiVersion": self._api_version, "kind": self._kind}


def _referenced(collection: Collection, ref: Mapping[str, Any], namespace: str) -> Sequence[Object]:
    named, selector = ref.get("name") or "", ref.get("selector")
    place = ref.get("namespace") or ""
    if collection.namespaced:
        place = place or namespace
        if not place:
            raise ParamFault(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            )
    elif place:
        raise ParamFault("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    if named:
        if selector is not None:
            raise ParamFault("paramRef.name and paramRef.selector are mutually exclusive")
        found = collection.informer.get(place, named)
        return () if found is None else (found,)
    if selector is None:
        raise ParamFault("one of name or selector must be provided")
    return _selected(collection, selector, place)


def _selected(collection: Collection, selector: Mapping[str, Any], place: str) -> list[Object]:
    try:
        wanted = read_selector(selector)
    except InvalidSelector as error:
        raise ParamFault(str(error)) from None
    return [
        each
        for each in collection.informer.items()
        if (each["metadata"].get("namespace") or "") == place
        and wanted.matches(each["metadata"].get("labels") or {})
    ]


async def _waited(informer: IInformer) -> None:
    await informer.wait()


class ParamKinds:
    """
    The kinds that some policies' parameters are of.

    @param reactor: C{IReactorTime}.
    """

    def __init__(self, cluster: ICluster, reactor: Any, local: LocalKinds = nothing_local) -> None:
        self._cluster = cluster
        self._reactor = reactor
        self._local = local
        self._known: dict[tuple[str, str], ParamKind] = {}

    def follow(self, source: Mapping[str, Any]) -> ParamKind:
        """
        The kind that a C{paramKind} names, followed from now on.
        """
        key = (source.get("apiVersion") or "", source.get("kind") or "")
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = ParamKind(self._cluster, self._reactor, source, self._local)
            found.start()
        return found

    def keep(self, kinds: Sequence[ParamKind]) -> None:
        """
        Follow no kinds but these.
        """
        for key, kind in list(self._known.items()):
            if kind not in kinds:
                del self._known[key]
                kind.stop()
