"""
What schemas declare to expressions.

Follows C{k8s.io/apiserver/pkg/cel/common/schemas.go} and C{pkg/cel/types.go}: which parts of a
schema expressions see, of what types they are, and how large they can be at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ark.cel import types
from ark.cel.conversions import CONVERSIONS, boolean, double, integer, integer_or_text, text
from ark.cel.errors import EvaluationError
from ark.cel.identifiers import RESERVED, escape
from ark.cel.objects import Items, MapItems, Preserved, Record, SetItems, decoded
from ark.cel.types import Type, list_of, map_of, struct

Schema = Mapping[str, Any]

REQUEST_SIZE = 3 * 1024 * 1024
_LONGEST = REQUEST_SIZE - 2
_FORMATS = {
    "byte": (types.BYTES, 2),
    "duration": (types.DURATION, 3),
    "date": (types.TIMESTAMP, 12),
    "date-time": (types.TIMESTAMP, 21),
}
_TEXT_SIZES = {"duration": 32, "date": 12, "date-time": 32}
_STRING: Schema = {"type": "string"}
_NO_LIST = "invalid array type, expected Items with a non-empty Schema"
_NO_TYPE = (
    "invalid type, expected object, array, number, integer, boolean or string, or no type with "
    "x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got "
)


class Declaration:
    """
    A node of a schema as expressions see it.

    @ivar type: its type; L{None} if expressions do not see it.
    @ivar fields: the fields of an object under the names that expressions use.
    @ivar closed: whether only declared fields belong to it.
    @ivar most: how many items, keys or characters it has at most.
    @ivar least_size: how many octets of JSON it takes at least.
    @ivar direct: the class of the decoded values that are their own values.
    """

    __slots__ = (
        "_element",
        "closed",
        "convert",
        "direct",
        "fields",
        "kind",
        "least_size",
        "map_keys",
        "members",
        "most",
        "nullable",
        "type",
    )

    def __init__(self, kind: str, declared: Type | None, nullable: bool = False) -> None:
        self.kind = kind
        self.type = declared
        self.nullable = nullable
        self.fields: dict[str, Declaration] = {}
        self.members: dict[str, Declaration] = {}
        self.closed = False
        self.most = 0
        self.least_size = 1
        self.map_keys: tuple[str, ...] = ()
        self.direct: type | None = None
        self.convert: Callable[[Any], Any] = _as_is
        self._element: Declaration | None = None

    @property
    def element(self) -> Declaration:
        """
        What a list or map consists of.
        """
        return self._element or _NOTHING

    @element.setter
    def element(self, declared: Declaration) -> None:
        self._element = declared

    @property
    def has_element(self) -> bool:
        """
        Whether this is a list or a map.
        """
        return self._element is not None

    def member(self, name: str) -> Declaration | None:
        """
        What a member of an object is declared as, by its own name.
        """
        if self.kind == "map":
            return self._element
        return self.members.get(name)

    def field(self, name: str) -> Declaration | None:
        """
        The field that an expression means.
        """
        found = self.fields.get(name)
        if found is None and name in RESERVED:
            found = self.fields.get(f"__{name}__")
        return found

    def value(self, raw: Any) -> Any:
        """
        The value of a part of an object.
        """
        if raw is None:
            if self.nullable:
                return None
            raise EvaluationError("invalid data, got null for schema with nullable=false")
        return raw if type(raw) is self.direct else self.convert(raw)


def _as_is(raw: Any) -> Any:
    return raw


_NOTHING = Declaration("nothing", None)


def declare_json() -> Declaration:
    """
    Decoded JSON of any shape, whose types are found out when an expression runs.
    """
    made = Declaration("json", types.DYN, nullable=True)
    made.convert = decoded
    return made


def declare(schema: Schema, root: bool = False, name: str = "object") -> Declaration:
    """
    What a schema declares.

    @param root: whether it is of a whole object, whose type and names are seen even if the
        schema does not tell them.
    @param name: the type's name, if it is an object; its parts are named after it.
    """
    if schema.get("x-kubernetes-int-or-string"):
        return _int_or_string(schema)
    if root:
        schema = with_metadata(schema)
    make = _MAKERS.get(schema.get("type") or "")
    if make is not None:
        return make(schema, name)
    made = Declaration("preserved", None, bool(schema.get("nullable")))
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        made.convert = Preserved
    else:
        made.convert = _refusing(_NO_TYPE + str(schema.get("type") or ""))
    return made


def _refusing(message: str) -> Callable[[Any], Any]:
    def refuse(_raw: Any) -> Any:
        raise EvaluationError(message)

    return refuse


def with_metadata(schema: Schema) -> Schema:
    """
    A schema of a whole object that tells its type and names.
    """
    properties = schema.get("properties") or {}
    metadata = properties.get("metadata") or {}
    known = metadata.get("properties") or {}
    told = [
        properties.get("kind"),
        properties.get("apiVersion"),
        known.get("name"),
        known.get("generateName"),
    ]
    if metadata.get("type") == "object" and all((each or {}).get("type") == "string" for each in told):
        return schema
    names = {"type": "object", "properties": {"name": _STRING, "generateName": _STRING}}
    added = {"kind": _STRING, "apiVersion": _STRING, "metadata": names}
    return {**schema, "properties": {**properties, **added}}


def _nested(schema: Schema, name: str) -> Declaration:
    return declare(schema, bool(schema.get("x-kubernetes-embedded-resource")), name)


def _int_or_string(schema: Schema) -> Declaration:
    made = Declaration("dyn", types.DYN, bool(schema.get("nullable")))
    length = schema.get("maxLength")
    made.most = _LONGEST if length is None else max(length, 0) * 4
    made.convert = integer_or_text
    return made


def _object(schema: Schema, name: str) -> Declaration:
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping) and not schema.get("properties"):
        return _map(schema, additional, name)
    made = Declaration("object", struct(name), bool(schema.get("nullable")))
    made.closed = schema.get("properties") is not None or bool(schema.get("x-kubernetes-embedded-resource"))
    made.least_size = 2
    required = frozenset(schema.get("required") or ())
    for key, node in (schema.get("properties") or {}).items():
        escaped = escape(key)
        part = made.members[key] = _nested(node, f"{name}.{escaped or key}")
        if part.type is None:
            continue
        if escaped is not None:
            made.fields[escaped] = part
        if key in required and node.get("default") is None:
            made.least_size += len(key.encode()) + part.least_size + 4
    made.convert = _record(made)
    return made


def _map(schema: Schema, additional: Schema, name: str) -> Declaration:
    part = _nested(additional, f"{name}.@elem")
    made = Declaration("map", part.type and map_of(types.STRING, part.type), bool(schema.get("nullable")))
    made.element = part
    count = schema.get("maxProperties")
    made.most = _LONGEST // (part.least_size + 6) if count is None else max(count, 0)
    made.least_size = 2
    made.convert = _record(made)
    return made


def _record(made: Declaration) -> Callable[[Any], Any]:
    def convert(raw: Any) -> Any:
        if type(raw) is not dict:
            raise EvaluationError("invalid data, expected a map for the provided schema with type=object")
        return Record(raw, made)

    return convert


_LISTS = {"set": SetItems, "map": MapItems}


def _array(schema: Schema, name: str) -> Declaration:
    items = schema.get("items")
    if not isinstance(items, Mapping):
        made = Declaration("list", None, bool(schema.get("nullable")))
        made.convert = _refusing(_NO_LIST)
        return made
    part = _nested(items, f"{name}.@idx")
    made = Declaration("list", part.type and list_of(part.type), bool(schema.get("nullable")))
    made.element = part
    count = schema.get("maxItems")
    made.most = _LONGEST // (part.least_size + 1) if count is None else max(count, 0)
    made.least_size = 2
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    made.map_keys = tuple(escape(key) or key for key in keys)
    sort = _LISTS.get(schema.get("x-kubernetes-list-type") or "", Items)

    def convert(raw: Any) -> Any:
        if type(raw) is not list:
            raise EvaluationError("invalid data, expected an array for the provided schema with type=array")
        return sort(raw, made)

    made.convert = convert
    return made


def _string(schema: Schema, _name: str) -> Declaration:
    written = schema.get("format") or ""
    declared, least = _FORMATS.get(written, (types.STRING, 2))
    made = Declaration("string", declared, bool(schema.get("nullable")))
    made.least_size = least
    made.direct = str if declared is types.STRING else None
    made.convert = CONVERSIONS.get(written, text)
    length, allowed = schema.get("maxLength"), schema.get("enum")
    if written in _TEXT_SIZES:
        made.most = _TEXT_SIZES[written]
    elif length is not None:
        made.most = max(length, 0) * (1 if written == "byte" else 4)
    elif allowed and written != "byte":
        made.most = max((len(each.encode()) for each in allowed if isinstance(each, str)), default=0)
    else:
        made.most = _LONGEST
    return made


def _scalar(
    kind: str, declared: Type, convert: Callable[[Any], Any], least: int
) -> Callable[[Schema, str], Declaration]:
    def make(schema: Schema, _name: str) -> Declaration:
        made = Declaration(kind, declared, bool(schema.get("nullable")))
        made.convert = convert
        made.direct = bool if convert is boolean else None
        made.least_size = least
        return made

    return make


_MAKERS: dict[str, Callable[[Schema, str], Declaration]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "boolean": _scalar("boolean", types.BOOL, boolean, 4),
    "number": _scalar("number", types.DOUBLE, double, 1),
    "integer": _scalar("integer", types.INT, integer, 1),
}
