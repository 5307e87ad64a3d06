"""
The admission plug-ins of a server in their order (contract 16.1).

Follows C{k8s.io/apiserver/pkg/admission} (C{chain.go}, C{reinvocation.go}).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ark.admission.attributes import Attributes, Subject
from ark.admission.metrics import ADMIT, VALIDATE
from ark.admission.timed import Steps
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.known import Known

_MOST_REMEMBERED = 4096


class Concerned:
    """
    The plug-ins that look at one sort of write.

    @ivar reads_managed_fields: whether any of them looks at C{metadata.managedFields}.
    """

    def __init__(self, plugins: Sequence[IAdmissionPlugin], steps: Steps | None = None) -> None:
        self._plugins = tuple(plugins)
        self._steps = steps
        self.reads_managed_fields = any(plugin.reads_managed_fields for plugin in plugins)

    def admit(self, attributes: Attributes) -> Awaitable[None]:
        """
        Let the plug-ins change the object, one after the other, and once more if one that
        changed it asks for that.

        @raise ark.meta.status.APIStatus: one of them refused.
        """
        return self._measured(ADMIT, attributes, self._admit(attributes))

    async def _admit(self, attributes: Attributes) -> None:
        for plugin in self._plugins:
            await plugin.admit(attributes)
        if attributes.reinvoke:
            attributes.reinvoking = True
            for plugin in self._plugins:
                await plugin.admit(attributes)

    def validate(self, attributes: Attributes) -> Awaitable[None]:
        """
        Let the plug-ins judge the object as it will be stored.

        @raise ark.meta.status.APIStatus: one of them refused.
        """
        return self._measured(VALIDATE, attributes, self._validate(attributes))

    async def _validate(self, attributes: Attributes) -> None:
        for plugin in self._plugins:
            await plugin.validate(attributes)

    def _measured(self, step: str, attributes: Attributes, work: Awaitable[None]) -> Awaitable[None]:
        return work if self._steps is None else self._steps.measured(step, attributes.operation, work)


class AdmissionChain:
    """
    Knows which plug-ins look at which writes.

    @param steps: measures how long they take.
    """

    def __init__(self, plugins: Sequence[IAdmissionPlugin] = (), steps: Steps | None = None) -> None:
        self._plugins = tuple(plugins)
        self._steps = steps
        self._known: Known[Subject, Concerned | None] = Known(_MOST_REMEMBERED)
        for plugin in self._plugins:
            if ISelectiveAdmission.providedBy(plugin):
                plugin.subscribe(self._known.clear)

    def concerned(self, subject: Subject) -> Concerned | None:
        """
        Those that look at writes of C{subject}; L{None} if there are none.
        """
        try:
            return self._known[subject]
        except KeyError:
            return self._find(subject)

    def _find(self, subject: Subject) -> Concerned | None:
        found = [plugin for plugin in self._plugins if _concerns(plugin, subject)]
        return self._known.keep(subject, Concerned(found, self._steps) if found else None)


def _concerns(plugin: IAdmissionPlugin, subject: Subject) -> bool:
    if not plugin.handles(subject.operation):
        return False
    if ISelectiveAdmission.providedBy(plugin):
        return bool(plugin.concerns(subject))
    return True
