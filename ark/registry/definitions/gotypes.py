"""
Types as Go declares them: how JSON is read into one, and how one is shown in messages.

Kubernetes reads a definition into Go structures.  What it forgets, refuses and fills in
follows from their declarations (C{encoding/json}, as C{sigs.k8s.io/json} changed it).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from ark.meta.gotext import json_type
from ark.meta.metatypes import WrongType
from ark.meta.time import parse_rfc3339


class Place(NamedTuple):
    """
    Where in a document a value stands.

    @ivar struct: the structure around it.
    @ivar field: the members that lead to it, without the places in lists and maps.
    @ivar path: the whole path.
    @ivar unknown: collects the paths of members that nothing declares; L{None} where they
        go unnoticed.
    """

    struct: str
    field: str
    path: str
    unknown: list[str] | None

    def member(self, struct: str, name: str) -> Place:
        """
        The place of a member of this structure.
        """
        field = f"{self.field}.{name}" if self.field else name
        path = f"{self.path}.{name}" if self.path else name
        return Place(struct, field, path, self.unknown)

    def entry(self, key: str | int) -> Place:
        """
        The place of an entry of this list or map.
        """
        path = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}"
        return self._replace(path=path)


class GoType(Protocol):
    """
    A type of Go.

    @ivar name: what Go calls it.
    @ivar zero: what a member is that is not given.
    """

    name: str
    zero: Any

    def read(self, value: Any, place: Place) -> Any:
        """
        A value that is not null, read.

        @raise WrongType: it is none of this type.
        """

    def show(self, value: Any) -> Any:
        """
        What C{json.Marshal} makes of it in the internal version, where members have no
        names but Go's.
        """


def _mismatch(what: str, type_name: str, place: Place) -> WrongType:
    where = f"Go struct field {place.struct}.{place.field}"
    return WrongType(f"json: cannot unmarshal {what} into {where} of type {type_name}")


class Scalar:
    """
    A text, number or boolean.
    """

    def __init__(self, name: str, json_name: str, zero: Any) -> None:
        self.name = name
        self.zero = zero
        self._json_name = json_name

    def read(self, value: Any, place: Place) -> Any:
        """
        It as it is.
        """
        if json_type(value) != self._json_name:
            raise _mismatch(json_type(value), self.name, place)
        return value

    def show(self, value: Any) -> Any:
        """
        It as it is.
        """
        return value


class Integer(Scalar):
    """
    A whole number of so many bits.
    """

    def __init__(self, bits: int) -> None:
        super().__init__(f"int{bits}", "number", 0)
        self._limit = 1 << (bits - 1)

    def read(self, value: Any, place: Place) -> Any:
        """
        It as it is.
        """
        super().read(value, place)
        if isinstance(value, float) or not -self._limit <= value < self._limit:
            raise _mismatch(f"number {value}", self.name, place)
        return value


class Octets:
    """
    Bytes, in base64.
    """

    name = "[]uint8"
    zero = None

    def read(self, value: Any, place: Place) -> Any:
        """
        The text as it is.
        """
        if not isinstance(value, str):
            raise _mismatch(json_type(value), self.name, place)
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise WrongType("illegal base64 data at input byte 0") from None
        return value

    def show(self, value: Any) -> Any:
        """
        The text.
        """
        return value


class Moment:
    """
    A C{metav1.Time}.
    """

    name = "v1.Time"
    zero = None

    def read(self, value: Any, place: Place) -> Any:
        """
        The text as it is.
        """
        if not isinstance(value, str):
            raise _mismatch(json_type(value), "string", place)
        try:
            parse_rfc3339(value)
        except ValueError as error:
            raise WrongType(str(error)) from None
        return value

    def show(self, value: Any) -> Any:
        """
        The text.
        """
        return value


class Anything:
    """
    Any JSON.
    """

    name = "v1.JSON"
    zero = None

    def read(self, value: Any, place: Place) -> Any:
        """
        It as it is.
        """
        return value

    def show(self, value: Any) -> Any:
        """
        It as it is.
        """
        return value


class Optional:
    """
    A pointer: a value that may be missing, so that its zero is a value like others.
    """

    zero = None

    def __init__(self, of: GoType) -> None:
        self._of = of
        self.name = of.name

    def read(self, value: Any, place: Place) -> Any:
        """
        As what it points to.
        """
        return self._of.read(value, place)

    def show(self, value: Any) -> Any:
        """
        As what it points to.
        """
        return None if value is None else self._of.show(value)


class Items:
    """
    A slice.
    """

    zero = None

    def __init__(self, of: GoType) -> None:
        self._of = of
        self.name = f"[]{of.name}"

    def read(self, value: Any, place: Place) -> Any:
        """
        A list of what was read; null is a zero.
        """
        if not isinstance(value, list):
            raise _mismatch(json_type(value), self.name, place)
        return [self._of.read(one, place.entry(at)) for at, one in enumerate(_filled(value, self._of))]

    def show(self, value: Any) -> Any:
        """
        Each of them.
        """
        return None if value is None else [self._of.show(one) for one in value]


class Entries:
    """
    A map from texts.
    """

    zero = None

    def __init__(self, of: GoType) -> None:
        self._of = of
        self.name = f"map[string]{of.name}"

    def read(self, value: Any, place: Place) -> Any:
        """
        A map of what was read; null is a zero.
        """
        if not isinstance(value, dict):
            raise _mismatch(json_type(value), self.name, place)
        filled = zip(value, _filled(list(value.values()), self._of))
        return {key: self._of.read(one, place.entry(key)) for key, one in filled}

    def show(self, value: Any) -> Any:
        """
        Each of them, in the order of the keys.
        """
        return None if value is None else {key: self._of.show(value[key]) for key in sorted(value)}


def _filled(values: list[Any], of: GoType) -> list[Any]:
    if isinstance(of, Anything):
        return values
    return [({} if isinstance(of, Structure) else of.zero) if one is None else one for one in values]


class Member(NamedTuple):
    """
    A field of a structure.

    @ivar go_name: its name in Go; empty when it is not in the internal version.
    @ivar always: written also when it is zero, as fields without C{omitempty} are.
    """

    name: str
    go_name: str
    type: GoType
    always: bool = False


class Structure:
    """
    A struct.

    @param members: made at the first use, for those that contain themselves.
    @param finish: called with each that was read, to fill in defaults.
    """

    zero: Any = None

    def __init__(
        self,
        name: str,
        members: Callable[[], list[Member]],
        finish: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.name = f"v1.{name}"
        self._struct = name
        self._declare = members
        self._finish = finish
        self._declared: dict[str, Member] = {}

    def members(self) -> Mapping[str, Member]:
        """
        The fields, by the names that they have in JSON.
        """
        if not self._declared:
            self._declared = {member.name: member for member in self._declare()}
        return self._declared

    def read(self, value: Any, place: Place) -> Any:
        """
        A map without what nothing declares and what C{omitempty} leaves out.
        """
        if not isinstance(value, dict):
            raise _mismatch(json_type(value), self.name, place)
        declared = self.members()
        made: dict[str, Any] = {}
        for name, given in value.items():
            member = declared.get(name)
            if member is None:
                if place.unknown is not None:
                    place.unknown.append(place.member("", name).path)
            elif given is not None:
                found = member.type.read(given, place.member(self._struct, name))
                if found is not None and (member.always or not _is_empty(found, member.type)):
                    made[name] = found
        for name, member in declared.items():
            if member.always and name not in made:
                made[name] = _zero(member.type)
        if self._finish is not None:
            self._finish(made)
        return made

    def show(self, value: Any) -> Any:
        """
        All fields of the internal version.
        """
        shown = (member for member in self.members().values() if member.go_name)
        return {
            member.go_name: member.type.show(value.get(member.name, member.type.zero)) for member in shown
        }


def _is_empty(value: Any, type: GoType) -> bool:
    if isinstance(type, (Optional, Anything, Structure)):
        return False
    return value in (False, 0, "", [], {})


def _zero(type: GoType) -> Any:
    return type.read({}, Place("", "", "", None)) if isinstance(type, Structure) else type.zero


STRING = Scalar("string", "string", "")
BOOL = Scalar("bool", "bool", False)
FLOAT64 = Scalar("float64", "number", 0)
INT32 = Integer(32)
INT64 = Integer(64)


def named(name: str) -> Scalar:
    """
    A text type with a name of its own.
    """
    return Scalar(name, "string", "")
