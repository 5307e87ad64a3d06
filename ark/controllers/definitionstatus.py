"""
Writes the status of CustomResourceDefinitions, and clears up after those that are deleted.

Does the work of C{k8s.io/apiextensions-apiserver/pkg/controller/{status,establish,
apiapproval,finalizer}}.  One process of a server has this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.defer import Deferred

from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.controllers.instances import Instances
from ark.controllers.monitor import Monitor
from ark.controllers.workqueue import WorkQueue
from ark.meta.records import DELETED, Version
from ark.meta.status import APIStatus
from ark.meta.time import rfc3339
from ark.registry.definitions.conditions import is_true, with_condition
from ark.registry.definitions.naming import approved, established, named, taken_by
from ark.registry.definitions.strategy import CLEANUP, RESOURCE
from ark.registry.store import Store, WriteContext
from ark.registry.stores import Stores
from ark.watch.cacher import Cacher
from ark.watch.events import WatchEvent

USER = UserInfo("system:apiserver", groups=(MASTERS_GROUP,))
MANAGER = "kube-apiserver"
TERMINATING = "Terminating"
CHECK_SECONDS = 60.0
AFTERMATH = 2.0
_FIRST_CHECK = 0.05
_LAST_CHECK = 5.0

Object = dict[str, Any]
Step = Callable[[Object], Object]


class DefinitionController:
    """
    Brings every definition to what its spec asks for.

    @param now: the time of day.
    """

    def __init__(self, stores: Stores, cacher: Cacher, reactor: Any, now: Callable[[], float]) -> None:
        store = stores.of_resource(RESOURCE)
        if store is None:
            raise ValueError("definitions are no kind of this server")
        self._store: Store = store
        self._stores = stores
        self._reactor = reactor
        self._now = now
        self._names: dict[str, tuple[str, dict[str, Any]]] = {}
        self._monitor = Monitor(cacher, reactor, self)
        # One after the other: who is first gets a name.
        self._statuses: WorkQueue[str] = WorkQueue("definitions", self._settle, reactor, workers=1)
        self._removals: WorkQueue[str] = WorkQueue("deleted definitions", self._remove, reactor)

    async def start(self) -> None:
        """
        Begin; return when all definitions are known.
        """
        self._statuses.start()
        self._removals.start()
        self._monitor.follow(RESOURCE)
        await self._monitor.synced()

    def stop(self) -> None:
        """
        Leave everything as it is.
        """
        self._monitor.stop()
        self._statuses.stop()
        self._removals.stop()

    # What the monitor tells

    def present(self, version: Version) -> None:
        """
        A definition is there.
        """
        definition = orjson.loads(version.body)
        name = version.key.name
        self._note(name, definition)
        self._statuses.add(name)
        metadata = definition["metadata"]
        if metadata.get("deletionTimestamp") and CLEANUP in (metadata.get("finalizers") or ()):
            self._removals.add(name)

    def complete(self, resource: str, present: set[str]) -> None:
        """
        Nothing: names that nobody has any more are found free when they are asked for.
        """

    def changed(self, event: WatchEvent) -> None:
        """
        A definition is new, has changed or has gone.
        """
        if event.version.event != DELETED:
            self.present(event.version)
            return
        gone = self._names.pop(event.version.key.name, None)
        if gone is not None:
            self._reconsider(gone[0])

    def _note(self, name: str, definition: Object) -> None:
        self._names[name] = definition["spec"]["group"], definition["status"]["acceptedNames"]

    def _reconsider(self, group: str, but: str = "") -> None:
        """
        Let others of a group have names that have become free.
        """
        for name, (of_group, _) in self._names.items():
            if of_group == group and name != but:
                self._statuses.add(name)

    # Names

    async def settle(self, name: str) -> None:
        """
        Bring the status of a definition up to date now.
        """
        await self._write(name, self._approve)
        named_now = await self._write(name, self._accept)
        if named_now is not None and name in self._names:
            group, names = self._names[name]
            self._note(name, named_now)
            if names != self._names[name][1]:
                self._reconsider(group, name)
        await self._write(name, self._establish)

    async def _settle(self, name: str) -> bool:
        await self.settle(name)
        return False

    def _approve(self, definition: Object) -> Object:
        return approved(definition, self._time())

    def _accept(self, definition: Object) -> Object:
        group, own = definition["spec"]["group"], definition["metadata"]["name"]
        others = (names for name, (of, names) in self._names.items() if of == group and name != own)
        return named(definition, taken_by((definition["status"]["acceptedNames"], *others)), self._time())

    def _establish(self, definition: Object) -> Object:
        return established(definition, self._time())

    def _time(self) -> str:
        return rfc3339(self._now())

    async def _write(self, name: str, step: Step) -> Object | None:
        """
        Write what a step makes of a definition, if it makes anything of it.

        @return: the definition as it is then; L{None} when there is none.
        """
        version = await self._store.cacher.get(self._store.key("", name), None)
        if version is None:
            return None
        definition = self._store.decode(version.body)
        if step(definition) is definition:
            return definition

        def transform(live: Object | None) -> Object:
            return step(live or {})

        context = WriteContext(user=USER, field_manager=MANAGER)
        try:
            written = await self._store.update("", name, transform, context, subresource="status")
        except APIStatus as status:
            if status.code in (404, 409):
                # Its next state has been told, or will be.
                return None
            raise
        return self._store.decode(written.text)

    # Deletion

    async def _remove(self, name: str) -> bool:
        message = "CustomResource deletion is in progress"
        definition = await self._tell(name, ("True", "InstanceDeletionInProgress", message))
        if definition is None or CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return False
        spec = definition["spec"]
        instances = self._instances(f"{spec['names']['plural']}.{spec['group']}")
        if instances is None:
            why = (
                "False",
                "OverlappingBuiltInResource",
                "instances overlap with built-in resources in storage",
            )
        elif not is_true(definition["status"], "Established"):
            why = ("False", "NeverEstablished", "resource was never established")
        else:
            failure = await self._empty(instances)
            if failure:
                await self._tell(name, ("True", *failure))
                return True
            why = ("False", "InstanceDeletionCompleted", "removed all instances")
        await self._tell(name, why, done=True)
        if instances is not None:
            # What another process still took before it knew.
            await self._sleep(AFTERMATH)
            if name not in self._names:
                await instances.delete()
        return False

    def _instances(self, resource: str) -> Instances | None:
        store = self._stores.of_resource(resource)
        if store is None:
            return Instances(None)
        return None if store.kind.typed else Instances(store)

    async def _empty(self, instances: Instances) -> tuple[str, str] | None:
        """
        Delete all objects.

        @return: why some are left, reason and message; L{None} when none are.
        """
        errors = await instances.delete()
        if errors:
            return "InstanceDeletionFailed", f"could not issue all deletes: {errors[0]}"
        waited, delay = 0.0, _FIRST_CHECK
        while await instances.count():
            if waited >= CHECK_SECONDS:
                return (
                    "InstanceDeletionCheck",
                    "could not confirm zero CustomResources remaining: context deadline exceeded",
                )
            await self._sleep(delay)
            waited += delay
            delay = min(2 * delay, _LAST_CHECK)
        return None

    async def _tell(self, name: str, condition: tuple[str, str, str], done: bool = False) -> Object | None:
        def step(definition: Object) -> Object:
            if not definition["metadata"].get("deletionTimestamp"):
                return definition
            status = with_condition(definition["status"], (TERMINATING, *condition), self._time())
            made = {**definition, "status": status}
            if done:
                kept = [one for one in made["metadata"].get("finalizers") or () if one != CLEANUP]
                made["metadata"] = {**made["metadata"], "finalizers": kept}
            return made

        return await self._write(name, step)

    async def _sleep(self, seconds: float) -> None:
        done: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._reactor.callLater(seconds, done.callback, None)
        await done
