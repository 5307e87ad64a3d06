"""
Asks webhooks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any
from uuid import uuid4

import orjson
from twisted.logger import Logger

from ark.admission.answering import Answering
from ark.admission.attributes import Attributes
from ark.admission.expressions import Given
from ark.admission.matchconditions import ConditionsFailed, MatchConditions
from ark.admission.metrics import ADMIT, CALLING, INTERNAL, NO_ERROR, VALIDATE, AdmissionMetrics, Call
from ark.admission.versions import Versions
from ark.admission.webhooks.failures import CallingFailed, Denied, denial, dry_run_unsupported
from ark.admission.webhooks.hook import Hook, Surroundings
from ark.admission.webhooks.review import BadReview, Request, Response, Undecodable, read_response
from ark.cluster.webhook import CallFailed, Connections, Resolve, Webhook, WebhookClient
from ark.meta.status import APIStatus, forbidden, internal_error
from ark.tracing.span import CLIENT, SPAN, Attribute, Span, within

MOST_BYTES = 16 * 1024 * 1024
"""
How large an answer may be.
"""


class WebhookCaller:
    """
    The connections to all webhooks of admission.  One for all plug-ins: what changes objects
    and what judges them are often the same server.
    """

    def __init__(self, reactor: Any, resolve: Resolve, agent: Any = None) -> None:
        """
        @param agent: makes the requests, instead of one of each webhook's own.
        """
        self._reactor = reactor
        self._resolve = resolve
        self._agent = agent
        self._clients: dict[bytes, tuple[Webhook, WebhookClient]] = {}
        self._connections: dict[Webhook, Connections] = {}
        self._used: dict[object, frozenset[bytes]] = {}

    def keep(self, owner: object, hooks: Iterable[Hook]) -> None:
        """
        Let go of webhooks that neither C{owner} nor anybody else has any more.
        """
        self._used[owner] = frozenset(map(_place, hooks))
        wanted = frozenset().union(*self._used.values())
        for place in self._clients.keys() - wanted:
            del self._clients[place]
        origins = {origin for origin, _ in self._clients.values()}
        for origin in self._connections.keys() - origins:
            self._connections.pop(origin).close()

    async def post(self, hook: Hook, data: bytes) -> bytes:
        """
        The answer of a webhook.

        @raise CallingFailed: there is none.
        """
        place = _place(hook)
        known = self._clients.get(place) or self._find(place, hook)
        try:
            return await known[1].post(data, hook.seconds)
        except CallFailed as failed:
            why = f"failed to call webhook: {failed}"
            raise CallingFailed(hook.name, why, failed.code, failed.answered) from failed

    def _find(self, place: bytes, hook: Hook) -> tuple[Webhook, WebhookClient]:
        try:
            webhook = Webhook.of(hook.client_config)
        except (KeyError, ValueError) as error:
            raise CallingFailed(hook.name, f"could not get REST client: {error}", 500) from error
        origin = webhook.origin
        connections = self._connections.get(origin)
        if connections is None and self._agent is None:
            connections = Connections(origin, self._reactor, self._resolve)
            self._connections[origin] = connections
        agent = self._agent if connections is None else connections.agent
        found = self._clients[place] = origin, WebhookClient(webhook, self._reactor, agent, MOST_BYTES)
        return found

    def seconds(self) -> float:
        """
        The time, to measure with.
        """
        now: float = self._reactor.seconds()
        return now


def _place(hook: Hook) -> bytes:
    return orjson.dumps(hook.client_config, option=orjson.OPT_SORT_KEYS)


async def converted(versions: Versions, version: str) -> Attributes:
    """
    A write as a version has it, to be shown to a webhook.

    @raise APIStatus: 500, it cannot be converted.
    """
    try:
        return await versions.of(version)
    except APIStatus as status:
        raise internal_error(status.message) from status


class Asking:
    """
    Asks webhooks of one sort, and counts what comes of it.

    @param step: C{admit} or C{validating}.
    """

    _log = Logger()

    def __init__(
        self, caller: WebhookCaller, step: str, surroundings: Surroundings, metrics: AdmissionMetrics
    ) -> None:
        self._caller = caller
        self._surroundings = surroundings
        self._mutates = step == ADMIT
        self._step = step
        self._metrics = metrics

    async def version_wanted(self, hook: Hook, versions: Versions) -> str | None:
        """
        The version of a write in which a webhook that the write concerns is to be asked about it;
        L{None} if it is not to be.

        @raise APIStatus: 403, a condition cannot be judged; 404 and 500, the namespace cannot
            be found; 500, the object cannot be converted.
        """
        version = await hook.version_met(versions.asked, versions.seen, self._surroundings.namespace_of)
        conditions = hook.conditions if version is not None else None
        if version is None or conditions is None:
            return version
        met = await self._met(hook, conditions, await converted(versions, version))
        return version if met else None

    async def _met(self, hook: Hook, conditions: MatchConditions, attributes: Attributes) -> bool:
        around = self._surroundings
        answering = Answering(around.authorizer)
        given = Given(attributes, answering.answers, turn=around.turn)
        errors: list[str] = []
        started = self._caller.seconds()
        met = False
        try:
            met = await answering.run(lambda: conditions.met_in_turns(given, errors))
        except ConditionsFailed as failed:
            raise forbidden(attributes.resource, attributes.name, str(failed)) from failed
        finally:
            if not met:
                what = (hook.name, "webhook", self._step, attributes.operation)
                self._metrics.unmet(what, len(errors), self._caller.seconds() - started)
        if not met:
            step = ADMIT if self._mutates else VALIDATE
            self._metrics.excluded(hook.name, "webhook", step, attributes.operation)
        return met

    async def ask(self, hook: Hook, attributes: Attributes, request: Request) -> Response:
        """
        What a webhook says of a write, which it allows.  What it says beside that has been passed on.

        @raise CallingFailed: it cannot be asked, or its answer cannot be used.
        @raise APIStatus: it refuses, or must not be asked.
        """
        if attributes.dry_run and not hook.bears_dry_run:
            if hook.bears_dry_run is None:
                raise CallingFailed(hook.name, "Webhook SideEffects is nil", 400)
            raise dry_run_unsupported(hook.name)
        if not hook.review_version:
            known = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
            raise CallingFailed(hook.name, f"could not create admission objects: {known}", 400)
        uid = str(uuid4())
        asking, span = self._caller.post(hook, request.text(uid, hook.review_version)), SPAN.get()
        started = self._caller.seconds()
        try:
            data = await (asking if span is None else within(self._part(span, hook, attributes, uid), asking))
        finally:
            attributes.waits.add(self._mutates, self._caller.seconds() - started)
        try:
            response = read_response(data, uid, hook.review_version, self._mutates)
        except Undecodable as error:
            raise CallingFailed(hook.name, f"failed to call webhook: {error}", answered=True) from error
        except BadReview as error:
            raise CallingFailed(hook.name, f"received invalid webhook response: {error}") from error
        for key, value in response.annotations.items():
            attributes.annotate(f"{hook.name}/{key}", value)
        attributes.warnings.extend(response.warnings)
        if not response.allowed:
            raise denial(hook.name, response.status)
        return response

    def _part(self, span: Span, hook: Hook, attributes: Attributes, uid: str) -> Span:
        about: dict[str, Attribute] = {
            "configuration": hook.configuration,
            "webhook": hook.name,
            "resource": str(attributes.resource),
            "subresource": attributes.subresource,
            "operation": attributes.operation,
            "UID": uid,
        }
        return span.child(f"Call {'mutating' if self._mutates else 'validating'} webhook", about, CLIENT)

    async def attempt(self, hook: Hook, attributes: Attributes, work: Awaitable[None]) -> bool:
        """
        Wait for C{work}, all that is done for a webhook, and count what came of it.

        @return: whether it came to its end; C{False} if it failed and is passed over.
        @raise APIStatus: the write fails.
        """
        call = Call(hook.name, self._step, attributes.operation)
        started = self._caller.seconds()
        try:
            await work
        except CallingFailed as failed:
            self._count(call, started, failed.code, "" if hook.ignores else CALLING)
            what = "passed over" if hook.ignores else "a write fails"
            self._log.warn("{what}: {why}", what=what, why=failed.logged)
            if not hook.ignores:
                raise failed.status() from failed
            self._metrics.failed_open(call)
            return False
        except APIStatus as status:
            denied = isinstance(status, Denied)
            self._count(call, started, status.code if denied else 0, NO_ERROR if denied else INTERNAL)
            raise
        self._count(call, started, 200)
        return True

    def _count(self, call: Call, started: float, code: int, error: str = "") -> None:
        if error:
            self._metrics.rejection(call, error, code)
        self._metrics.webhook(call, code, bool(error), self._caller.seconds() - started)
