"""
The events of the audit log: C{audit.k8s.io/v1} C{Event}, members in kube-apiserver's order.

What the reactor thread notes is little; the text is made of it by the thread that writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple

import orjson

from ark.audit.policy import API_VERSION, METADATA, Told
from ark.authorization.attributes import Attributes
from ark.authorization.impersonation import Impersonated
from ark.meta.serializer import DecodeError, decode_yaml
from ark.meta.time import rfc3339_micro

MOST_AGENT = 1024
_CUT_AGENT = "...TRUNCATED"
MOST_BODY = 4 * 1024 * 1024
_LONGEST_ADDRESS = 64
TRUNCATED = "audit.k8s.io/truncated"

_FAILED = 400
_STATUS = ("status", "message", "reason", "details")


class Body(NamedTuple):
    """
    What was sent, by the client or to it.

    @ivar type: its media type.
    @ivar whole: whether it is all that was sent.
    """

    data: bytes
    type: str = "application/json"
    gzipped: bool = False
    whole: bool = True


class Asked(NamedTuple):
    """
    What there is to tell of a request from the beginning.

    @ivar agent: C{User-Agent} as sent, empty where there is none.
    @ivar received: the time of day.
    @ivar remote: the address that we see.
    @ivar forwarded: the values of C{X-Forwarded-For}.
    @ivar real: that of C{X-Real-Ip}.
    """

    id: str
    uri: str
    attributes: Attributes
    agent: bytes
    received: float
    remote: str
    forwarded: Sequence[bytes] = ()
    real: bytes | None = None


class Noted(NamedTuple):
    """
    A stage of a request, as it is noted for the log.

    @ivar now: the time of day.
    @ivar impersonated: for whom the request acts, if for somebody else.
    @ivar code: that of the answer; C{0} before there is one.
    @ivar message: what there is to say of an answer without a body.
    @ivar weight: about how many bytes it keeps.
    """

    told: Told
    asked: Asked
    stage: str
    now: float
    impersonated: Impersonated | None = None
    code: int = 0
    message: str = ""
    request: Body | None = None
    response: Body | None = None
    annotations: Mapping[str, str] = {}

    @property
    def weight(self) -> int:
        """
        About how many bytes it keeps.
        """
        return 512 + sum(len(body.data) for body in (self.request, self.response) if body is not None)


def source_addresses(forwarded: Sequence[bytes], real: bytes | None, remote: str) -> tuple[str, ...]:
    """
    Where a request comes from (C{SourceIPs} of C{k8s.io/apimachinery/pkg/util/net}): whom proxies
    name, then whom we see.

    @param forwarded: see L{Asked}.
    @param real: see L{Asked}.
    """
    found: list[str] = []
    for part in b",".join(forwarded).split(b",") if forwarded else ():
        # What is longer is no address, and would be kept.
        address = _address(part) if len(part) <= _LONGEST_ADDRESS else ""
        if address:
            found.append(address)
    address = _address(real) if real and len(real) <= _LONGEST_ADDRESS else ""
    if address and address not in found:
        found.append(address)
    seen = _address(remote.encode())
    if seen and (not found or found[-1] != seen):
        found.append(seen)
    return tuple(found)


@lru_cache(4096)
def _address(text: bytes) -> str:
    try:
        return str(ip_address(text.strip().decode("ascii")))
    except ValueError:
        return ""


def line_of(noted: Noted, most: int = 0) -> bytes:
    """
    The event as a line of JSON.

    @param most: beyond so many bytes bodies are left out; C{0} for no limit.
    """
    event = _event(noted)
    line = orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
    if not most or len(line) <= most or noted.told.level == METADATA:
        return line
    event.pop("requestObject", None)
    event.pop("responseObject", None)
    event["annotations"] = {**event.pop("annotations", {}), TRUNCATED: "true"}
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def _event(noted: Noted) -> dict[str, Any]:
    told, asked = noted.told, noted.asked
    attributes = asked.attributes
    event: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": API_VERSION,
        "level": told.level,
        "auditID": _printable(asked.id),
        "stage": noted.stage,
        "requestURI": _printable(asked.uri),
        "verb": attributes.verb,
        "user": attributes.user.to_dict() if attributes.user.name else {},
    }
    if noted.impersonated is not None:
        event["impersonatedUser"] = noted.impersonated.user.to_dict()
        if noted.impersonated.constraint:
            event["authenticationMetadata"] = {"impersonationConstraint": noted.impersonated.constraint}
    addresses = source_addresses(asked.forwarded, asked.real, asked.remote)
    if addresses:
        event["sourceIPs"] = addresses
    if asked.agent:
        agent = asked.agent.decode("latin-1")
        event["userAgent"] = agent if len(agent) <= MOST_AGENT else agent[:MOST_AGENT] + _CUT_AGENT
    annotations = dict(noted.annotations)
    sent = _object(noted.request, annotations)
    if attributes.resource:
        event["objectRef"] = _reference(attributes, sent)
    answer = _object(noted.response, annotations)
    if noted.code:
        event["responseStatus"] = _status(noted, answer)
    _show(event, "requestObject", sent, told.has_request, told)
    _show(event, "responseObject", answer, told.has_response, told)
    event["requestReceivedTimestamp"] = rfc3339_micro(asked.received)
    event["stageTimestamp"] = rfc3339_micro(noted.now)
    if annotations:
        event["annotations"] = annotations
    return event


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _object(body: Body | None, annotations: dict[str, str]) -> Any:
    """
    What a body says; L{None} where that cannot be told in JSON.
    """
    if body is None or not body.data:
        return None
    if not body.whole:
        annotations[TRUNCATED] = "true"
        return None
    try:
        data = zlib.decompress(body.data, 31) if body.gzipped else body.data
        if "yaml" in body.type:
            return decode_yaml(data).value
        return orjson.loads(data)
    except (DecodeError, ValueError, zlib.error):
        return None


def _reference(attributes: Attributes, sent: Any) -> dict[str, str]:
    """
    What the request is about; the object that was sent tells what the path does not.
    """
    metadata = sent.get("metadata") if isinstance(sent, dict) else None
    given: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    found = {
        "resource": attributes.resource,
        "namespace": attributes.namespace or given.get("namespace"),
        "name": attributes.name or given.get("name"),
        "uid": given.get("uid"),
        "apiGroup": attributes.group,
        "apiVersion": attributes.version,
        "resourceVersion": given.get("resourceVersion"),
        "subresource": attributes.subresource,
    }
    return {name: value for name, value in found.items() if value and isinstance(value, str)}


def _status(noted: Noted, answer: Any) -> dict[str, Any]:
    """
    The C{Status} of the answer, or one that has its code only.
    """
    status: dict[str, Any] = {"metadata": {}}
    if isinstance(answer, dict) and answer.get("kind") == "Status" and answer.get("apiVersion") == "v1":
        status.update((name, answer[name]) for name in _STATUS if answer.get(name))
    elif noted.message:
        status["message"] = noted.message
    status["code"] = noted.code
    return status


def _show(event: dict[str, Any], name: str, value: Any, shown: bool, told: Told) -> None:
    if value is None or not shown:
        return
    event[name] = _without_managed_fields(value) if told.omits_managed_fields else value


def _without_managed_fields(value: Any) -> Any:
    """
    An object, the items of a list or the rows of a table without who manages their fields.
    """
    if not isinstance(value, dict):
        return value
    shown = dict(value)
    metadata = shown.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        shown["metadata"] = {name: one for name, one in metadata.items() if name != "managedFields"}
    if isinstance(shown.get("items"), list):
        shown["items"] = [_without_managed_fields(item) for item in shown["items"]]
    if isinstance(shown.get("rows"), list):
        shown["rows"] = [
            {**row, "object": _without_managed_fields(row.get("object"))} if isinstance(row, dict) else row
            for row in shown["rows"]
        ]
    return shown
