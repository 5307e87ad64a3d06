"""
What an applied configuration is answered with when others own what it would change.

Follows C{k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go}; contract 13.12.
"""

from __future__ import annotations

from collections.abc import Sequence

from ark.apply.fieldpath import path_text
from ark.apply.managedfieldsentry import UPDATE, Identity
from ark.apply.merge import Conflict
from ark.meta.gotext import quote
from ark.meta.status import APIStatus, Cause


def conflict_status(conflicts: Sequence[Conflict]) -> APIStatus:
    """
    The answer of 409, with a cause for each field and owner.
    """
    # Kubernetes tells owners in any order; here it is always the same.
    conflicts = sorted(conflicts, key=lambda conflict: conflict.owner.text)
    causes = [
        Cause("FieldManagerConflict", f"conflict with {_owner(owner)}", path_text(path))
        for owner, path in conflicts
    ]
    return APIStatus(409, "Conflict", f"Apply failed with {_told(conflicts)}", causes=causes)


def _told(conflicts: Sequence[Conflict]) -> str:
    if len(conflicts) == 1:
        owner, path = conflicts[0]
        return f"1 conflict: conflict with {_owner(owner)}: {path_text(path)}"
    lines: list[str] = []
    last = None
    for owner, path in conflicts:
        if owner != last:
            lines.append(f"conflicts with {_owner(owner)}:")
            last = owner
        lines.append(f"- {path_text(path)}")
    return f"{len(conflicts)} conflicts: " + "\n".join(lines)


def _owner(owner: Identity) -> str:
    text = quote(owner.manager)
    if owner.subresource:
        text += f" with subresource {quote(owner.subresource)}"
    return f"{text} using {owner.api_version}" if owner.operation == UPDATE else text
