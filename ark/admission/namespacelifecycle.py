"""
Nothing is created in a namespace that is missing or on its way out.

Follows C{k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle}; contract 5.12.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from zope.interface import implementer

from ark.admission.attributes import CREATE, DELETE, Attributes
from ark.admission.refusals import forbidden
from ark.interfaces import IAdmissionPlugin
from ark.meta.gvk import GroupResource
from ark.meta.status import Cause, not_found

_NAMESPACES = GroupResource("", "namespaces")
IMMORTAL = frozenset(("default", "kube-system", "kube-public"))

_EMPTIES = frozenset(
    ("system:serviceaccount:kube-system:namespace-controller", "system:kube-controller-manager")
)

PhaseLookup = Callable[[str], Awaitable["str | None"]]


class NotReady(Exception):
    """
    Which namespaces there are is not known yet.
    """


@implementer(IAdmissionPlugin)
class NamespaceLifecycle:
    """
    @param phase_of: returns a namespace's phase (C{Active}, C{Terminating}), or L{None}
        when there is no such namespace; may raise L{NotReady}.
    @param doubt: told of namespaces that a cluster's namespace controller empties, which it
        does before anybody else knows that they go.
    """

    reads_managed_fields = False

    def __init__(self, phase_of: PhaseLookup, doubt: Callable[[str], None] | None = None) -> None:
        self._phase_of = phase_of
        self._doubt = doubt

    def handles(self, operation: str) -> bool:
        """
        Creations, and deletions for the namespaces that must stay.
        """
        return operation in (CREATE, DELETE)

    async def admit(self, attributes: Attributes) -> None:
        """
        Refuse with 404 or 403.
        """
        if attributes.operation == DELETE:
            if attributes.resource == _NAMESPACES and attributes.name in IMMORTAL:
                raise forbidden(attributes, "this namespace may not be deleted")
            if self._doubt is not None and attributes.namespace and _name(attributes) in _EMPTIES:
                self._doubt(attributes.namespace)
            return
        namespace = attributes.namespace
        if not namespace or attributes.resource == _NAMESPACES:
            return
        try:
            phase = await self._phase_of(namespace)
        except NotReady:
            raise forbidden(attributes, "not yet ready to handle request") from None
        if phase is None:
            raise not_found(_NAMESPACES, namespace)
        if phase == "Terminating":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            message = f"namespace {namespace} is being terminated"
            cause = Cause("NamespaceTerminating", message, "metadata.namespace")
            raise forbidden(attributes, why, (cause,))

    async def validate(self, attributes: Attributes) -> None:
        """
        There is nothing left to judge.
        """


def _name(attributes: Attributes) -> str:
    return "" if attributes.user is None else attributes.user.name
