"""
The objects of a collection as far as they are known here: what every informer is built on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ark.cluster.waiting import Waiting
from ark.storage.changefeed import ChangeFeed

Object = dict[str, Any]
Place = tuple[str, str]
"""
Namespace, empty for kinds without, and name.
"""


def place_of(obj: Mapping[str, Any]) -> Place:
    """
    Where an object stands in its collection.
    """
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


class Followed:
    """
    The half of L{ark.interfaces.IInformer} that is the same however the objects come here.

    Subscribers are called before L{changed} and L{replace} return.
    """

    def __init__(self) -> None:
        self.synced = False
        self._objects: dict[Place, Object] = {}
        self._sorted: Sequence[Object] | None = None
        self._feed = ChangeFeed()
        self._waiting: Waiting[None] = Waiting()

    async def wait(self) -> None:
        """
        See L{ark.interfaces.IInformer.wait}.
        """
        if self.synced:
            return
        await self._waiting.wait()

    def get(self, namespace: str, name: str) -> Object | None:
        """
        See L{ark.interfaces.IInformer.get}.
        """
        return self._objects.get((namespace, name))

    def items(self) -> Sequence[Object]:
        """
        See L{ark.interfaces.IInformer.items}.
        """
        if self._sorted is None:
            objects = self._objects
            self._sorted = tuple([objects[place] for place in sorted(objects)])
        return self._sorted

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """
        See L{ark.interfaces.IInformer.subscribe}.
        """
        return self._feed.subscribe(changed)

    def keep(self, obj: Object) -> None:
        """
        An object is new, or another than before.  Tell of it with L{changed}.
        """
        self._objects[place_of(obj)] = obj
        self._sorted = None

    def drop(self, place: Place) -> None:
        """
        An object is no more.  Tell of it with L{changed}.
        """
        if self._objects.pop(place, None) is not None:
            self._sorted = None

    def replace(self, objects: dict[Place, Object]) -> None:
        """
        These are all there are.  From now on it is synced.
        """
        self._objects = objects
        self._sorted = None
        self.synced = True
        self._waiting.tell(None)
        self.changed()

    def changed(self) -> None:
        """
        Tell the subscribers.
        """
        self._feed.notify()
