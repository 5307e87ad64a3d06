"""
PATCH with a configuration that is applied: server-side apply (contract 13.9).

Follows C{applyPatcher} in C{k8s.io/apiserver/pkg/endpoints/handlers/patch.go}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ark.apply.managedfields import ManagedFields
from ark.endpoints.negotiation import YAML
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import RequestScope, parse_query
from ark.endpoints.update import check_name
from ark.meta import objectmeta
from ark.meta.gotext import json_type
from ark.meta.options import IGNORE, STRICT, PatchOptions, patch_options
from ark.meta.serializer import DecodeError, decode_yaml
from ark.meta.status import bad_request, conflict
from ark.registry.codec import Object
from ark.registry.store import WriteContext
from ark.registry.updating import Target

_UNREADABLE = "error decoding YAML: "
_TO_JSON = "error converting YAML to JSON: "


def read_configuration(data: bytes, media_type: str = YAML) -> tuple[Object, Sequence[str]]:
    """
    The configuration of a body, which may be JSON too, and what it holds twice.

    @raise ark.meta.status.APIStatus: 400.
    """
    try:
        value, duplicates = decode_yaml(data)
    except DecodeError as error:
        raise bad_request(f"{_UNREADABLE}{_TO_JSON}{error}") from error
    if value is None:
        return {}, duplicates
    if not isinstance(value, dict):
        raise bad_request(
            f"{_UNREADABLE}error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
            f"{json_type(value)} into Go value of type map[string]interface {{}}"
        )
    return value, duplicates


def _doubled(told: str) -> str:
    # The parser of YAML says where; that of JSON says only what.
    return told if told.startswith("line ") else f'key "{told.rpartition(".")[2]}" already set in map'


class Applying:
    """
    Applies one configuration to whatever version of the object is the newest.
    """

    def __init__(
        self,
        scope: RequestScope,
        target: Target,
        data: tuple[Object, Sequence[str]],
        options: PatchOptions,
        context: WriteContext,
    ) -> None:
        self._scope = scope
        self._target = target
        self._config, self._duplicates = data
        self._options = options
        self._context = context

    def __call__(self, live: Object | None, managed: ManagedFields) -> tuple[Object, ManagedFields]:
        """
        What the object becomes, and who owns what then.

        @raise APIStatus: 400, 409, 500.
        """
        store, context = self._scope.store, self._context
        new, managed = store.applied(
            live, self._config, managed, context, self._target.subresource, self._options.force
        )
        self._judge_duplicates()
        self._settle(new)
        metadata = new["metadata"]
        if live is None and metadata.get("uid"):
            given = metadata["uid"]
            why = f"uid mismatch: the provided object specified uid {given}, and no existing object was found"
            raise conflict(store.kind.gr, self._target.key.name, why)
        store.match_namespace(self._target.key.namespace, metadata)
        check_name(new, self._target.key.name)
        context.warnings.extend(objectmeta.deduplicate_owner_references(metadata))
        return new, managed

    def _judge_duplicates(self) -> None:
        if not self._duplicates or self._options.field_validation == IGNORE:
            return
        told = [_doubled(one) for one in self._duplicates]
        if self._options.field_validation == STRICT:
            lines = "".join(f"\n  {line}" for line in told)
            raise bad_request(f"error strict decoding YAML: {_TO_JSON}yaml: unmarshal errors:{lines}")
        self._context.warnings.extend(told)

    def _settle(self, new: Object) -> None:
        """
        Fill in defaults.  Nothing is pruned: what the schema does not know was refused, and
        a null of a custom resource is left to validation.  What metadata cannot hold is left out, as when the object
        is read again.
        """
        metadata = new.get("metadata")
        if not isinstance(metadata, dict):
            new["metadata"] = metadata = {}
        for name in objectmeta.wrong_members(metadata):
            del metadata[name]
        objectmeta.check_types(metadata)
        store = self._scope.store
        store.processor.default_applied(new)
        store.processor.coerce(new)
        self._scope.decoder.check_applied(new)
        store.strategy.default(new)


async def apply(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Apply a configuration and answer with the object: 200, or 201 where it was made.
    """
    accepted = scope.accepted(request)
    data = await request.read_body()
    query = parse_query(request.query)
    options = patch_options(query, apply=True)
    context = scope.write_context(request, options)
    context.may_create = scope.creation(request, info)
    configuration = await scope.read(read_configuration, data, YAML)
    target = Target(scope.store.key(info.namespace, info.name), info.subresource)
    applying = Applying(scope, target, configuration, options, context)
    written = await scope.store.replace(target, applying, context, creates=not info.subresource)
    scope.answer(request, 201 if written.created else 200, written.text, accepted, query)
