"""
Which form a client wants its answer in, and which form its body is in.

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/negotiation}; contract 1.4 to 1.9.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ark.meta.mediatypes import MediaRange, parse_accept
from ark.meta.status import not_acceptable, unsupported_media_type

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
STREAM_JSON = "application/json;stream=watch"

CUSTOM_BODIES = (JSON, YAML)
TYPED_BODIES = (JSON, YAML, PROTOBUF)

_META_VERSIONS = frozenset(("v1", "v1beta1"))
_TRANSFORMS = frozenset(("Table", "PartialObjectMetadata", "PartialObjectMetadataList"))
_REMEMBERED = 1024


class Accepted(NamedTuple):
    """
    The form of an answer.

    C{transform} is empty, C{Table}, C{PartialObjectMetadata} or
    C{PartialObjectMetadataList}, of C{meta.k8s.io/}C{version}.
    """

    media_type: str
    transform: str = ""
    version: str = ""
    pretty: bool = False


PLAIN = Accepted(JSON)
_INDENTED = Accepted(JSON, pretty=True)


def _take(clause: MediaRange, media_type: str, streaming: bool) -> Accepted | None:
    main, sub = media_type.split("/")
    if clause.main not in (main, "*") or clause.sub not in (sub, "*"):
        return None
    parameters = clause.parameters
    stream = parameters.get("stream", "")
    if stream and (stream != "watch" or media_type != JSON):
        return None
    if parameters.get("sv"):
        return None
    pretty = parameters.get("pretty") == "1"
    if not parameters.keys() & {"as", "g", "v"}:
        return Accepted(media_type, pretty=pretty)
    transform, version = parameters.get("as", ""), parameters.get("v", "")
    if parameters.get("g") != "meta.k8s.io" or version not in _META_VERSIONS or transform not in _TRANSFORMS:
        return None
    return Accepted(media_type, transform, version, pretty)


def _negotiate(header: str, watching: bool, tables: bool) -> Accepted:
    offers = (JSON,) if watching else (JSON, YAML)
    for clause in parse_accept(header):
        for media_type in (JSON, YAML):
            accepted = _take(clause, media_type, watching)
            if accepted is None or (accepted.transform == "Table" and not tables):
                continue
            if media_type not in offers:
                raise not_acceptable((STREAM_JSON,))
            return accepted
    raise not_acceptable((STREAM_JSON,) if watching else offers)


class Negotiator:
    """
    Chooses answer forms, and remembers what it chose for each C{Accept} header.

    @param tables: whether tables can be made.
    """

    def __init__(self, tables: bool = True) -> None:
        self._tables = tables
        self._known: dict[tuple[bytes, bool], Accepted] = {}

    def accepted(self, header: bytes | None, watching: bool = False) -> Accepted:
        """
        The form for an C{Accept} header; JSON when there is none.

        @raise ark.meta.status.APIStatus: 406, nothing that it names can be made.
        """
        if not header:
            return PLAIN
        known = self._known.get((header, watching))
        if known is None:
            known = _negotiate(header.decode("latin-1"), watching, self._tables)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[header, watching] = known
        return known


@lru_cache(maxsize=_REMEMBERED)
def _failure_form(header: bytes) -> Accepted | None:
    for clause in parse_accept(header.decode("latin-1")):
        for media_type in (JSON, YAML):
            accepted = _take(clause, media_type, False)
            if accepted is not None and not accepted.transform:
                return accepted
    return None


def failure_form(header: bytes | None, pretty: bool) -> Accepted:
    """
    The form in which a failure is told: what the client accepts and no transformation, or
    indented JSON where it accepts nothing of that (contract 2.7).

    C{ErrorNegotiated} and C{WriteObjectNegotiated} in C{responsewriters/writers.go}.

    @param pretty: whether a person reads it.
    """
    accepted = _failure_form(header) if header else PLAIN
    if accepted is None:
        return _INDENTED
    return accepted._replace(pretty=True) if pretty and accepted.media_type == JSON else accepted


def body_type(header: bytes | None, supported: tuple[str, ...]) -> str:
    """
    The media type of a request body; JSON when none is told.

    @param supported: L{CUSTOM_BODIES} or L{TYPED_BODIES}.
    @raise ark.meta.status.APIStatus: 415, listing C{supported} (contract 1.6).
    """
    if not header or header == b"application/json":
        return JSON
    media_type = header.decode("latin-1").partition(";")[0].strip().lower()
    if media_type in supported:
        return media_type
    raise unsupported_media_type(supported)


def patch_type(header: bytes | None, supported: tuple[str, ...]) -> str:
    """
    The media type of a patch.

    @raise ark.meta.status.APIStatus: 415, listing C{supported} (contract 7.1).
    """
    media_type = (header or b"").decode("latin-1").partition(";")[0]
    if media_type in supported:
        return media_type
    raise unsupported_media_type(supported)


def wants_pretty(query: str, user_agent: bytes | None) -> bool:
    """
    Whether a person reads the answer (contract 1.11).
    """
    if "pretty" in query:
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if name == "pretty" and value:
                return value in ("1", "t", "T", "true", "TRUE", "True")
    return bool(user_agent) and user_agent.startswith((b"curl", b"Wget", b"Mozilla/5.0"))  # type: ignore[union-attr]
