"""
What an admission plug-in is told of a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ark.meta.gvk import GroupKind, GroupResource

CREATE = "CREATE"
UPDATE = "UPDATE"
DELETE = "DELETE"


@dataclass
class Attributes:
    """
    A write that is about to happen.

    @ivar object: what would be stored; plug-ins that admit may change it in place or
        replace it.  L{None} for a deletion.
    @ivar old_object: what is stored now, not to be changed.  L{None} for a creation.
    @ivar warnings: texts for the client, sent as C{Warning} headers.
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
