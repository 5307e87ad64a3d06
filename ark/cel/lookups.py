"""
What is in lists and maps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ark.cel.constructed import Struct
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.values import Mapping, Sequence, Uint, equal, is_list, shown, type_of


def contains(item: Any, container: Any) -> bool:
    """
    C{in}.
    """
    if type(container) is list:
        return _listed(item, container)
    if isinstance(container, Sequence):
        return _listed(item, container)
    if isinstance(container, Mapping):
        return container.find(item)[0]
    raise no_overload()


def _listed(item: Any, items: Iterable[Any]) -> bool:
    failed: EvaluationError | None = None
    for each in items:
        try:
            if equal(each, item):
                return True
        except EvaluationError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return False


def element(container: Any, index: Any) -> Any:
    """
    C{container[index]}.
    """
    found, value = look_up(container, index)
    if found or type(container) is Struct:
        return value
    if is_list(container):
        raise EvaluationError(f"index out of bounds: {shown(index)}")
    raise EvaluationError(f"no such key: {shown(index)}")


def look_up(container: Any, index: Any) -> tuple[bool, Any]:
    """
    Whether something is in a container under an index, and what.
    """
    if isinstance(container, (Mapping, Struct)):
        return container.find(index)
    if is_list(container):
        place = _place(index)
        if not 0 <= place < len(container):
            return False, None
        return True, container[place] if type(container) is list else container.at(place)
    return False, None


def _place(index: Any) -> int:
    if type(index) in (int, Uint):
        return int(index)
    if type(index) is float:
        if index.is_integer():
            return int(index)
        raise EvaluationError(f"unsupported index value {shown(index)} in list")
    raise EvaluationError(f"unsupported index type '{type_of(index).name}' in list")
