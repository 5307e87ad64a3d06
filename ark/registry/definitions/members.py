"""
What names, columns, subresources and selectable fields may be.

Follows the functions of these names in C{k8s.io/apiextensions-apiserver/pkg/apis/
apiextensions/validation/validation.go}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ark.meta.fielderrors import duplicate, invalid, required, too_many
from ark.meta.gotext import json_marshal
from ark.meta.names import dns1035_label
from ark.meta.status import Cause
from ark.registry.definitions.fieldpaths import InvalidFieldPath, find_field

COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
MOST_SELECTABLE = 8
_WARNING_LENGTH = 256
_NO_PRINT = "must only contain printable UTF-8 characters; non-printable character found at index"

Value = Mapping[str, Any]


def name_causes(names: Value, path: str) -> Iterator[Cause]:
    """
    The faults of the names that there are.
    """
    for member in ("plural", "singular"):
        yield from _label(names.get(member) or "", f"{path}.{member}")
    for member in ("kind", "listKind"):
        text = names.get(member) or ""
        problems = dns1035_label(text.lower()) if text else ()
        if problems:
            detail = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            yield invalid(f"{path}.{member}", text, detail)
    for index, text in enumerate(names.get("shortNames") or ()):
        yield from _label(text, f"{path}.shortNames[{index}]", True)
    if names.get("kind") and names["kind"] == names.get("listKind"):
        yield invalid(f"{path}.listKind", names["kind"], "kind and listKind may not be the same")
    for index, text in enumerate(names.get("categories") or ()):
        yield from _label(text, f"{path}.categories[{index}]", True)


def _label(text: str, path: str, needed: bool = False) -> Iterator[Cause]:
    problems = dns1035_label(text) if text or needed else ()
    if problems:
        yield invalid(path, text, ",".join(problems))


def column_causes(column: Value, path: str) -> Iterator[Cause]:
    """
    The faults of a printer column.
    """
    if not column["name"]:
        yield required(f"{path}.name")
    types = f"must be one of {','.join(COLUMN_TYPES)}"
    if not column["type"]:
        yield required(f"{path}.type", types)
    elif column["type"] not in COLUMN_TYPES:
        yield invalid(f"{path}.type", column["type"], types)
    if column.get("format") and column["format"] not in COLUMN_FORMATS:
        detail = f"must be one of {','.join(COLUMN_FORMATS)}"
        yield invalid(f"{path}.format", column["format"], detail)
    if not column["jsonPath"]:
        yield required(f"{path}.JSONPath")
    else:
        yield from _simple_path(column["jsonPath"], f"{path}.JSONPath")


def _simple_path(text: str, path: str) -> Iterator[Cause]:
    if not text.startswith("."):
        yield invalid(path, text, "must be a simple json path starting with .")


def subresource_causes(subresources: Value, path: str) -> Iterator[Cause]:
    """
    The faults of the subresources.
    """
    scale = subresources.get("scale")
    if scale is None:
        return
    for member, parent in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        where = f"{path}.scale.{member}"
        if not scale[member]:
            yield required(where)
        else:
            yield from _path_below(scale[member], where, (parent,), parent)
    selector = scale.get("labelSelectorPath")
    if selector:
        where = f"{path}.scale.labelSelectorPath"
        yield from _path_below(selector, where, (".spec", ".status"), "either .spec or .status")


def _path_below(text: str, path: str, parents: tuple[str, ...], words: str) -> Iterator[Cause]:
    faults = list(_simple_path(text, path))
    yield from faults
    if not faults and not text.startswith(tuple(f"{parent}." for parent in parents)):
        yield invalid(path, text, f"should be a json path under {words}")


def selectable_causes(fields: list[Value], schema: Value, path: str, unbounded: bool) -> Iterator[Cause]:
    """
    The faults of selectable fields.

    @param unbounded: whether there may be more than allowed.
    """
    seen: set[str] = set()
    for index, field in enumerate(fields):
        where, text = f"{path}[{index}].jsonPath", field["jsonPath"]
        if not text:
            yield required(where)
            continue
        try:
            found = find_field(text, schema, brackets=False)
        except InvalidFieldPath as error:
            yield invalid(where, text, f"is an invalid path: {error}")
            continue
        if found.steps[0] == "metadata":
            yield invalid(where, text, "must not point to fields in metadata")
        if found.schema.get("type") not in ("string", "boolean", "integer"):
            detail = (
                "must point to a field of type string, boolean or integer. "
                "Enum string fields and strings with formats are allowed."
            )
            yield invalid(where, text, detail)
        if found.path in seen:
            yield duplicate(where, text)
        seen.add(found.path)
    if len(seen) > MOST_SELECTABLE and not unbounded:
        yield too_many(path, len(seen), MOST_SELECTABLE)


def deprecation_causes(version: Value, path: str) -> Iterator[Cause]:
    """
    The faults of what clients are warned of.
    """
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    where = f"{path}.deprecationWarning"
    if not version.get("deprecated"):
        yield invalid(where, warning, "can only be set for deprecated versions")
        return
    if len(warning.encode()) > _WARNING_LENGTH:
        yield invalid(where, warning, f"must be <= {_WARNING_LENGTH} characters long")
    if not warning:
        yield invalid(where, warning, "must not be an empty string")
    for index, character in enumerate(warning):
        if not character.isprintable():
            # Shown as JSON: to Kubernetes it is a pointer.
            shown = f"Invalid value: {json_marshal(warning)}"
            detail = f"{shown}: {_NO_PRINT} {len(warning[:index].encode())}"
            yield Cause("FieldValueInvalid", detail, where)
            break
