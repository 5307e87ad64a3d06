"""
Parts of a configuration that would be replaced as a whole.

Follows C{findAtomics} in C{k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apply.typed import Atom


def atomics(atom: Atom, value: Any, path: str = "") -> Iterator[str]:
    """
    The paths of all atomic lists, maps and structs in a value.  Members that a schema does not
    name are not looked into.
    """
    if type(value) is dict and atom.map is not None:
        if atom.map.atomic:
            yield path
        for name, part in value.items():
            member = atom.map.members.get(name)
            if member is not None:
                yield from atomics(member.atom, part, f"{path}.{name}")
    elif type(value) is list and atom.list is not None:
        if atom.list.atomic:
            yield path
        for index, part in enumerate(value):
            yield from atomics(atom.list.element, part, f"{path}[{index}]")
