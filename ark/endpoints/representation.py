"""
The forms in which objects, lists and events of a kind are sent.

Contract 1.8, 11.6, 12.8, 12.12, 12.18 and 14; follows
C{k8s.io/apiserver/pkg/endpoints/handlers/response.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import orjson

from ark.apis.kind import Kind
from ark.apis.messages import encoded
from ark.endpoints.negotiation import Accepted
from ark.meta.protoencoding import delimited
from ark.meta.status import bad_request, not_acceptable
from ark.registry.columns import Columns
from ark.watch.representation import Preparation

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_INCLUDES = ("Metadata", "Object", "None")
_EMPTY: dict[str, Any] = {"metadata": {"name": ""}}


class Form:
    """
    Objects as they are stored.

    @ivar key: equal for forms that make equal bytes.
    @ivar is_plain: whether L{item} gives back what it is given.
    @ivar preparation: gets stored texts ready that cannot be shown at once.
    @ivar following: the form of the events after a watch's first.
    """

    def __init__(self, kind: Kind, serve: Callable[[bytes], bytes] | None = None) -> None:
        self.preparation: Preparation | None = None
        self.key: Hashable = (kind.api_version, kind.kind, serve is not None)
        self.following: Form = self
        self.is_plain = serve is None
        self._serve = serve
        self._typed = kind.typed
        self._type = b'{"kind":%b,"apiVersion":%b' % (orjson.dumps(kind.kind), orjson.dumps(kind.api_version))
        self.list_open = b'{"apiVersion":%b,"items":[' % orjson.dumps(kind.api_version)
        self._list_kind = orjson.dumps(kind.list_kind)

    def item(self, body: bytes) -> bytes:
        """
        An object as one member of a list.
        """
        return body if self._serve is None else self._serve(body)

    def object(self, body: bytes) -> bytes:
        """
        An object as a whole answer.
        """
        return self.item(body)

    def list_close(self, revision: int, continuation: str, remaining: int | None) -> bytes:
        """
        What follows the last member of a list that began with C{list_open}.
        """
        return b'],"kind":%b,"metadata":%b}' % (
            self._list_kind,
            list_metadata(revision, continuation, remaining, self._typed),
        )

    def value(self, body: bytes) -> dict[str, Any]:
        """
        What L{object} writes, for those who write it in another way.
        """
        obj: dict[str, Any] = orjson.loads(self.object(body))
        return obj

    def event(self, type: str, body: bytes) -> bytes:
        """
        A watch event: one line.
        """
        return b'{"type":"%b","object":%b}\n' % (type.encode(), self.object(body))

    def bookmark(self, revision: int, initial_end: bool) -> bytes:
        """
        A bookmark event: one line.
        """
        return b'{"type":"BOOKMARK","object":%b}\n' % self.bookmark_object(revision, initial_end)

    def bookmark_object(self, revision: int, initial_end: bool) -> bytes:
        """
        What a bookmark shows instead of an object.
        """
        return b'%b,"metadata":%b}' % (self._type, _bookmark_metadata(revision, initial_end))

    def error(self, status: dict[str, Any]) -> bytes:
        """
        The event that ends a failed watch: a Status, in every form (contract 12.11).
        """
        return b'{"type":"ERROR","object":%b}\n' % orjson.dumps(status)

    def count(self, data: bytes) -> int:
        """
        How many events C{data} has.
        """
        return data.count(b"\n")


def list_metadata(revision: int, continuation: str, remaining: int | None, typed: bool = False) -> bytes:
    """
    The C{metadata} of a list (contract 11.6, 12.4).

    @param typed: whether Kubernetes has a type for the list; then an empty C{continue} is left out.
    """
    metadata: dict[str, Any] = {} if typed and not continuation else {"continue": continuation}
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    metadata["resourceVersion"] = str(revision)
    return orjson.dumps(metadata)


def _bookmark_metadata(revision: int, initial_end: bool) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if initial_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return orjson.dumps(metadata)


class TypedForm(Form):
    """
    Objects of a kind that Kubernetes has a type for.

    Members of their lists do not say what they are.  Clients with types of their own take
    one that does for another than the same object from a watch, where they forget it.
    """

    def __init__(self, kind: Kind, serve: Callable[[bytes], bytes] | None = None) -> None:
        super().__init__(kind, serve)
        self.is_plain = False
        self._said = b'{"apiVersion":%b,"kind":%b,' % (
            orjson.dumps(kind.api_version),
            orjson.dumps(kind.kind),
        )

    def item(self, body: bytes) -> bytes:
        """
        The object without C{apiVersion} and C{kind}, which stand in front.
        """
        said, body = self._said, self.object(body)
        return b"{" + body[len(said) :] if body.startswith(said) else body

    def object(self, body: bytes) -> bytes:
        """
        The object as it is stored, or in the version that is served.
        """
        return body if self._serve is None else self._serve(body)


class PartialForm(Form):
    """
    Objects with nothing but their metadata.
    """

    def __init__(self, kind: Kind, version: str, serve: Callable[[bytes], bytes] | None = None) -> None:
        super().__init__(kind, serve)
        self.is_plain = False
        self._api_version = f"meta.k8s.io/{version}"
        api_version = self._api_version.encode()
        self.key = (kind.api_version, kind.kind, "PartialObjectMetadata", version)
        self._type = b'{"kind":"PartialObjectMetadata","apiVersion":"%b"' % api_version
        self.list_open = b'{"kind":"PartialObjectMetadataList","apiVersion":"%b","items":[' % api_version

    def item(self, body: bytes) -> bytes:
        """
        The object's metadata.
        """
        metadata = orjson.loads(super().item(body))["metadata"]
        return b'%b,"metadata":%b}' % (self._type, orjson.dumps(metadata))

    def value(self, body: bytes) -> dict[str, Any]:
        """
        The object's metadata, which is written only once.
        """
        metadata = orjson.loads(super().item(body))["metadata"]
        return {"kind": "PartialObjectMetadata", "apiVersion": self._api_version, "metadata": metadata}

    def list_close(self, revision: int, continuation: str, remaining: int | None) -> bytes:
        """
        The list's own metadata; its kind stands in front.
        """
        return b'],"metadata":%b}' % list_metadata(revision, continuation, remaining, True)


class TableForm(Form):
    """
    Objects as rows of a table.
    """

    def __init__(
        self,
        kind: Kind,
        columns: Columns,
        now: Callable[[], float],
        version: str,
        include: str,
        serve: Callable[[bytes], bytes] | None,
        headers: bool = True,
    ) -> None:
        super().__init__(kind, serve)
        self.is_plain = False
        self.key = (kind.api_version, kind.kind, "Table", version, include, headers)
        self._columns = columns
        self._now = now
        self._include = include
        self._partial = f"meta.k8s.io/{version}"
        definitions = columns.definitions()
        self._width = len(definitions)
        self._typed = kind.typed
        self._head = b'{"kind":"Table","apiVersion":"meta.k8s.io/%b","columnDefinitions":%b,' % (
            version.encode(),
            orjson.dumps(definitions if headers else None),
        )
        self.list_open = self._head + b'"rows":['
        if headers:
            self.following = TableForm(kind, columns, now, version, include, serve, False)

    def _attached(self, obj: dict[str, Any]) -> Any:
        if self._include == "Object":
            return obj
        if self._include == "None":
            return None
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": self._partial,
            "metadata": obj["metadata"],
        }

    def _row(self, obj: dict[str, Any]) -> bytes:
        cells = self._columns.cells(obj, self._now())
        return orjson.dumps({"cells": cells, "object": self._attached(obj)})

    def item(self, body: bytes) -> bytes:
        """
        The object's row.
        """
        return self._row(orjson.loads(super().item(body)))

    def object(self, body: bytes) -> bytes:
        """
        A table of one row, of the object's own revision.
        """
        obj = orjson.loads(super().item(body))
        revision = obj["metadata"].get("resourceVersion")
        metadata = {"resourceVersion": revision} if revision else {}
        return b'%b"metadata":%b,"rows":[%b]}' % (self._head, orjson.dumps(metadata), self._row(obj))

    def list_close(self, revision: int, continuation: str, remaining: int | None) -> bytes:
        """
        The table's metadata (contract 14.1).
        """
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if continuation:
            metadata["continue"] = continuation
        if remaining is not None:
            metadata["remainingItemCount"] = remaining
        return b'],"metadata":%b}' % orjson.dumps(metadata)

    def bookmark_object(self, revision: int, initial_end: bool) -> bytes:
        """
        A table of one row that is empty but for the revision; kinds that Kubernetes has a printer
        for are printed with nothing in them.
        """
        metadata = orjson.loads(_bookmark_metadata(revision, initial_end))
        nothing: list[Any] = ["", *[None] * (self._width - 1)]
        cells = self._columns.cells(_EMPTY, self._now()) if self._typed else nothing
        attached = {
            "kind": "PartialObjectMetadata",
            "apiVersion": self._partial,
            "metadata": metadata,
        }
        row = orjson.dumps({"cells": cells, "object": attached})
        table = orjson.dumps({"resourceVersion": str(revision)})
        return b'%b"metadata":%b,"rows":[%b]}' % (self._head, table, row)


class ProtobufForm(Form):
    """
    Another form's events in protocol buffers: each a C{WatchEvent} behind its length
    (C{LengthDelimitedFramer} in C{k8s.io/apimachinery/pkg/runtime/serializer/protobuf}).
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self.preparation = form.preparation
        self.key = (form.key, "protobuf")
        self.following = self if form.following is form else ProtobufForm(form.following)

    def _frame(self, type: str, obj: dict[str, Any]) -> bytes:
        event = delimited(1, type.encode()) + delimited(2, delimited(1, encoded(obj)))
        return len(event).to_bytes(4, "big") + event

    def event(self, type: str, body: bytes) -> bytes:
        """
        A watch event: one frame.
        """
        return self._frame(type, self._form.value(body))

    def bookmark(self, revision: int, initial_end: bool) -> bytes:
        """
        A bookmark event: one frame.
        """
        return self._frame("BOOKMARK", orjson.loads(self._form.bookmark_object(revision, initial_end)))

    def error(self, status: dict[str, Any]) -> bytes:
        """
        The event that ends a failed watch.
        """
        return self._frame("ERROR", status)

    def count(self, data: bytes) -> int:
        """
        How many frames C{data} has.
        """
        events = place = 0
        while place < len(data):
            place += 4 + int.from_bytes(data[place : place + 4], "big")
            events += 1
        return events


