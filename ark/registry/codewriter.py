"""
Schemas to Python functions.

What is done to every object on its way in is written out once for each kind as plain
Python and compiled, so that nothing walks a schema later.  The texts hold no value of a
definition but through C{repr} of a string, or as a named constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

_STEP = "    "


class CodeWriter:
    """
    Collects functions, one for each schema node however often the node is used.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._names: dict[tuple[str, int], str] = {}
        self._constants: dict[str, Any] = {}
        self._constant_names: dict[int, str] = {}
        self._tables: list[tuple[dict[str, Any], dict[str, str]]] = []

    def constant(self, value: Any) -> str:
        """
        The name of a value.
        """
        name = self._constant_names.get(id(value))
        if name is None:
            name = self._constant_names[id(value)] = f"C{len(self._constants)}"
            self._constants[name] = value
        return name

    def table(self, functions: Mapping[str, str]) -> str:
        """
        The name of a mapping from members to the functions of these names.
        """
        filled: dict[str, Any] = {}
        self._tables.append((filled, dict(functions)))
        return self.constant(filled)

    def function(self, role: str, schema: Schema, write: Callable[[str], list[str]]) -> str:
        """
        The name of the function that has C{role} for a node; C{write} gives its lines,
        which are about the value called C{v}, the first time it is asked for.
        """
        key = (role, id(schema))
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"{role}{len(self._names)}"
            lines = write(name)
            body = "\n".join(_STEP + line for line in lines or ["pass"])
            self._texts.append(f"def {name}(v):\n{body}\n")
        return name

    def build(self, name: str, source: str) -> Callable[[Any], Any]:
        """
        The function of that name; C{source} is what tracebacks call the text.
        """
        scope: dict[str, Any] = dict(self._constants)
        exec(compile("\n".join(self._texts), f"<{source}>", "exec"), scope)  # our own text, see above
        for filled, functions in self._tables:
            filled.update({member: scope[function] for member, function in functions.items()})
        made: Callable[[Any], Any] = scope[name]
        return made


def indented(lines: list[str], levels: int = 1) -> list[str]:
    """
    Lines further in.
    """
    return [_STEP * levels + line for line in lines]
