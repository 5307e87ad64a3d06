"""
The admission plug-ins of a server in their order (contract 16.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from ark.admission.attributes import CREATE, DELETE, UPDATE, Attributes
from ark.interfaces import IAdmissionPlugin


class AdmissionChain:
    """
    Asks each plug-in that handles an operation, one after the other.
    """

    def __init__(self, plugins: Sequence[IAdmissionPlugin] = ()) -> None:
        self._plugins = {
            operation: tuple(plugin for plugin in plugins if plugin.handles(operation))
            for operation in (CREATE, UPDATE, DELETE)
        }

    def handles(self, operation: str) -> bool:
        """
        Whether any plug-in wants to see C{operation}.
        """
        return bool(self._plugins[operation])

    def reads_managed_fields(self, operation: str) -> bool:
        """
        Whether any plug-in that wants to see C{operation} looks at C{metadata.managedFields}.
        """
        return any(plugin.reads_managed_fields for plugin in self._plugins[operation])

    async def admit(self, attributes: Attributes) -> None:
        """
        Let the plug-ins change the object.

        @raise ark.meta.status.APIStatus: one of them refused.
        """
        for plugin in self._plugins[attributes.operation]:
            await plugin.admit(attributes)

    async def validate(self, attributes: Attributes) -> None:
        """
        Let the plug-ins judge the object as it will be stored.

        @raise ark.meta.status.APIStatus: one of them refused.
        """
        for plugin in self._plugins[attributes.operation]:
            await plugin.validate(attributes)
