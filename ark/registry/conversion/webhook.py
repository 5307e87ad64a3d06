"""
Objects in other versions, as a webhook has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from ark.apis.kind import Kind
from ark.cluster.webhook import CallFailed, Connections, Resolve, Webhook, WebhookClient
from ark.meta.gvk import GroupVersionKind
from ark.meta.status import APIStatus
from ark.registry.codec import new_uid
from ark.registry.conversion import review
from ark.registry.conversion.review import BadReview, Object
from ark.tracing.span import CLIENT, SPAN, Attribute, within

MOST_OBJECTS = 100
"""
How many objects are sent at once.
"""


class Conversions:
    """
    The webhooks of all definitions that have one.
    """

    def __init__(self, reactor: Any, resolve: Resolve, agent: Any = None) -> None:
        """
        @param agent: makes the requests, instead of one of each webhook's own.
        """
        self._reactor = reactor
        self._resolve = resolve
        self._agent = agent
        self._known: dict[bytes, WebhookConversion] = {}

    def of(self, kind: Kind) -> WebhookConversion | None:
        """
        What converts objects of a kind; L{None} where a definition asks nobody.
        """
        if kind.conversion.get("strategy") != "Webhook":
            return None
        webhook = kind.conversion["webhook"]
        place = orjson.dumps(webhook, option=orjson.OPT_SORT_KEYS)
        found = self._known.get(place)
        if found is None:
            called = Webhook.of(webhook["clientConfig"])
            connections = Connections(called.origin, self._reactor, self._resolve)
            client = WebhookClient(called, self._reactor, self._agent or connections.agent)
            versions = webhook.get("conversionReviewVersions") or ()
            found = WebhookConversion(client, versions, connections)
            self._known[place] = found
        return found

    def keep(self, used: Iterable[WebhookConversion | None]) -> None:
        """
        Let go of all others.
        """
        wanted = set(used)
        for place, conversion in tuple(self._known.items()):
            if conversion not in wanted:
                self._known.pop(place).close()


class _Wrong(NamedTuple):
    """
    What is told before the reason, about the whole answer or about one object of it.
    """

    whole: str
    one: Callable[[int], str]
    metadata: Callable[[int], str]


class WebhookConversion:
    """
    Asks the webhook of one definition.
    """

    def __init__(
        self, client: WebhookClient, review_versions: Sequence[str], connections: Connections | None = None
    ) -> None:
        """
        @param connections: those that nobody else uses.
        """
        self._client = client
        self._connections = connections
        self._review_versions = tuple(review_versions)

    async def convert(self, objects: Sequence[Object], api_version: str) -> list[Object]:
        """
        Objects of one kind and version in another version.  Those that are given are shared
        with those that come back, and neither may be changed.

        @raise APIStatus: 500, the webhook cannot be asked, or its answer not be used.
        """
        made: list[Object] = []
        for start in range(0, len(objects), MOST_OBJECTS):
            made += await self._asked(objects[start : start + MOST_OBJECTS], api_version)
        return made

    async def _asked(self, objects: Sequence[Object], api_version: str) -> list[Object]:
        wrong = _wrong(objects)
        try:
            uid = new_uid()
            version = review.review_version(self._review_versions)
            asking = self._client.post(review.request(objects, api_version, version, uid))
            if (span := SPAN.get()) is not None:
                about: dict[str, Attribute] = {
                    "desired-api-version": api_version,
                    "object-count": len(objects),
                    "UID": uid,
                }
                asking = within(span.child("Call conversion webhook", about, CLIENT), asking)
            data = await asking
            found = review.converted_objects(data, version, uid)
        except (CallFailed, BadReview) as error:
            raise _failure(f"{wrong.whole} failed: {error}") from error
        if len(found) != len(objects):
            raise _failure(f"{wrong.whole} returned {len(found)} objects, expected {len(objects)}")
        return [
            _believed(original, one, api_version, wrong, index)
            for index, (original, one) in enumerate(zip(objects, found, strict=True))
        ]

    def close(self) -> None:
        """
        It will not be asked again.
        """
        if self._connections is not None:
            self._connections.close()


def _believed(original: Object, found: Any, api_version: str, wrong: _Wrong, index: int) -> Object:
    try:
        review.check(original, found, api_version)
    except BadReview as error:
        raise _failure(f"{wrong.whole} returned invalid object at index {index}: {error}") from error
    try:
        return review.restored(original, found)
    except BadReview as error:
        told = wrong.one if str(error).startswith("must have the same") else wrong.metadata
        raise _failure(f"{told(index)}: {error}") from error


def _wrong(objects: Sequence[Object]) -> _Wrong:
    first = objects[0]
    group, _, version = first["apiVersion"].rpartition("/")
    gvk = GroupVersionKind(group, version, first["kind"])
    whole = f"conversion webhook for {gvk.api_version}, Kind={gvk.kind}"
    if len(objects) == 1:
        return _Wrong(
            whole,
            lambda index: f"{whole} returned invalid object",
            lambda index: f"{whole} returned invalid metadata",
        )
    return _Wrong(
        whole,
        lambda index: f"{whole} returned invalid converted object at index {index}",
        lambda index: f"{whole} returned invalid metadata in object at index {index}",
    )


def _failure(message: str) -> APIStatus:
    return APIStatus(500, "", message)
