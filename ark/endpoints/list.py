"""
GET of a collection (contract 11.2 to 11.7, 12.1 to 12.7).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import Deferred

from ark.endpoints.listshapes import shaped_pieces
from ark.endpoints.negotiation import JSON, Accepted
from ark.endpoints.representation import Form
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import accepts_gzip, gzip_compressor, send_shaped, stream_headers
from ark.endpoints.scope import Query, RequestScope, parse_query
from ark.endpoints.selection import Selection
from ark.meta import continuetoken
from ark.meta.options import EXACT, ListOptions
from ark.meta.options import list_options as read_options
from ark.meta.records import Range, Version
from ark.meta.status import expired
from ark.storage.errors import Compacted

PAGE = 500
_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter, or use the continue token in this "
    "response to retrieve the remainder of the results. Continuing with the provided token results "
    "in an inconsistent list - objects that were created, modified, or deleted between the time "
    "the first chunk was returned and now may show up in the list."
)


def list_options(scope: RequestScope, query: Query, watch: bool = False) -> ListOptions:
    """
    The options of a list or watch.

    @raise APIStatus: 400, 422; also for a field that the kind cannot select by.
    """
    options = read_options(query, watch)
    if scope.kind.typed and not scope.kind.field_labels:
        options.field_selector.require_metadata()
    else:
        options.field_selector.require(scope.field_labels)
    return options


class Listing:
    """
    One list: its snapshot, where it starts and ends.

    @ivar revision: the revision of the snapshot, known after the first page.
    """

    def __init__(self, scope: RequestScope, info: RequestInfo, options: ListOptions) -> None:
        self._scope = scope
        self._cacher = scope.store.cacher
        self._options = options
        self.selection = Selection(scope.store, info.namespace, options)
        # What is read from memory comes whole, as from Kubernetes' watch cache (contract 11.3).
        self._limit = 0 if options.resource_version == 0 else options.limit
        self._after: tuple[str, str] | None = None
        self._wanted: int | None = None
        self.revision = 0
        self._left = False
        self._last: tuple[str, str] | None = None
        self._remaining: int | None = None
        self._total: int | None = None

    async def _start(self) -> None:
        options = self._options
        if options.continue_:
            token = continuetoken.decode(options.continue_)
            inside = self.selection.namespace if self._scope.kind.namespaced else ""
            self._after = token.after(inside)
            self._wanted = token.revision if token.revision > 0 else None
            self._total = token.left
            return
        wanted = options.resource_version
        match = options.resource_version_match
        if wanted and (match == EXACT or (not match and self._limit)):
            await self._cacher.read_revision(wanted)
            self._wanted = wanted
        elif wanted:
            await self._cacher.read_revision(wanted)

    def _start_of(self, key: tuple[str, str]) -> str:
        namespace, name = key
        if self.selection.namespace is not None or not self._scope.kind.namespaced:
            return name
        return f"{namespace}/{name}"

    @property
    def is_whole(self) -> bool:
        """
        Whether every object of the range is meant.
        """
        return self.selection.is_everything

    def closing(self) -> tuple[int, str, int | None]:
        """
        Revision, continue token and remaining count, once the pages are through.
        """
        if not self._left or self._last is None:
            return self.revision, "", None
        token = continuetoken.encode(self.revision, self._start_of(self._last), self._remaining)
        return self.revision, token, self._remaining

    def _range(self) -> Range:
        return Range(self._scope.kind.resource, self.selection.namespace, self._after)

    async def pages(self) -> AsyncIterator[list[Version]]:
        """
        The matching objects, a page at a time, never more than the limit in all.

        @raise APIStatus: 410 when the snapshot of a token is gone, 504 when it is in the future.
        @raise Compacted: the revision that was asked for is gone.
        """
        await self._start()
        single = self.selection.single
        if single is not None:
            yield await self._one(single)
            return
        taken = 0
        more = True
        while more:
            size = PAGE if not self._limit or not self.is_whole else min(PAGE, self._limit - taken)
            page = await self._guarded(self._cacher.list(self._range(), size, self._wanted))
            self._pin(page.revision)
            if self._scope.store.texts is not None:
                await self._scope.store.prepare(version.body for version in page.versions)
            found = (
                page.versions if self.is_whole else [v for v in page.versions if self.selection.matches(v)]
            )
            more = page.more
            if self._limit and taken + len(found) >= self._limit:
                found = found[: self._limit - taken]
                await self._end_at(found[-1], page, taken + len(found))
                more = False
            elif page.versions:
                key = page.versions[-1].key
                self._after = (key.namespace, key.name)
            taken += len(found)
            yield found

    async def _end_at(self, last: Version, page: Any, taken: int) -> None:
        """
        The limit is reached: there is more if keys follow, whether they match or not, as
        C{GetList} of C{k8s.io/apiserver/pkg/storage/etcd3/store.go} sees it.
        """
        if page.more or page.versions[-1].key != last.key:
            self._left = True
            self._last = (last.key.namespace, last.key.name)
            await self._count_rest(taken)

    async def _one(self, single: Any) -> list[Version]:
        self._pin(self._wanted or await self._cacher.read_revision(0))
        if self._after is not None and (single.namespace, single.name) <= self._after:
            return []
        version = await self._guarded(self._cacher.get_at(single, self.revision))
        if version is not None:
            await self._scope.store.prepare((version.body,))
        return [version] if version is not None and self.selection.matches(version) else []

    def _pin(self, revision: int) -> None:
        self.revision = self._wanted = revision

    async def _count_rest(self, taken: int) -> None:
        """
        How many follow: what were left before this list less what it has, where that is known.
        """
        if not self.is_whole:
            return
        resource, namespace = self._scope.kind.resource, self.selection.namespace
        if not self._options.continue_:
            whole = Range(resource, namespace)
            self._total = await self._guarded(self._cacher.count(whole, self._wanted))
        if self._total is not None and self._total > taken:
            self._remaining = self._total - taken
            return
        rest = Range(resource, namespace, self._last)
        self._remaining = await self._guarded(self._cacher.count(rest, self._wanted))

    async def joined(self) -> AsyncIterator[bytes]:
        """
        The texts of all objects of the range joined by commas, a stretch at a time.

        Only for a whole list of stored texts.
        """
        await self._start()
        taken = 0
        more = True
        while more:
            size = min(PAGE, self._limit - taken) if self._limit else PAGE
            page = await self._guarded(self._cacher.list_joined(self._range(), size, self._wanted))
            self._pin(page.revision)
            taken += page.count
            self._after = self._last = page.last or self._last
            more = page.more
            if more and self._limit and taken >= self._limit:
                self._left = True
                await self._count_rest(taken)
                more = False
            if page.count:
                yield page.text

    async def _guarded(self, waited: Any) -> Any:
        try:
            return await waited
        except Compacted as compacted:
            if not self._options.continue_:
                raise
            start = continuetoken.decode(self._options.continue_).start.removesuffix("\0")
            fresh = continuetoken.encode(continuetoken.LATEST, start)
            raise expired(_CONTINUE_TOO_OLD, fresh) from compacted


async def _pieces(listing: Listing, form: Form) -> AsyncIterator[bytes]:
    if listing.is_whole and form.is_plain:
        async for text in listing.joined():
            yield text
        return
    async for page in listing.pages():
        if page:
            yield b",".join([form.item(version.body) for version in page])


async def list_(scope: RequestScope, request: Any, info: RequestInfo) -> None:
    """
    Answer with the list; a long one leaves piece by piece as it is read.
    """
    accepted = scope.accepted(request)
    query = parse_query(request.query)
    listing = Listing(scope, info, list_options(scope, query))
    form = scope.form(accepted, query, of_list=True)
    pieces = _pieces(listing, form).__aiter__()
    first = await anext_or_none(pieces)
    second = None if first is None else await anext_or_none(pieces)
    if second is None:
        whole = form.list_open + (first or b"") + form.list_close(*listing.closing())
        send_shaped(request, 200, await scope.shape(whole, accepted), accepted)
        return
    assert first is not None
    if accepted.media_type == JSON and not accepted.pretty:
        await _stream(request, accepted, _compact(form, listing, (first, second), pieces))
        return
    texts = _together((first, second), pieces)
    shaped = shaped_pieces(form, accepted, texts, lambda: form.list_close(*listing.closing()), scope.aside)
    await _stream(request, accepted, shaped)


async def anext_or_none(pieces: AsyncIterator[bytes]) -> bytes | None:
    """
    The next piece, L{None} after the last.
    """
    try:
        return await pieces.__anext__()
    except StopAsyncIteration:
        return None


async def _together(begun: tuple[bytes, bytes], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in begun:
        yield piece
    async for piece in pieces:
        yield piece


async def _compact(
    form: Form, listing: Listing, begun: tuple[bytes, bytes], pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    yield form.list_open + b",".join(begun)
    async for piece in pieces:
        yield b"," + piece
    yield form.list_close(*listing.closing()) + b"\n"


async def _stream(request: Any, accepted: Accepted, chunks: AsyncIterator[bytes]) -> None:
    chunk = await anext_or_none(chunks)
    gzipped = accepts_gzip(request)
    stream = request.start_stream(200, stream_headers(request, accepted, gzipped))
    compressor = gzip_compressor() if gzipped else None
    while chunk is not None:
        data = compressor.compress(chunk) if compressor else chunk
        if data:
            stream.write(data)
        await drained(stream)
        chunk = await anext_or_none(chunks)
    if compressor:
        stream.write(compressor.flush())
    stream.finish()


async def drained(stream: Any) -> None:
    """
    Wait until the client has taken what was written.
    """
    if not stream.paused:
        return
    ready: Deferred[None] = Deferred()
    stream.on_drain(lambda: None if ready.called else ready.callback(None))
    try:
        await ready
    finally:
        stream.on_drain(None)