class Forms:
    """
    The forms of one served kind, each made once.
    """

    def __init__(
        self,
        kind: Kind,
        columns: Columns,
        now: Callable[[], float],
        serve: Callable[[bytes], bytes] | None,
        preparation: Preparation | None = None,
    ) -> None:
        self._kind = kind
        self._columns = columns
        self._now = now
        self._serve = serve
        self._preparation = preparation
        plain = TypedForm(kind, serve) if kind.typed else Form(kind, serve)
        self.plain = self._prepared(plain)
        self._made: dict[tuple[str, str, str], Form] = {}

    def form(self, accepted: Accepted, include: str, of_list: bool) -> Form:
        """
        The form for an answer.

        @param include: the parameter C{includeObject}.
        @param of_list: whether the answer is a list (or a watch's events are not: False).
        @raise ark.meta.status.APIStatus: 400 for a bad C{include}, 406 for a transformation
            that does not fit (contract 1.8, 14.4).
        """
        transform = accepted.transform
        if not transform:
            return self.plain
        if transform == "Table":
            _check_include(include)
        else:
            _check_shape(transform, of_list, self._kind)
            include = ""
        known = self._made.get((transform, accepted.version, include))
        if known is None:
            known = self._prepared(self._make(transform, accepted.version, include))
            self._made[transform, accepted.version, include] = known
        return known

    def _make(self, transform: str, version: str, include: str) -> Form:
        if transform == "Table":
            return TableForm(self._kind, self._columns, self._now, version, include, self._serve)
        # Metadata are the same in every version, unless somebody else says what they are.
        return PartialForm(self._kind, version, self._serve if self._preparation is not None else None)

    def _prepared(self, form: Form) -> Form:
        form.preparation = form.following.preparation = self._preparation
        return form


def _check_include(include: str) -> None:
    if include and include not in _INCLUDES:
        raise bad_request(
            "Unable to convert to Table as requested: includeObject: Invalid value: "
            f"\"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        )


def _check_shape(transform: str, of_list: bool, kind: Kind) -> None:
    wants_list = transform == "PartialObjectMetadataList"
    if wants_list == of_list:
        return
    status = not_acceptable(())
    status.message = (
        f"you requested PartialObjectMetadata, but the requested object is a list ({kind.list_kind})"
        if of_list
        else f"you requested PartialObjectMetadataList, but the requested object is not a list ({kind.kind})"
    )
    raise status
