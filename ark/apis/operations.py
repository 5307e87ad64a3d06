"""
The operations of a kind as OpenAPI documents list them.

Follows C{k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder} and, for names of
operations, C{k8s.io/apiserver/pkg/endpoints/openapi}; contract 4.2, 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ark.apis.kind import Kind
from ark.apis.metaschemas import META, SCALE
from ark.apis.publishing import model_name

Item = dict[str, Any]

_JSON_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
_STRATEGIC = "application/strategic-merge-patch+json"
_TYPES = ("application/json", "application/yaml")
_WATCHED = ("application/json", "application/json;stream=watch", "application/yaml")

# The query parameters by name: type and what they do.
_PARAMETERS = {
    "allowWatchBookmarks": ("boolean", "Send bookmarks in a watch."),
    "continue": ("string", "Token of the page before."),
    "dryRun": ("string", "All: do everything but keep it."),
    "fieldManager": ("string", "Name of the writer, for managedFields."),
    "fieldSelector": ("string", "Only objects whose fields have these values."),
    "fieldValidation": ("string", "What unknown and doubled fields do: Ignore, Warn or Strict."),
    "force": ("boolean", "Take fields from other writers when applying."),
    "gracePeriodSeconds": ("integer", "Seconds to wait before the object goes."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": ("boolean", "Delete even what cannot be read."),
    "labelSelector": ("string", "Only objects with these labels."),
    "limit": ("integer", "Most items of a page."),
    "orphanDependents": ("boolean", "Old form of propagationPolicy: Orphan."),
    "pretty": ("string", "true: lay the answer out for people."),
    "propagationPolicy": ("string", "What becomes of dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "Version that the answer shows, or that a watch starts after."),
    "resourceVersionMatch": ("string", "How resourceVersion counts: Exact or NotOlderThan."),
    "sendInitialEvents": ("boolean", "Begin a watch with what is there."),
    "timeoutSeconds": ("integer", "Seconds after which the answer ends."),
    "watch": ("boolean", "Follow the changes instead of listing."),
}
_LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)


class _Verb(NamedTuple):
    """
    A method: the action of Kubernetes, the verb in its name, its parameters and codes.
    """

    method: str
    action: str
    verb: str
    parameters: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]


_OK, _CREATED, _ACCEPTED = ("200", "OK"), ("201", "Created"), ("202", "Accepted")
_GET = _Verb("get", "get", "read", (), (_OK,))
_LISTING = _Verb("get", "list", "list", _LIST, (_OK,))
_POST = _Verb("post", "post", "create", _WRITE, (_OK, _CREATED, _ACCEPTED))
_PUT = _Verb("put", "put", "replace", _WRITE, (_OK, _CREATED))
_PATCH = _Verb("patch", "patch", "patch", (*_WRITE, "force"), (_OK,))
_REMOVE = _Verb("delete", "delete", "delete", _DELETE, (_OK, _ACCEPTED))
_EMPTY = _Verb("delete", "deletecollection", "delete", tuple(dict.fromkeys((*_LIST[1:-1], *_DELETE))), (_OK,))


def _camel(text: str, capital: bool) -> str:
    """
    A text as part of a name of an operation.
    """
    words = [word for word in re.split(r"[^A-Za-z0-9_]+", text) if word]
    made = "".join(word[:1].upper() + word[1:] for word in words)
    return made if capital else made[:1].lower() + made[1:]


class Operations:
    """
    The paths of one kind, in one dialect.
    """

    def __init__(self, kind: Kind, prefix: str, is_v2: bool) -> None:
        self._kind = kind
        self._prefix = prefix
        self._is_v2 = is_v2
        group = kind.group.removesuffix(".k8s.io") or "core"
        self._tag = f"{_camel(group, False)}_{kind.version}"
        self._words = _camel(group, True) + _camel(kind.version, True)
        self._name = model_name(kind.group, kind.version, kind.kind, kind.typed)
        self._list = model_name(kind.group, kind.version, kind.list_kind, kind.typed)

    def paths(self) -> dict[str, Item]:
        """
        The path items by path.
        """
        return dict(self._items())

    def _items(self) -> Iterator[tuple[str, Item]]:
        kind = self._kind
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        path, scope = f"{root}/{kind.plural}", ("namespace",)
        if kind.namespaced and kind.is_kept:
            operation = self._operation(_LISTING, self._list, f"{kind.kind}ForAllNamespaces", "")
            yield path, self._item((), [("get", operation)])
        if kind.namespaced:
            path = f"{root}/namespaces/{{namespace}}/{kind.plural}"
        inside = scope if kind.namespaced else ()
        if not kind.is_kept:
            yield path, self._item(inside, self._methods([(_POST, self._name)], ""))
            return
        verbs = [(_LISTING, self._list), (_POST, self._name)]
        if "deletecollection" in kind.verbs:
            verbs.append((_EMPTY, f"{META}Status"))
        yield path, self._item(inside, self._methods(verbs, ""))
        verbs = [(_GET, self._name), (_PUT, self._name), (_PATCH, self._name), (_REMOVE, f"{META}Status")]
        yield f"{path}/{{name}}", self._item(("name", *inside), self._methods(verbs, ""))
        for sub in kind.subresources:
            shown = SCALE if sub == "scale" else self._name
            verbs = [(verb, shown) for verb in (_GET, _PUT, _PATCH)]
            yield f"{path}/{{name}}/{sub}", self._item(("name", *inside), self._methods(verbs, sub))

    def _methods(self, verbs: Iterable[tuple[_Verb, str]], sub: str) -> Iterator[tuple[str, Item]]:
        scope = "Namespaced" if self._kind.namespaced else ""
        for verb, shown in verbs:
            collection = "Collection" if verb is _EMPTY else ""
            yield verb.method, self._operation(verb, shown, f"{collection}{scope}{self._kind.kind}", sub)

    def _item(self, names: tuple[str, ...], operations: Iterable[tuple[str, Item]]) -> Item:
        words = {"name": f"Name of the {self._kind.kind}.", "namespace": "Namespace of the object."}
        places = [self._parameter(name, "string", words[name], "path") for name in names]
        pretty = self._parameter("pretty", *_PARAMETERS["pretty"], "query")
        return {**dict(operations), "parameters": [*places, pretty]}

    def _parameter(self, name: str, type_name: str, description: str, place: str) -> Item:
        made: Item = {"description": description, "in": place, "name": name}
        if place == "path":
            made["required"] = True
        shape = {"type": type_name, "uniqueItems": True}
        return {**made, **shape} if self._is_v2 else {**made, "schema": shape}

    def _operation(self, verb: _Verb, shown: str, name: str, sub: str) -> Item:
        kind = self._kind
        parameters = [self._parameter(each, *_PARAMETERS[each], "query") for each in verb.parameters]
        operation: Item = {
            "description": f"{verb.action} {kind.kind}{f' {sub}' if sub else ''}",
            "operationId": f"{verb.verb}{self._words}{name}{_camel(sub, True)}",
            "parameters": parameters,
            "tags": [self._tag],
            "x-kubernetes-action": verb.action,
            "x-kubernetes-group-version-kind": {
                "group": kind.group,
                "kind": kind.kind,
                "version": kind.version,
            },
        }
        body, consumes = self._body(verb, shown)
        if self._is_v2:
            self._finish_v2(operation, verb, (body, consumes), shown)
        else:
            self._finish_v3(operation, verb, (body, consumes), shown)
        return operation

    def _body(self, verb: _Verb, shown: str) -> tuple[str, tuple[str, ...]]:
        if verb.method == "patch":
            patches = (*_JSON_PATCHES, _STRATEGIC) if self._kind.typed else _JSON_PATCHES
            return f"{META}Patch", patches
        if verb.method == "delete":
            return f"{META}DeleteOptions", _TYPES
        return ("", ()) if verb.method == "get" else (shown, _TYPES)

    def _finish_v3(self, operation: Item, verb: _Verb, body: tuple[str, tuple[str, ...]], shown: str) -> None:
        name, consumes = body
        if name:
            # A definition's own media types; those of built-in kinds are not named in a body.
            types = ("*/*",) if self._kind.typed and verb.method != "patch" else consumes
            operation["requestBody"] = {"content": self._content(types, name)}
            if verb.method != "delete":
                operation["requestBody"]["required"] = True
        content = self._content(_WATCHED if verb.action == "list" else _TYPES, shown)
        responses = {code: {"content": content, "description": words} for code, words in verb.codes}
        operation["responses"] = {**responses, "401": {"description": "Unauthorized"}}

    def _content(self, types: tuple[str, ...], name: str) -> Item:
        return {each: {"schema": {"$ref": self._prefix + name}} for each in types}

    def _finish_v2(self, operation: Item, verb: _Verb, body: tuple[str, tuple[str, ...]], shown: str) -> None:
        name, consumes = body
        operation["consumes"] = list(consumes or ("*/*",))
        operation["produces"] = list(_WATCHED if verb.action == "list" else _TYPES)
        operation["schemes"] = ["https"]
        if name:
            schema = {"$ref": self._prefix + name}
            made: Item = {"in": "body", "name": "body", "schema": schema}
            if verb.method != "delete":
                made["required"] = True
            operation["parameters"] = [made, *operation["parameters"]]
        schema = {"$ref": self._prefix + shown}
        responses: Item = {code: {"description": words, "schema": schema} for code, words in verb.codes}
        operation["responses"] = {**responses, "401": {"description": "Unauthorized"}}
