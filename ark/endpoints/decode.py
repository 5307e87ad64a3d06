"""
Request bodies to objects.

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/{create,rest}.go} and the decoder of
C{k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go}; contract 5.1,
5.9 and 9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ark.apis.kind import Kind
from ark.apis.messages import delete_options_message, message_of
from ark.apis.omissions import compile_omissions
from ark.apis.times import compile_times
from ark.endpoints.negotiation import CUSTOM_BODIES, PROTOBUF, TYPED_BODIES, YAML
from ark.endpoints.typemeta import (
    NO_JSON,
    cannot_handle,
    check_kind,
    check_version,
    settle_type,
    unrecognized,
)
from ark.meta import objectmeta
from ark.meta.gotext import json_type
from ark.meta.options import IGNORE, STRICT
from ark.meta.protobuf import Message, open_envelope
from ark.meta.serializer import Decoded, DecodeError, decode_json, decode_yaml
from ark.meta.status import APIStatus
from ark.registry.codec import Object
from ark.registry.schema import Processor

_WRONG_TYPE = re.compile(r' in body must be of type ([\w-]+): "([^"]*)')
_BEYOND = re.compile(r"Checked value must be of type integer with format (int32|int64) in (\S+)")
_GO_NAMES = {"integer": "number", "boolean": "bool"}
# How what the parser of YAML says begins.
_LINE = "line "


def parse_body(data: bytes, media_type: str) -> Decoded:
    """
    The value of a body in JSON or YAML.

    @raise DecodeError: it is neither.
    """
    return decode_yaml(data) if media_type == YAML else decode_json(data)


def _doubled(told: str) -> str:
    # YAML's parser says where; JSON's says what.
    return told if told.startswith(_LINE) else f'duplicate field "{told}"'


def _together(problems: Sequence[str]) -> list[str]:
    """
    What strict decoding tells: all that the parser of YAML has to say is one problem.
    """
    lines = [f"\n  {problem}" for problem in problems if problem.startswith(_LINE)]
    others = [problem for problem in problems if not problem.startswith(_LINE)]
    return [f"yaml: unmarshal errors:{''.join(lines)}", *others] if lines else others


def parse_failure(error: DecodeError) -> str:
    """
    What a body that cannot be read is answered with.
    """
    why = str(error)
    return why if why.startswith(("yaml: ", "json: unsupported value: ")) else NO_JSON + why


def parse_delete_options(data: bytes, media_type: str) -> Any:
    """
    The value of a body of a deletion.

    @raise DecodeError: it is not what C{media_type} says.
    """
    if media_type != PROTOBUF:
        return parse_body(data, media_type).value
    api_version, kind, raw = open_envelope(data)
    told = {"apiVersion": api_version, "kind": kind}
    # The message of another kind means something else.
    return {**delete_options_message().decode(raw), **told} if kind in ("", "DeleteOptions") else told


def _texts(kind: Kind) -> list[str]:
    """
    The members of a built-in kind that are strings of a format, or maps of such.
    """
    members = kind.schema.get("properties", {}).items() if kind.typed else ()
    shapes = ((name, shape.get("additionalProperties") or shape) for name, shape in members)
    return [name for name, shape in shapes if shape.get("type") == "string" and "format" in shape]


def _join_lines(found: dict[str, Any]) -> None:
    """
    Take the ends of lines out of base64, in place, which Go reads over.
    """
    for key, value in found.items():
        if isinstance(value, str) and ("\n" in value or "\r" in value):
            found[key] = value.replace("\n", "").replace("\r", "")


class Decoder:
    """
    Makes objects of one kind from bodies: typed, pruned and defaulted.

    @ivar kind: their kind.
    @ivar media_types: what bodies may be: protocol buffers too if the kind has a message.
    """

    def __init__(self, kind: Kind, processor: Processor) -> None:
        self.kind = kind
        self._processor = processor
        self._message = message_of(kind.api_version, kind.kind) if kind.typed else None
        self._texts = _texts(kind)
        self._omit_empty = compile_omissions(kind.api_version, kind.kind)
        self._settle_times = compile_times(kind.api_version, kind.kind)
        self.media_types = CUSTOM_BODIES if self._message is None else TYPED_BODIES

    def decode(self, data: bytes, media_type: str, validation: str, warnings: list[str]) -> Object:
        """
        The object of a request body.

        @param validation: C{Strict}, C{Warn} or C{Ignore}; unknown and doubled fields go
            to C{warnings} under C{Warn}.
        @raise APIStatus: 400.
        """
        duplicates: Sequence[str] = ()
        if media_type == PROTOBUF and self._message is not None:
            obj = self._read_message(self._message, data)
        else:
            obj, duplicates = self._read_text(data, media_type)
        self.settle(obj, duplicates, validation, warnings)
        return obj

    def _read_text(self, data: bytes, media_type: str) -> tuple[Object, Sequence[str]]:
        try:
            decoded = parse_body(data, media_type)
        except DecodeError as error:
            raise unrecognized(self.kind, parse_failure(error), data) from error
        return settle_type(self.kind, decoded.value, data), decoded.duplicates

    def _read_message(self, message: Message, data: bytes) -> Object:
        """
        The object of a body in protocol buffers; a type that it does not tell is the kind's.
        """
        kind = self.kind
        try:
            api_version, name, raw = open_envelope(data)
        except DecodeError as error:
            raise unrecognized(kind, str(error), data) from error
        obj = {"apiVersion": api_version or kind.api_version, "kind": name or kind.kind}
        check_version(kind, obj["apiVersion"])
        check_kind(kind, obj["kind"])
        try:
            return {**obj, **message.decode(raw)}
        except DecodeError as error:
            raise self.cannot_handle(obj, str(error)) from error

    def settle(self, obj: Object, duplicates: Sequence[str], validation: str, warnings: list[str]) -> None:
        """
        Check the metadata's types, prune, report and default, in place.

        @raise APIStatus: 400.
        """
        try:
            problems = self.fit(obj, duplicates)
        except objectmeta.WrongType as error:
            raise self.cannot_handle(obj, str(error)) from error
        if problems and validation != IGNORE:
            if validation == STRICT:
                raise self.cannot_handle(obj, f"strict decoding error: {', '.join(_together(problems))}")
            warnings.extend(problems)

    def fit(self, obj: Object, duplicates: Sequence[str]) -> list[str]:
        """
        Drop what the kind does not declare and fill in defaults, in place.

        @return: what is wrong with the fields that were dropped or doubled.
        @raise objectmeta.WrongType: a member of the metadata, or any of a built-in kind, is
            of a wrong type.
        """
        metadata = obj.get("metadata")
        if metadata is None:
            obj["metadata"] = metadata = {}
        # No entries at all are a wish to forget them, which custom resources lose on the way.
        forgets = self.kind.typed and isinstance(metadata, dict) and metadata.get("managedFields") == []
        unknown = sorted(objectmeta.check_types(metadata))
        if forgets:
            metadata["managedFields"] = []
        if self.kind.typed:
            self._omit_empty(obj)
        unknown += self._processor.settle(obj)
        if self.kind.typed:
            self._check_members(obj)
        wrong = self._processor.wrong_embedded(obj)
        if wrong is not None:
            raise objectmeta.WrongType(f"{wrong.field}: {wrong.message}")
        if not duplicates and not unknown:
            return []
        return [*map(_doubled, duplicates), *(f'unknown field "{path}"' for path in unknown)]

    def is_fit(self, obj: Object, changed: Object) -> bool:
        """
        Whether it is certain that L{fit} would find nothing wrong with a custom resource and change
        nothing but members of its metadata, which have then been changed.

        @param changed: the members of C{obj} that are not known to be fit; C{obj} for all.
        """
        if "metadata" in changed or "metadata" not in obj:
            try:
                unknown = objectmeta.check_types(obj.get("metadata"))
            except objectmeta.WrongType:
                return False
            if unknown:
                return False
        return bool(obj.get("kind")) and self._processor.is_settled(changed)

    def _check_members(self, obj: Object) -> None:
        """
        What Kubernetes has a Go type for fails already when it is decoded.
        """
        for name in self._texts:
            found = obj.get(name)
            if isinstance(found, dict):
                _join_lines(found)
            for value in found.values() if isinstance(found, dict) else (found,):
                if not isinstance(value, str) and value is not None:
                    # Kubernetes' validation lets arrays pass where a format says what a string is.
                    why = f"json: cannot unmarshal {json_type(value)} into Go struct field"
                    raise objectmeta.WrongType(f"{why} {self.kind.kind}.{name} of type string")
        try:
            self._settle_times(obj)
        except ValueError as error:
            raise objectmeta.WrongType(str(error)) from error
        for cause in self._processor.validate(obj):
            found = _WRONG_TYPE.search(cause.message)
            beyond = _BEYOND.search(cause.message)
            if beyond is not None:
                field = f"Go struct field {self.kind.kind}.{beyond[2]} of type {beyond[1]}"
                raise objectmeta.WrongType(f"json: cannot unmarshal number into {field}")
            if found is None:
                continue
            wanted, given = found.groups()
            if wanted == "byte":
                raise objectmeta.WrongType("illegal base64 data at input byte 0")
            field = f"Go struct field {self.kind.kind}.{cause.field} of type {wanted}"
            what = _GO_NAMES.get(given, given) or "value"
            raise objectmeta.WrongType(f"json: cannot unmarshal {what} into {field}")

    def check_applied(self, obj: Object) -> None:
        """
        Check what an applied configuration made of an object of a built-in kind, as if it had been sent.

        @raise APIStatus: 400.
        """
        if not self.kind.typed:
            return
        try:
            self._check_members(obj)
        except objectmeta.WrongType as error:
            raise self.cannot_handle(obj, str(error)) from error

    def cannot_handle(self, obj: Object, why: str) -> APIStatus:
        """
        The answer for an object that is not one of this kind.
        """
        return cannot_handle(self.kind, obj.get("kind"), why)
