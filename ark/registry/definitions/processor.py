"""
What is done to definitions by their type: in place of a schema, which cannot say it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ark.meta.status import Cause
from ark.registry.definitions.specs import status_causes
from ark.registry.definitions.types import read_definition
from ark.registry.schema import Object, Processor


class DefinitionProcessor(Processor):
    """
    Reads definitions as Kubernetes reads them into Go structures.

    The schema of the kind only describes it: that of schemas would have to contain itself.
    """

    def prepare(self) -> None:
        """
        Nothing is made.
        """

    def settle(self, obj: Object) -> list[str]:
        """
        Bring a definition into form and fill in its defaults, in place.

        @return: the paths of the members that definitions do not have.
        @raise ark.meta.metatypes.WrongType: a member is of a wrong type.
        """
        return read_definition(obj)

    @cached_property
    def default_applied(self) -> Callable[[Object], None]:
        """
        Bring what was applied into form: it is read into the same structures.
        """

        def read(obj: Object) -> None:
            read_definition(obj)

        return read

    def prune(self, obj: Object) -> list[str]:
        """
        The same as L{settle}: one cannot be without the other.
        """
        return self.settle(obj)

    def wrong_embedded(self, obj: Object) -> Cause | None:
        """
        There are none.
        """
        return None

    def validate(
        self, obj: Object, old: Object | None = None, warnings: list[str] | None = None
    ) -> list[Cause]:
        """
        Nothing: the strategy judges definitions.
        """
        return []

    def validate_status(self, obj: Object, old: Object, warnings: list[str] | None = None) -> list[Cause]:
        """
        Every fault of a write to C{/status}.
        """
        return status_causes(obj)
