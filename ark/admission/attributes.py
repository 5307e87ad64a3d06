"""
What an admission plug-in is told of a request.

Follows C{k8s.io/apiserver/pkg/admission/attributes.go} and, for the options,
C{pkg/endpoints/handlers}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from twisted.logger import Logger

from ark.admission.operationoptions import members_of
from ark.admission.waits import Waits
from ark.meta.gvk import GroupKind, GroupResource, GroupVersionKind
from ark.meta.names import qualified_name

CREATE = "CREATE"
UPDATE = "UPDATE"
DELETE = "DELETE"

_log = Logger()


class Subject(NamedTuple):
    """
    What is known of a write before anything of it is read.

    @ivar others: the other versions of the resource, as far as they have the subresource, in the
        order of its definition.
    """

    operation: str
    group: str
    version: str
    resource: str
    subresource: str = ""
    others: tuple[str, ...] = ()


class Conversion(Protocol):
    """
    Says what objects are in other versions of their resource.
    """

    def convert(self, obj: dict[str, Any], version: str) -> Awaitable[dict[str, Any]]:
        """
        An object in another version; nothing is done to it if it is in that version already.
        What comes back may share parts with what was given.

        @raise ark.meta.status.APIStatus: 500, it cannot be converted.
        """

    def default(self, version: str) -> Callable[[dict[str, Any]], None]:
        """
        What fills in the defaults of a version, in place.
        """


def _as_it_is(obj: dict[str, Any]) -> None:
    """
    There is nothing to do.
    """


@dataclass
class Attributes:
    """
    A write that is about to happen.

    Group and version of C{kind} are those of the object: that of a request for C{/scale} is a
    C{Scale}, of C{autoscaling} and C{v1}, while C{resource} and C{version} name the resource
    whose scale it is.  C{name} is empty for a creation whose name is going to be generated,
    until it is validated, and for each object of a collection that is deleted.

    @ivar kind: group and kind of the object.
    @ivar kind_version: the version of the object; that of the resource if it is empty.
    @ivar resource: what the request's path names.
    @ivar version: the version that the request's path names.
    @ivar object: what would be stored; plug-ins that admit may change it in place or
        replace it.  L{None} for a deletion.
    @ivar old_object: what is stored now, not to be changed.  L{None} for a creation.
    @ivar user: who asks, an L{ark.authentication.userinfo.UserInfo}, or L{None} for the
        server itself.
    @ivar options: the request's options as they were read; L{operation_options} has them as JSON.
    @ivar warnings: texts for the client, sent as C{Warning} headers.
    @ivar annotations: what the audit log is told of the request, see L{annotate}.
    @ivar request_annotations: what it is told only where it is told of the request's object too.
    @ivar default: fills in the defaults of C{kind}, in place; to be called on an object that
        was changed.
    @ivar settle: takes note, in place, that the object is another one; to be called once, by
        whoever changed it, after all its changes.  It raises L{ark.meta.status.APIStatus} for
        an object that cannot be one of that kind.  What the kind does not know is dropped
        after validation.
    @ivar reinvoking: whether this is the second round of admission.
    @ivar reinvoke: a plug-in that changed the object asks for a second round.
    @ivar memory: what plug-ins keep for the time of this request, each under a key of its own.
    @ivar others: see L{Subject}.
    @ivar conversion: converts the object; L{None} if it is the same in all versions of the resource.
    @ivar asked: where this is a write as another version has it, the write as it was asked for.
    @ivar waits: is told how long webhooks took.
    """

    operation: str
    kind: GroupKind
    resource: GroupResource
    version: str
    namespace: str
    name: str
    object: dict[str, Any] | None
    old_object: dict[str, Any] | None
    subresource: str = ""
    dry_run: bool = False
    user: Any = None
    options: Any = None
    warnings: list[str] = field(default_factory=list)
    kind_version: str = ""
    annotations: dict[str, str] = field(default_factory=dict)
    request_annotations: dict[str, str] = field(default_factory=dict)
    default: Callable[[dict[str, Any]], None] = _as_it_is
    settle: Callable[[dict[str, Any]], None] = _as_it_is
    reinvoking: bool = False
    reinvoke: bool = False
    memory: dict[Any, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    conversion: Conversion | None = None
    asked: Attributes | None = None
    waits: Waits = field(default_factory=Waits)

    @property
    def gvk(self) -> GroupVersionKind:
        """
        Group, version and kind of the object.
        """
        return GroupVersionKind(self.kind.group, self.kind_version or self.version, self.kind.kind)

    @property
    def named(self) -> dict[str, dict[str, str]]:
        """
        Kind and resource as an C{AdmissionRequest} has them.
        """
        gvk = self.gvk
        group, resource = self.resource
        return {
            "kind": {"group": gvk.group, "version": gvk.version, "kind": gvk.kind},
            "resource": {"group": group, "version": self.version, "resource": resource},
        }

    @property
    def subject(self) -> Subject:
        """
        What was known before.
        """
        group, resource = self.resource
        return Subject(self.operation, group, self.version, resource, self.subresource, self.others)

    @cached_property
    def operation_options(self) -> dict[str, Any]:
        """
        The options as JSON, not to be changed: C{CreateOptions}, C{UpdateOptions} or
        C{DeleteOptions} of C{meta.k8s.io/v1}.
        """
        return members_of(self.operation, self.options)

    async def in_version(self, version: str) -> Attributes:
        """
        The write as another version of the resource has it, with the same warnings, annotations
        and memory (C{NewVersionedAttributes}).  What has only one version is itself.

        @raise ark.meta.status.APIStatus: 500, it cannot be converted.
        """
        if not self.others:
            return self
        conversion = self.conversion
        if conversion is None:
            return replace(self, version=version, asked=self)
        objects = [
            None if each is None else await conversion.convert(each, version)
            for each in (self.old_object, self.object)
        ]
        return replace(
            self,
            version=version,
            kind_version=version,
            old_object=objects[0],
            object=objects[1],
            default=conversion.default(version),
            asked=self,
        )

    async def take(self, other: Attributes) -> dict[str, Any]:
        """
        Have the object that L{in_version} gave and that was changed there.

        @return: the object.
        @raise ark.meta.status.APIStatus: 500, it cannot be converted.
        """
        obj = other.object
        assert obj is not None
        if other is not self and self.conversion is not None:
            obj = await self.conversion.convert(obj, self.version)
        self.object = obj
        return obj

    def annotate(self, key: str, value: str, with_request: bool = False) -> None:
        """
        Tell the audit log something.  A key that is no qualified name with a prefix, or has
        another value already, is not told.

        @param with_request: tell only where the request's object is logged too.
        """
        sink = self.request_annotations if with_request else self.annotations
        if key.count("/") != 1 or qualified_name(key):
            _log.warn("{key} cannot be the key of an audit annotation", key=key)
        elif sink.setdefault(key, value) != value:
            _log.warn("the audit annotation {key} has another value already", key=key)
