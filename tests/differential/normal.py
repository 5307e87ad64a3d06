"""
Answers without what must differ between two servers: uids, revisions, times, random names and tokens.

Identity is not lost: the same uid or revision of one server always gets the same label, so an update that
should not have written, or an object that should not have been made anew, still shows.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import yaml

from ark.apis.messages import message_of
from ark.meta.protobuf import open_envelope
from ark.meta.protowire import LENGTH_DELIMITED, WireReader
from tests.cluster.client import Answer
from tests.differential.discovery import in_one_order, own_groups
from tests.differential.player import Outcome

HEADERS = (
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-type",
    "expires",
    "location",
    "retry-after",
    "vary",
    "warning",
    "www-authenticate",
    "x-content-type-options",
)
PRESENCE = ("audit-id", "etag", "last-modified")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_AGE = re.compile(r"(?:\d+[smhdy]){1,2}|<invalid>")
_HASH = re.compile(r"[0-9A-F]{128}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"current: \d+"), "current: <revision>"),
    (re.compile(r"too old resource version: (\d+) \(\d+\)"), r"too old resource version: \1 (<revision>)"),
    (re.compile(r"(ResourceVersion in record) \(\d+\)"), r"\1 (<revision>)"),
    (re.compile(r"(ResourceVersion in object meta): \d+"), r"\1: <revision>"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+"), "<server>"),
    # Kubernetes numbers the types of rules anew each time.
    (re.compile(r"selfType\d+"), "selfType"),
    # Objects that messages quote, once or twice escaped.
    (re.compile(r',?\\*"managedFields\\*":\[[^\]]*\]'), ""),
    (re.compile(r'(\\*"resourceVersion\\*":\\*")\d+'), r"\1<revision>"),
)
_PREFIX = re.compile(rb'"generateName": "([^"]+)"')
_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
_LONGEST_PREFIX = 58


class Normalizer:
    """
    The labels of one server.  Outcomes must be given in the order in which they were recorded.
    """

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}
        self._revisions: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._now = time.time()

    def normalize(self, outcome: Outcome) -> dict[str, Any]:
        """
        What is compared of an answer: code, headers, and the body's form and value.
        """
        answer = outcome.answer
        self._learn_random(outcome)
        return {"code": answer.code, "headers": self._headers(answer), **self._body(answer)}

    def _headers(self, answer: Answer) -> dict[str, Any]:
        present = {name for name, _ in answer.headers}
        headers: dict[str, Any] = {
            name: self._text(answer.header(name)) for name in HEADERS if name in present and name != "warning"
        }
        headers.update({name: "<present>" for name in PRESENCE if name in present})
        warnings = [self._text(value) for name, value in answer.headers if name == "warning"]
        return {**headers, "warning": warnings} if warnings else headers

    def _body(self, answer: Answer) -> dict[str, Any]:
        content, body = answer.header("content-type"), _unpacked(answer)
        if answer.header("transfer-encoding") and b'{"type":' in body[:10]:
            lines = [self._decoded(json.loads, line) for line in body.splitlines()]
            return {"form": "events", "body": [line for line in lines if not _is_heartbeat(line)]}
        if "json" in content or body.startswith(b'{"paths":'):
            return {"form": _json_form(body), "body": self._decoded(json.loads, body)}
        if "yaml" in content:
            return {"form": "yaml", "body": self._decoded(_load_yaml, body)}
        if "protobuf" in content:
            return self._message(content, body)
        return {"form": "text", "body": self._text(body.decode(errors="replace"))}

    def _message(self, content: str, body: bytes) -> dict[str, Any]:
        if "stream=watch" in content:
            events = [self._decoded(_load_event, frame) for frame in _frames(body)]
            return {"form": "framed events", "body": [event for event in events if not _is_heartbeat(event)]}
        return {"form": "protobuf", "body": self._decoded(_load_message, body)}

    def _decoded(self, decode: Callable[[bytes], Any], body: bytes) -> Any:
        try:
            value = decode(body)
            self._learn(value)
            return self._value(own_groups(value))
        except (ValueError, yaml.YAMLError, RecursionError):
            # What is too deep for us is compared as text.
            return self._text(body.decode(errors="replace"))

    def _learn_random(self, outcome: Outcome) -> None:
        """
        Name what the server made out of a C{generateName}, also where it then refused the object.
        """
        for found in _PREFIX.findall(outcome.request.body or b""):
            prefix = found.decode()[:_LONGEST_PREFIX]
            for name in re.findall(re.escape(prefix) + _SUFFIX, outcome.answer.body.decode(errors="replace")):
                if name not in self._names:
                    self._names[name] = f"{prefix}<random-{self._count(prefix)}>"

    def _learn(self, value: Any) -> None:
        """
        Name the uids and random names of all objects in a body before anything is replaced.
        """
        if isinstance(value, list):
            for item in value:
                self._learn(item)
        elif isinstance(value, dict):
            metadata = value.get("metadata")
            if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
                self._learn_object(metadata)
            for item in value.values():
                self._learn(item)

    def _learn_object(self, metadata: dict[str, Any]) -> None:
        name = metadata["name"]
        uid = metadata.get("uid")
        if isinstance(uid, str) and uid not in self._uids:
            key = f"{metadata.get('namespace', '')}/{self._names.get(name, name)}"
            self._uids[uid] = f"<uid-{self._count(key)}-of-{key}>"

    def _count(self, key: str) -> int:
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key]

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, dict):
            return value
        members = {self._text(name): self._member(value, name, item) for name, item in value.items()}
        return _ordered(members)

    def _member(self, owner: dict[str, Any], name: str, value: Any) -> Any:
        if name == "metadata" and isinstance(value, dict):
            return self._metadata(value)
        if name == "cells" and isinstance(value, list):
            return [
                "<age>" if isinstance(one, str) and _AGE.fullmatch(one) else self._value(one) for one in value
            ]
        return self._value(value)

    def _metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        shown = {name: self._value(value) for name, value in metadata.items()}
        if isinstance(shown.get("managedFields"), list):
            shown["managedFields"] = sorted(shown["managedFields"], key=_owner)
        revision = metadata.get("resourceVersion")
        if isinstance(revision, str) and revision.isdigit() and revision != "0":
            shown["resourceVersion"] = self._revision(str(metadata.get("uid", "")), revision)
        if isinstance(metadata.get("continue"), str) and metadata["continue"]:
            shown["continue"] = "<token>"
        return shown

    def _revision(self, uid: str, revision: str) -> str:
        if not uid:
            return "<revision>"
        if (uid, revision) not in self._revisions:
            self._revisions[uid, revision] = f"<revision-{self._count('revision of ' + uid)}>"
        return self._revisions[uid, revision]

    def _text(self, text: str) -> str:
        text = _TIME.sub(lambda found: "<time>" if self._is_recent(found[0]) else found[0], text)
        for name, label in self._names.items():
            if name in text:
                text = text.replace(name, label)
        if _UUID.search(text):
            text = _UUID.sub(lambda found: self._uids.get(found[0], "<uid>"), text)
        text = _HASH.sub("<hash>", text)
        for pattern, replacement in _TEXTS:
            text = pattern.sub(replacement, text)
        return text

    def _is_recent(self, text: str) -> bool:
        try:
            moment = datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc).timestamp()
        except ValueError:
            return False
        return abs(moment - self._now) < 86400


def _owner(entry: Any) -> str:
    """
    What entries of managedFields are ordered by here: two servers may see another second.
    """
    return json.dumps(entry, sort_keys=True)


def _ordered(members: dict[str, Any]) -> dict[str, Any]:
    """
    Members whose order says nothing, in one order.
    """
    if members.get("kind") == "Status":
        _sort_causes(members)
    return in_one_order(members)


def _sort_causes(status: dict[str, Any]) -> None:
    """
    The causes of a schema come in the order of a map; a message that repeats them is cut before them.
    """
    head, mark, faults = str(status.get("message", "")).partition("errors:\n")
    if mark:
        # Of what is applied, found in the order of a map, too.
        status["message"] = head + mark + "\n".join(sorted(faults.split("\n")))
    details = status.get("details")
    if not isinstance(details, dict) or len(details.get("causes", ())) < 2:
        return
    causes = details["causes"]
    texts = ", ".join(f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in causes)
    status["message"] = str(status.get("message", "")).replace(f"[{texts}]", "<the causes>")
    details["causes"] = sorted(causes, key=lambda cause: sorted(cause.items()))


def _unpacked(answer: Answer) -> bytes:
    if answer.header("content-encoding") == "gzip":
        return gzip.decompress(answer.body)
    return answer.body


def _json_form(body: bytes) -> str:
    if not body:
        return "empty"
    return ("pretty" if b"\n  " in body else "compact") + (" line" if body.endswith(b"\n") else "")


def _is_heartbeat(event: Any) -> bool:
    """
    A bookmark that ends no initial events comes by the clock, so it is no part of a comparison.
    """
    if not isinstance(event, dict) or event.get("type") != "BOOKMARK":
        return False
    return "k8s.io/initial-events-end" not in json.dumps(event)


def _frames(body: bytes) -> Iterator[bytes]:
    while body:
        size = 4 + int.from_bytes(body[:4], "big")
        yield body[4:size]
        body = body[size:]


def _load_event(frame: bytes) -> Any:
    kind, extension = WireReader().last(frame, LENGTH_DELIMITED, LENGTH_DELIMITED)
    (raw,) = WireReader().last(extension or b"", LENGTH_DELIMITED)
    return {"type": (kind or b"").decode(), "object": _load_message(raw or b"")}


def _load_message(body: bytes) -> Any:
    """
    The object of a body; only its type where it is of a kind that is not ours.
    """
    api_version, kind, raw = open_envelope(body)
    message = message_of(api_version, kind)
    about = {"apiVersion": api_version, "kind": kind}
    return about if message is None else {**about, **message.decode(raw)}


def _load_yaml(body: bytes) -> Any:
    return yaml.load(body, Loader=_PlainLoader)


class _PlainLoader(yaml.CSafeLoader):
    """
    YAML without time stamps, which JSON does not have.
    """


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
