"""
A cluster that lives in this process's memory.

It is what authors of plug-ins, and this project's own tests, try out against whatever takes
an L{ark.interfaces.ICluster}: a real small store, which numbers every write, refuses stale
ones as kube-apiserver does and tells informers at once.  It knows no schemas, gives no
generations and admits everything; reviews are answered by a function that the test gives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Union, cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ark.cluster.errors import Unreachable
from ark.cluster.followed import Followed, Object, Place, place_of
from ark.cluster.memorystore import JSON_PATCH, MERGE_PATCH, Asked, Collection, MemoryStore, copied, selection
from ark.cluster.paths import APIPath
from ark.interfaces import ICluster, IInformer

__all__ = ["JSON_PATCH", "MERGE_PATCH", "Answer", "Asked", "MemoryCluster", "MemoryInformer"]

Body = Union[Mapping[str, Any], Sequence[Any], None]
Answer = Callable[[Any], Union[dict[str, Any], Awaitable[dict[str, Any]]]]
"""
Makes the answer to a request from its body, now or later; may raise what
L{ark.interfaces.ICluster.request} may.
"""


@implementer(ICluster)
class MemoryCluster:
    """
    A cluster with the objects that a test puts into it.

    Objects in namespaces are found under the collection in all namespaces and under that in
    their own; namespaces themselves need not exist.  A write to C{/status} changes C{status}
    only, any other the whole object.

    @param clock: for C{creationTimestamp}, and for the timeouts of answers that take time.
    @ivar requests: all that was asked, also while it was down, the last one last.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._down = False
        self._store = MemoryStore(clock)
        self._informers: list[MemoryInformer] = []
        self._answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[Asked] = []

    # What tests do

    @property
    def down(self) -> bool:
        """
        Whether the cluster cannot be reached.  Informers then keep what they have, and are told
        of what happened meanwhile when it can be again.
        """
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        if not down:
            for informer in self._informers:
                informer.refill()

    def put(self, collection: str, obj: Mapping[str, Any]) -> Object:
        """
        Create an object, or replace it whatever its C{resourceVersion}, and tell the informers.

        @param collection: the path of its collection, C{/api/v1/secrets}, with or without the
            namespace, which the object's metadata names too.
        @return: the object as it is now.
        """
        path = _path(collection)
        found = copied(obj)
        found["metadata"].setdefault("namespace", path.namespace)
        place = place_of(found)
        return _object(self._store.write(path, found, self._store.of(path).objects.get(place)))

    def remove(self, collection: str, name: str, namespace: str = "") -> None:
        """
        Take an object away, whatever its finalizers, and tell the informers.

        @raise KeyError: there is none.
        """
        self._store.drop(_path(collection), (namespace, name))

    def find(self, collection: str, name: str, namespace: str = "") -> Object | None:
        """
        An object as it is now.
        """
        found = self._store.of(_path(collection)).objects.get((namespace, name))
        return None if found is None else _object(found)

    def answer(self, path: str, answer: Answer, method: str = "POST") -> None:
        """
        Have a function answer requests for C{path}, such as reviews.
        """
        self._answers[method, path] = answer

    # ICluster

    async def request(
        self,
        method: str,
        path: str,
        body: Body = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> dict[str, Any]:
        """
        See L{ICluster.request}.
        """
        asked = Asked(method, path, copied(body), dict(query or {}), content_type)
        self.requests.append(asked)
        if self._down:
            raise Unreachable("the cluster is down")
        answer = self._answers.get((method, path))
        if answer is None:
            return _object(self._store.serve(asked))
        made = answer(asked.body)
        return _object(await self._in_time(made, timeout) if isawaitable(made) else made)

    async def _in_time(self, made: Awaitable[dict[str, Any]], seconds: float) -> dict[str, Any]:
        async def wait() -> dict[str, Any]:
            return await made

        answering = Deferred.fromCoroutine(wait())
        answering.addTimeout(seconds, self._clock)
        try:
            return await answering
        except TimeoutError as error:
            raise Unreachable(f"no answer in {seconds:g} seconds") from error

    def informer(self, path: str, query: Mapping[str, str] | None = None) -> MemoryInformer:
        """
        See L{ICluster.informer}.
        """
        parsed = _path(path)
        informer = MemoryInformer(self, self._store.of(parsed), selection(parsed, query or {}))
        self._informers.append(informer)
        return informer


@implementer(IInformer)
class MemoryInformer(Followed):
    """
    Follows a collection of a L{MemoryCluster}, which makes it.  Changes are told before the
    call that makes them returns.
    """

    def __init__(
        self, cluster: MemoryCluster, collection: Collection, selects: Callable[[Object], bool]
    ) -> None:
        super().__init__()
        self._cluster = cluster
        self._collection = collection
        self._selects = selects

    def start(self) -> None:
        """
        See L{IInformer.start}.  It is synced when this returns, unless the cluster is down.
        """
        if self._see not in self._collection.followers:
            self._collection.followers.append(self._see)
            self.refill()

    def stop(self) -> None:
        """
        See L{IInformer.stop}.
        """
        if self._see in self._collection.followers:
            self._collection.followers.remove(self._see)

    def refill(self) -> None:
        """
        Take all objects anew, as after a new list.
        """
        if not self._cluster.down and self._see in self._collection.followers:
            objects = self._collection.objects
            self.replace({place: obj for place, obj in objects.items() if self._selects(obj)})

    def _see(self, place: Place, obj: Object | None) -> None:
        if self._cluster.down:
            return
        if obj is not None and self._selects(obj):
            self.keep(obj)
        elif self.get(*place) is None:
            return
        else:
            self.drop(place)
        self.changed()


def _path(path: str) -> APIPath:
    parsed = APIPath.of(path)
    if parsed is None:
        raise ValueError(f"{path!r} is not the path of a collection")
    return parsed


def _object(value: Any) -> Object:
    """
    A copy of an object, for whoever may change it.
    """
    return cast(Object, copied(value))
