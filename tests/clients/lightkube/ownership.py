"""
Whose fields and whose objects they are.
"""

from __future__ import annotations

from typing import Any

from lightkube import ApiError
from lightkube.models.meta_v1 import OwnerReference
from lightkube.resources.core_v1 import ConfigMap, Secret
from lightkube.types import CascadeType

from tests.clients.lightkube.support import Query, Widget, client, made, meta, names
from tests.clients.rules import (
    holds,
    query,
    raises,
    rule,
    same,
    until,
    widget,
)


def applied(manager: str | None = None, force: bool = False, **spec: Any) -> Any:
    """
    Apply a widget.
    """
    return client().apply(Widget.from_dict(widget("applied", **spec)), field_manager=manager, force=force)


@rule
def apply_creates_and_keeps_to_its_manager() -> None:
    one = applied(size=2)
    same([(entry.manager, entry.operation) for entry in one.metadata.managedFields], [("light", "Apply")])
    same(applied(size=2).metadata.resourceVersion, one.metadata.resourceVersion)
    same(client().apply(ConfigMap(metadata=meta("applied"), data={"a": "1"})).data, {"a": "1"})
    same(client().apply(ConfigMap(metadata=meta("applied"), data={"b": "2"})).data, {"b": "2"})


@rule
def an_apply_of_another_manager_conflicts() -> None:
    error = raises(ApiError, lambda: applied("other", size=4))
    same((error.status.code, error.status.reason), (409, "Conflict"))
    same([one.field for one in error.status.details.causes], [".spec.size"])
    same(applied("other", True, size=4).spec["size"], 4)


@rule
def an_applied_list_is_merged_by_its_keys() -> None:
    applied("one", ports=[{"name": "web", "port": 80}], tags=["a", "b"])
    one = applied("two", ports=[{"name": "ssh", "port": 22}], tags=["b", "c"])
    same([port["name"] for port in one.spec["ports"]], ["web", "ssh"])
    same(one.spec["tags"], ["a", "b", "c"])
    one = applied("one", ports=[{"name": "web", "port": 81}])
    same([(port["name"], port["port"]) for port in one.spec["ports"]], [("web", 81), ("ssh", 22)])
    same(one.spec["tags"], ["b", "c"])


@rule
def a_collection_is_deleted() -> None:
    for number in range(5):
        client().create(Secret(metadata=meta(f"collected-{number}")))
    before = names(client().list(Secret))
    client().deletecollection(Secret, dry_run=True)
    same(names(client().list(Secret)), before)
    client().deletecollection(Secret)
    same(names(client().list(Secret)), [])
    holds(names(client().list(ConfigMap)))


def family(parent: str, child: str) -> None:
    """
    An owner and its dependent.
    """
    owner = made(query(parent))
    reference = OwnerReference(
        apiVersion=owner.apiVersion,
        kind=owner.kind,
        name=parent,
        uid=owner.metadata.uid,
        blockOwnerDeletion=True,
    )
    client().create(ConfigMap(metadata=meta(child, ownerReferences=[reference])))


def gone(kind: Any, name: str) -> bool:
    """
    Whether there is no such object.
    """
    return not names(client().list(kind, fields={"metadata.name": name}))


@rule
def dependents_are_orphaned() -> None:
    family("parent-1", "child-1")
    client().delete(Query, "parent-1", cascade=CascadeType.ORPHAN)
    until(lambda: gone(Query, "parent-1"))
    until(lambda: not client().get(ConfigMap, "child-1").metadata.ownerReferences)


@rule
def dependents_go_with_their_owner() -> None:
    family("parent-2", "child-2")
    family("parent-3", "child-3")
    client().delete(Query, "parent-2", cascade=CascadeType.BACKGROUND)
    client().delete(Query, "parent-3", cascade=CascadeType.FOREGROUND)
    until(lambda: gone(ConfigMap, "child-2") and gone(ConfigMap, "child-3") and gone(Query, "parent-3"))
