"""
Which form a client wants its answer in, and which form its body is in.

Follows C{k8s.io/apiserver/pkg/endpoints/handlers/negotiation}; contract 1.4 to 1.9.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ark.meta.known import Known
from ark.meta.mediatypes import MediaRange, parse_accept
from ark.meta.status import APIStatus, not_acceptable, unsupported_media_type

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
STREAM_JSON = "application/json;stream=watch"
STREAM_PROTOBUF = f"{PROTOBUF};stream=watch"

CUSTOM_BODIES = (JSON, YAML)
TYPED_BODIES = (JSON, YAML, PROTOBUF)
_FORMS = TYPED_BODIES

_META_VERSIONS = frozenset(("v1", "v1beta1"))
METADATA_ONLY = frozenset(("PartialObjectMetadata", "PartialObjectMetadataList"))
_TRANSFORMS = METADATA_ONLY | {"Table"}
_REMEMBERED = 1024
# What a client can make long on purpose is not kept.
_LONGEST = 1024


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
    if not clause.takes(media_type):
        return None
    parameters = clause.parameters
    stream = parameters.get("stream", "")
    if stream and (stream != "watch" or media_type == YAML):
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


def _streamed(accepted: Accepted) -> Accepted:
    if accepted.media_type == YAML:
        raise not_acceptable((STREAM_JSON, STREAM_PROTOBUF))
    return accepted


class Negotiator:
    """
    Chooses answer forms, and remembers what it chose for each C{Accept} header.

    Of forms of a whole object that a client wants alike protocol buffers come last: it is
    kept in JSON, and has to be written anew in any other form.  What is made of it has to be
    written anyway, so there the client's order counts, as in Kubernetes.

    @param transforms: what objects can be made into.
    @param typed: whether objects can be had in protocol buffers, and not their metadata only.
    """

    def __init__(self, transforms: frozenset[str] = _TRANSFORMS, typed: bool = False) -> None:
        self._transforms = transforms
        self._typed = typed
        self._known: Known[tuple[bytes, bool], Accepted] = Known(_REMEMBERED)
        self._answers: Known[tuple[bytes | None, bytes | None], Accepted] = Known(_REMEMBERED)

    def answer(self, request: Any) -> Accepted:
        """
        The form of the answer to a request, laid out for people where one reads it.

        @raise ark.meta.status.APIStatus: 406.
        """
        headers = request.headers
        said = headers.get(b"accept"), headers.get(b"user-agent")
        known = self._answers.get(said)
        if known is None or "pretty" in request.query:
            known = self._answer(request.query, *said)
        return known

    def _answer(self, query: str, accept: bytes | None, user_agent: bytes | None) -> Accepted:
        accepted = self.accepted(accept)
        if wants_pretty(query, user_agent) and accepted.media_type == JSON:
            accepted = accepted._replace(pretty=True)
        if "pretty" not in query and len(accept or b"") + len(user_agent or b"") <= _LONGEST:
            self._answers.keep((accept, user_agent), accepted)
        return accepted

    def accepted(self, header: bytes | None, watching: bool = False) -> Accepted:
        """
        The form for an C{Accept} header; JSON when there is none.

        @raise ark.meta.status.APIStatus: 406, nothing that it names can be made.
        """
        if not header:
            return PLAIN
        known = self._known.get((header, watching))
        if known is None:
            known = self._negotiate(header.decode("latin-1"), watching)
            if known == PLAIN:
                # Most want just that, and are told from others by it.
                known = PLAIN
            if len(header) <= _LONGEST:
                self._known.keep((header, watching), known)
        return known

    def _negotiate(self, header: str, watching: bool) -> Accepted:
        fallback: tuple[Accepted, float] | None = None
        for clause in parse_accept(header):
            if fallback is not None and clause.quality < fallback[1]:
                break
            for media_type in _FORMS:
                accepted = _take(clause, media_type, watching)
                if accepted is None or not self._can_make(accepted):
                    continue
                if fallback is None:
                    if media_type != PROTOBUF or accepted.transform:
                        return _streamed(accepted) if watching else accepted
                    fallback = (accepted, clause.quality)
                elif media_type == JSON and not accepted.transform:
                    return accepted
                break
        if fallback is None:
            raise not_acceptable(_FORMS)
        return fallback[0]

    def _can_make(self, accepted: Accepted) -> bool:
        transform = accepted.transform
        if transform and transform not in self._transforms:
            return False
        if accepted.media_type != PROTOBUF:
            return True
        return transform in METADATA_ONLY if transform else self._typed


_FAILURES = Negotiator(frozenset(), typed=True)


def failure_form(header: bytes | None, pretty: bool) -> Accepted:
    """
    The form in which a failure is told: what the client accepts and no transformation, or
    indented JSON where it accepts nothing of that (contract 2.7).

    C{ErrorNegotiated} and C{WriteObjectNegotiated} in C{responsewriters/writers.go}.

    @param pretty: whether a person reads it.
    """
    try:
        accepted = _FAILURES.accepted(header)
    except APIStatus:
        return _INDENTED
    return accepted._replace(pretty=True) if pretty and accepted.media_type == JSON else accepted


def body_type(header: bytes | None, supported: tuple[str, ...]) -> str:
    """
    The media type of a request body; JSON when none is told.

    @param supported: L{CUSTOM_BODIES} or L{TYPED_BODIES}.
    @raise ark.meta.status.APIStatus: 415 (contract 1.6).  It lists all types that the server
        reads, as kube-apiserver does, also where objects have no protocol buffers.
    """
    if not header or header == b"application/json":
        return JSON
    media_type = header.decode("latin-1").partition(";")[0].strip().lower()
    if media_type in supported:
        return media_type
    raise unsupported_media_type(TYPED_BODIES)


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
