"""
What the server knows about one served version of a resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from ark.meta.gvk import GroupKind, GroupResource, GroupVersionKind
from ark.meta.names import name_is_dns_subdomain

Read = Callable[[Any], str]

_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


class NameValidator(Protocol):
    """
    Judges a name, or the prefix of a generated one; no problems means it is fine.
    """

    def __call__(self, text: str, prefix: bool = False) -> list[str]: ...


@frozen
class Scale:
    """
    Where C{/scale} finds its members in an object.
    """

    spec_replicas_path: str
    status_replicas_path: str
    label_selector_path: str = ""


@frozen
class SelectableField:
    """
    A field that objects can be selected by.

    @ivar paths: the value is the first of them that is there and not empty.
    """

    name: str
    paths: tuple[str, ...]


@frozen
class Column:
    """
    A printer column.

    @ivar render: the word of C{x-ark-format}, which says how the cell is made.
    @ivar paths: the paths of C{x-ark-paths}.
    """

    name: str
    type: str
    json_path: str
    format: str = ""
    description: str = ""
    priority: int = 0
    render: str = ""
    paths: tuple[str, ...] = ()


@frozen(eq=False, kw_only=True)
class Kind:
    """
    One served version of a resource, as its definition declares it.

    Two kinds are equal only if they are the same object.

    @ivar subresources: their names, C{status} and C{scale} among them.
    @ivar columns: those declared; empty when there are none.
    @ivar schema: the C{openAPIV3Schema}.  It may hold one object in several places and
        must not be changed.
    @ivar is_storage: whether objects are kept in this version; of a kind that only answers
        what is sent to it, as reviews do, none are.
    @ivar place: where its definition has it among its versions.
    @ivar storage_version: the version that objects are kept in.
    @ivar kept_as: the API version of the kind of this plural that its objects are kept as, if
        that is in another group; empty otherwise.
    @ivar kept_names: the names under which that kind has members of objects that have other
        names in this one.
    @ivar served: whether clients may use this version; one that is not may still be the
        one that objects are kept in.
    @ivar terminating: whether its definition is being deleted: objects may only go.
    @ivar conversion: the C{spec.conversion} of its definition.
    @ivar fingerprint: what is the same for kinds that only differ in C{terminating}; empty
        when that is not known.
    @ivar since: objects that were written before this revision were written under another
        definition: they may be in another version and look otherwise than the schema says.
    @ivar typed: whether it is built into Kubernetes, and not a custom resource.
    @ivar verbs: what can be done with the main resource.
    @ivar field_readers: for each label that field selectors may name, in the order of
        declaration, the function that reads its value; a missing value is empty text.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    list_kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    scale: Scale | None = None
    columns: tuple[Column, ...] = ()
    schema: Mapping[str, Any] = field(factory=dict, repr=False)
    selectable_fields: tuple[SelectableField, ...] = ()
    is_storage: bool = True
    place: int = 0
    storage_version: str = ""
    kept_as: str = ""
    kept_names: Mapping[str, str] = field(factory=dict, repr=False)
    served: bool = True
    terminating: bool = False
    conversion: Mapping[str, Any] = field(factory=dict, repr=False)
    fingerprint: str = field(default="", repr=False)
    since: int = 0
    typed: bool = False
    allow_unconditional_update: bool = False
    allow_create_on_update: bool = False
    deprecated: bool = False
    deprecation_warning: str = ""
    name_validator: NameValidator = field(default=name_is_dns_subdomain, repr=False)
    field_readers: tuple[tuple[str, Read], ...] = field(default=(), repr=False)
    verbs: tuple[str, ...] = field(repr=False)

    api_version: str = field(init=False)
    gr: GroupResource = field(init=False, repr=False)
    gk: GroupKind = field(init=False, repr=False)
    gvk: GroupVersionKind = field(init=False, repr=False)
    resource: str = field(init=False, repr=False)
    has_status: bool = field(init=False, repr=False)
    field_labels: frozenset[str] = field(init=False, repr=False)

    @gvk.default
    def _gvk(self) -> GroupVersionKind:
        return GroupVersionKind(self.group, self.version, self.kind)

    @gr.default
    def _gr(self) -> GroupResource:
        return GroupResource(self.group, self.plural)

    @gk.default
    def _gk(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    @api_version.default
    def _api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @resource.default
    def _resource(self) -> str:
        group = self.kept_as.rpartition("/")[0] if self.kept_as else self.group
        return f"{self.plural}.{group}" if group else self.plural

    @has_status.default
    def _has_status(self) -> bool:
        return "status" in self.subresources

    @field_labels.default
    def _field_labels(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.field_readers)

    @property
    def is_kept(self) -> bool:
        """
        Whether there are objects of it, which can be read.
        """
        return "get" in self.verbs

    @verbs.default
    def _verbs(self) -> tuple[str, ...]:
        if self.terminating:
            return tuple(verb for verb in _VERBS if verb not in ("patch", "create", "update"))
        if not self.typed:
            return _VERBS
        # Kubernetes deletes namespaces only one by one, and sorts the verbs of its own kinds.
        lacking = "deletecollection" if self.plural == "namespaces" else ""
        return tuple(sorted(verb for verb in _VERBS if verb != lacking))
