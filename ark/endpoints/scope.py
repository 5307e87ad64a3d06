"""
All that the verbs need to know of one served resource.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qs

from ark.authorization.attributes import refusal
from ark.endpoints.decode import Decoder
from ark.endpoints.negotiation import JSON, PLAIN, YAML, Accepted, Negotiator, body_type
from ark.endpoints.representation import Form, Forms
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import send, shaped
from ark.interfaces import IAuthorizer
from ark.meta.options import MANAGER_LENGTH, CreateOptions, DeleteOptions
from ark.meta.status import bad_request
from ark.registry.columns import compile_columns
from ark.registry.store import Store, WriteContext

Query = Mapping[str, list[str]]
NO_QUERY: Query = {}

_LONGEST_KNOWN = 1024

LARGE_YAML = 64 * 1024
"""
A longer body in YAML is read in a thread.
"""

Aside = Callable[..., Awaitable[Any]]
"""
Calls a function with arguments outside of the reactor's thread.
"""

Read = TypeVar("Read")


def parse_query(text: str) -> Query:
    """
    The parameters of a query string.

    @raise ark.meta.status.APIStatus: 400, it is no UTF-8.
    """
    if not text:
        return NO_QUERY
    try:
        return parse_qs(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise bad_request("invalid query: it is not UTF-8") from None


def manager_of(user_agent: bytes | None) -> str:
    """
    The field manager of a request that names none: what its user agent begins with
    (C{prefixFromUserAgent} in C{endpoints/handlers/create.go}; contract 13.4).
    """
    # What a client can make long on purpose is not kept.
    is_short = user_agent is None or len(user_agent) <= _LONGEST_KNOWN
    return _known_manager(user_agent) if is_short else _manager_of(user_agent)


def _manager_of(user_agent: bytes | None) -> str:
    name = (user_agent or b"").partition(b"/")[0].decode("utf-8", "replace")
    taken = ""
    length = 0
    for character in filter(str.isprintable, name):
        length += len(character.encode())
        if length > MANAGER_LENGTH:
            break
        taken += character
    return taken


_known_manager = lru_cache(maxsize=1024)(_manager_of)


def _told(request: Any, context: WriteContext) -> WriteContext:
    """
    A context of which what is collected comes into the answer, the audit log and the metrics.
    """
    request.warnings = context.warnings
    request.annotations = context.annotations
    request.request_annotations = context.request_annotations
    request.waits = context.waits
    return context


class RequestScope:
    """
    One served version of one resource, as the verbs see it.

    The name is Kubernetes' own (C{handlers.RequestScope}).

    @ivar warnings: what every request of this version is warned of (contract 3.6).
    @ivar accepted: see L{Negotiator.answer}.
    """

    def __init__(
        self,
        store: Store,
        negotiator: Negotiator,
        now: Callable[[], float],
        aside: Aside | None = None,
        authorizer: IAuthorizer | None = None,
    ) -> None:
        self.store = store
        self.kind = store.kind
        self.now = now
        self.decoder = Decoder(store.kind, store.processor)
        serve = store.serve if store.reshapes else None
        self.forms = Forms(store.kind, compile_columns(store.kind), now, serve, store.texts)
        self.warnings = (store.kind.deprecation_warning,) if store.kind.deprecated else ()
        self.accepted = negotiator.answer
        self._negotiator = negotiator
        self._aside = aside
        self._authorizer = authorizer
        labels = {"metadata.name", *store.kind.field_labels}
        if store.kind.namespaced:
            labels.add("metadata.namespace")
        self.field_labels = frozenset(labels)

    def watched(self, request: Any) -> Accepted:
        """
        The form of the events that the client accepts.

        @raise ark.meta.status.APIStatus: 406.
        """
        return self._negotiator.accepted(request.header(b"accept"), watching=True)

    def body_type(self, request: Any) -> str:
        """
        The media type of the request's body.

        @raise ark.meta.status.APIStatus: 415.
        """
        return body_type(request.header(b"content-type"), self.decoder.media_types)

    def form(self, accepted: Accepted, query: Query, of_list: bool = False) -> Form:
        """
        How objects are shown in that form.

        @raise ark.meta.status.APIStatus: 400, 406.
        """
        if not accepted.transform:
            return self.forms.plain
        return self.forms.form(accepted, (query.get("includeObject") or ("",))[0], of_list)

    async def read(self, function: Callable[..., Read], data: bytes, media_type: str, *rest: Any) -> Read:
        """
        C{function} of a body, in a thread when it would keep the reactor waiting: YAML is
        read a hundred times slower than JSON.
        """
        if self._aside is not None and media_type == YAML and len(data) > LARGE_YAML:
            value: Read = await self._aside(function, data, media_type, *rest)
            return value
        return function(data, media_type, *rest)

    async def shape(self, text: bytes, accepted: Accepted) -> bytes:
        """
        A JSON text as the client wants it, made in a thread when it would keep the reactor
        waiting.
        """
        if len(text) > LARGE_YAML and (accepted.media_type != JSON or accepted.pretty):
            made: bytes = await self.aside(shaped, text, accepted)
            return made
        return shaped(text, accepted)

    async def aside(self, function: Callable[..., Any], *given: Any) -> Any:
        """
        Call something in a thread, if there are any.
        """
        return function(*given) if self._aside is None else await self._aside(function, *given)

    def write_context(self, request: Any, options: CreateOptions) -> WriteContext:
        """
        Who writes and how; what it is warned of comes into the answer's headers.
        """
        context = WriteContext(
            user=request.user,
            dry_run=options.dry_run,
            field_manager=options.field_manager or manager_of(request.headers.get(b"user-agent")),
            options=options,
            warnings=self.warnings,
        )
        return _told(request, context)

    def creation(self, request: Any, info: RequestInfo) -> Callable[[], Awaitable[None]]:
        """
        Judges whether a user who changes an object may make it too (C{withAuthorization} in
        C{endpoints/handlers/update.go}; contract 15.5).
        """

        async def judge() -> None:
            if self._authorizer is not None:
                attributes = info.attributes(request.user, "create")
                decision = await self._authorizer.authorize(attributes)
                if not decision.allowed:
                    raise refusal(attributes, decision.reason)

        return judge

    def delete_context(self, request: Any, options: DeleteOptions) -> WriteContext:
        """
        Who deletes and how, likewise.
        """
        context = WriteContext(
            user=request.user, dry_run=options.dry_run, options=options, warnings=self.warnings
        )
        return _told(request, context)

    def answer(
        self,
        request: Any,
        code: int,
        text: bytes,
        accepted: Accepted,
        query: Query,
    ) -> None:
        """
        Answer with an object in the text of this store's version.
        """
        if accepted is not PLAIN and accepted.transform:
            # The text is of the served version already; forms serve stored texts.
            text = self.form(accepted, query).object(text)
        send(request, code, text, accepted)
