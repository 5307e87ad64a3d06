"""
JSON patches, RFC 6902, with the habits of C{evanphx/json-patch} v4 (contract 1.13, 7.4).

Those are: C{replace} works for a missing member, indices may be negative and count from
the end, and C{test} takes a missing member for C{null}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Union

import orjson

from ark.meta.gotext import json_type, quote

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024

Container = Union[dict[str, Any], list[Any]]
Operation = dict[str, Any]

_INDEX = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_MEMBERS = ("op", "path", "from", "value")
_MISSING = "missing value"

# What is said of a place that is not there, where that is not the same for all operations.
_MISSED = {
    ("add", "path"): 'doc is missing path: "{}"',
    ("remove", "path"): 'doc is missing path: "{}"',
    ("move", "from"): "doc is missing from path: {}",
    ("copy", "from"): "doc is missing from path: {}",
    ("move", "path"): "doc is missing destination path: {}",
    ("copy", "path"): "doc is missing destination path: {}",
    ("test", "path"): "is missing path: {}",
}


class InvalidPatch(ValueError):
    """
    The patch is not a list of operations; the message is for the client.
    """


class TooManyOperations(ValueError):
    """
    The patch has more than L{MAX_OPERATIONS} operations; the message is for the client.
    """


class PatchFailed(ValueError):
    """
    An operation does not apply to the document.
    """


class PatchTestFailed(PatchFailed):
    """
    The document is not what a C{test} operation says.
    """


def apply_json_patch(document: Any, operations: Any) -> Any:
    """
    The document that the operations make of C{document}, which is not changed.

    @raise InvalidPatch: C{operations} is no list of objects.
    @raise TooManyOperations: there are more than L{MAX_OPERATIONS}.
    @raise PatchFailed: one of them does not apply, C{copy} added more than L{MAX_COPIED}
        bytes, or the result is nested too deep.
    """
    check_shape(operations)
    if len(operations) > MAX_OPERATIONS:
        raise TooManyOperations(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(operations)}"
        )
    patching = _Patching(orjson.loads(orjson.dumps(document)))
    for operation in operations:
        patching.apply(operation or {})
    try:
        orjson.dumps(patching.document)
    except TypeError:
        raise PatchFailed("exceeded max depth") from None
    return patching.document


def check_shape(operations: Any) -> None:
    """
    Check what every patch has to be, whatever its operations say.

    @raise InvalidPatch: it is no list of objects.
    """
    start = "json: cannot unmarshal"
    if not isinstance(operations, list):
        raise InvalidPatch(f"{start} {json_type(operations)} into Go value of type jsonpatch.Patch")
    for operation in operations:
        if operation is not None and not isinstance(operation, dict):
            raise InvalidPatch(f"{start} {json_type(operation)} into Go value of type jsonpatch.Operation")


def check_types(operations: Any) -> None:
    """
    Check the types that strict decoding, and decoding with warnings, asks for.  Without it an
    operation whose members are of other types is one that fails.

    @raise InvalidPatch: the patch is no list of operations.
    """
    start = "error decoding patch: json: cannot unmarshal"
    if not isinstance(operations, list):
        raise InvalidPatch(f"{start} {json_type(operations)} into Go value of type []handlers.jsonPatchOp")
    for operation in operations:
        if operation is None:
            continue
        if not isinstance(operation, dict):
            raise InvalidPatch(f"{start} {json_type(operation)} into Go value of type handlers.jsonPatchOp")
        for member in ("op", "path", "from"):
            value = operation.get(member)
            if value is not None and not isinstance(value, str):
                raise InvalidPatch(
                    f"{start} {json_type(value)} into Go struct field jsonPatchOp.{member} of type string"
                )


def strict_errors(operations: Any, duplicates: Sequence[str]) -> list[str]:
    """
    What strict decoding says about a patch: doubled members and unknown ones.
    """
    found = [f"json patch duplicate field {quote(path)}" for path in duplicates]
    for index, operation in enumerate(operations):
        found += [
            f"json patch unknown field {quote(f'[{index}].{name}')}"
            for name in operation or ()
            if name not in _MEMBERS
        ]
    return found


def _copied(value: Any) -> Any:
    # What comes from the patch is put in as a copy: later operations may reach into it.
    return orjson.loads(orjson.dumps(value)) if isinstance(value, (dict, list)) else value


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    # Python takes true for 1, also inside of collections.
    return one == other and (
        not isinstance(one, (dict, list))
        or orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    )


def _decoded(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~") if "~" in token else token


def _position(items: list[Any], key: str, size: int) -> int:
    """
    The place that an array index names; C{size} is one more than the highest.
    """
    if not _INDEX.fullmatch(key):
        raise PatchFailed(f"strconv.Atoi: parsing {quote(key)}: invalid syntax")
    index = int(key)
    if not -size <= index < size:
        raise PatchFailed(f"Unable to access invalid index: {index}: invalid index referenced")
    return index + size if index < 0 else index


def _get(container: Container, key: str) -> Any:
    if isinstance(container, dict):
        return container.get(key)
    return container[_position(container, key, len(container))]


def _add(container: Container, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_position(container, key, len(container) + 1), value)


def _remove(container: Container, key: str) -> None:
    if isinstance(container, list):
        del container[_position(container, key, len(container))]
    elif key in container:
        del container[key]
    else:
        raise PatchFailed(f"Unable to remove nonexistent key: {key}: {_MISSING}")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """
    Tell of a failure as of a part of something.
    """
    try:
        yield
    except PatchFailed as error:
        raise PatchFailed(f"{what}: {error}") from None


class _Patching:
    """
    A document under change.
    """

    def __init__(self, document: Any) -> None:
        self.document = document
        self._copied = 0
        self._operations: dict[str, Callable[[Operation], None]] = {
            "add": self._op_add,
            "remove": self._op_remove,
            "replace": self._op_replace,
            "move": self._op_move,
            "test": self._op_test,
            "copy": self._op_copy,
        }

    def apply(self, operation: Operation) -> None:
        """
        Carry out one operation.
        """
        name = operation.get("op")
        name = name if isinstance(name, str) else "unknown"
        run = self._operations.get(name)
        if run is None:
            raise PatchFailed(f"Unexpected kind: {name}")
        run(operation)

    def _find(self, operation: Operation, member: str = "path") -> tuple[Container, str]:
        name = operation["op"]
        path = operation.get(member)
        if not isinstance(path, str):
            raise PatchFailed(f"{name} operation failed to decode {member}: {_MISSING}")
        tokens = path.split("/")
        container = self.document
        found = len(tokens) > 1
        for token in tokens[1:-1]:
            try:
                container = _get(container, _decoded(token))
            except PatchFailed:
                found = False
            if not isinstance(container, (dict, list)):
                found = False
            if not found:
                break
        if not found:
            what = _MISSED.get((name, member), "doc is missing path: {}").format(path)
            raise PatchFailed(f"{name} operation does not apply: {what}: {_MISSING}")
        return container, _decoded(tokens[-1])

    def _op_add(self, operation: Operation) -> None:
        container, key = self._find(operation)
        with _told(f"error in add for path: '{operation['path']}'"):
            _add(container, key, _copied(operation.get("value")))

    def _op_remove(self, operation: Operation) -> None:
        container, key = self._find(operation)
        with _told(f"error in remove for path: '{operation['path']}'"):
            _remove(container, key)

    def _op_replace(self, operation: Operation) -> None:
        value = _copied(operation.get("value"))
        if operation.get("path") == "":
            if not isinstance(value, (dict, list)):
                raise PatchFailed("replace operation value must be object or array")
            self.document = value
            return
        container, key = self._find(operation)
        if isinstance(container, dict):
            container[key] = value
            return
        try:
            container[_position(container, key, len(container))] = value
        except PatchFailed:
            path = operation["path"]
            raise PatchFailed(
                f"replace operation does not apply: doc is missing key: {path}: {_MISSING}"
            ) from None

    def _op_move(self, operation: Operation) -> None:
        container, key = self._find(operation, "from")
        with _told(f"error in move for path: '{key}'"):
            value = _get(container, key)
            _remove(container, key)
        container, key = self._find(operation)
        with _told(f"error in move for path: '{operation['path']}'"):
            _add(container, key, value)

    def _op_test(self, operation: Operation) -> None:
        wanted = operation.get("value")
        path = operation.get("path")
        actual = self.document
        if path != "":
            container, key = self._find(operation)
            with _told(f"error in test for path: '{path}'"):
                actual = _get(container, key)
        if not _same(actual, wanted):
            raise PatchTestFailed(f"testing value {path} failed: test failed")

    def _op_copy(self, operation: Operation) -> None:
        container, key = self._find(operation, "from")
        with _told(f"error in copy for from: '{operation['from']}'"):
            value = _get(container, key)
        container, key = self._find(operation)
        text = orjson.dumps(value)
        self._copied += len(text)
        if self._copied > MAX_COPIED:
            raise PatchFailed(
                "Unable to complete the copy, the accumulated size increase of copy is "
                f"{self._copied}, exceeding the limit {MAX_COPIED}"
            )
        with _told("error while adding value during copy"):
            _add(container, key, orjson.loads(text))
