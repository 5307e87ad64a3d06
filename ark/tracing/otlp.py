"""
Sends spans to an OpenTelemetry collector by OTLP over gRPC, without TLS, as kube-apiserver does.

Needs the packages of the extra C{tracing}; only L{ark.tracing.configuration} imports it, when traces are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Children of the server are other programs; what gRPC does at a fork would only hold it up.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

from ark.tracing.context import TraceContext
from ark.tracing.span import Attribute, Span

SCOPE = "ark"
_RETRIED = """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.5s",
"maxBackoff": "5s", "backoffMultiplier": 2, "retryableStatusCodes":
["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]}}]}"""
_NANO = 1_000_000_000


class OTLPCollector:
    """
    A collector that gRPC can reach.

    @param endpoint: where, as gRPC names it.
    @param about: attributes of this process.
    """

    def __init__(self, endpoint: str, about: Mapping[str, Attribute]) -> None:
        options = (("grpc.service_config", _RETRIED), ("grpc.enable_retries", 1))
        self._channel = grpc.insecure_channel(endpoint, options)
        self._export = TraceServiceStub(self._channel).Export  # type: ignore[no-untyped-call]  # made by protoc
        self._resource = Resource(attributes=_attributes(about))
        self._scope = InstrumentationScope(name=SCOPE)

    def send(self, spans: Sequence[Span], offset: float, seconds: float) -> None:
        """
        See L{ark.tracing.exporting.Collector.send}.

        @raise ConnectionError: the collector did not take them; the message says why in a line.
        """
        try:
            answer = self._export(self.request(spans, offset), timeout=seconds)
        except grpc.RpcError as error:
            raise ConnectionError(f"{error.code().name}: {error.details()}") from None
        refused = answer.partial_success.rejected_spans
        if refused:
            raise ConnectionError(f"{refused} spans were rejected")

    def request(self, spans: Iterable[Span], offset: float) -> ExportTraceServiceRequest:
        """
        What is sent.
        """
        sent = [_sent(span, offset) for span in spans]
        scoped = ScopeSpans(scope=self._scope, spans=sent)
        return ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(resource=self._resource, scope_spans=[scoped])]
        )

    def close(self) -> None:
        """
        Let go of the connection.
        """
        self._channel.close()


def _sent(span: Span, offset: float) -> Sent:
    members: dict[str, Any] = {"kind": span.kind}
    if span.parent_id:
        members["parent_span_id"] = span.parent_id.to_bytes(8, "big")
    if span.link is not None:
        members["links"] = [Sent.Link(**_place(span.link))]
    if span.error is not None:
        members["status"] = Status(code=Status.STATUS_CODE_ERROR, message=span.error)
    return Sent(
        **_place(span.context),
        **members,
        name=span.name,
        start_time_unix_nano=int((span.started + offset) * _NANO),
        end_time_unix_nano=int((span.ended + offset) * _NANO),
        attributes=_attributes(span.attributes),
    )


def _place(context: TraceContext) -> dict[str, Any]:
    return {
        "trace_id": context.trace_id.to_bytes(16, "big"),
        "span_id": context.span_id.to_bytes(8, "big"),
        "trace_state": context.state.decode("ascii"),
        "flags": int(context.sampled),
    }


def _attributes(given: Mapping[str, Attribute]) -> list[KeyValue]:
    return [
        KeyValue(
            key=name,
            value=AnyValue(int_value=value)
            if isinstance(value, int)
            # What is no text has no place in protobuf.
            else AnyValue(string_value=value.encode("utf-8", "replace").decode()),
        )
        for name, value in given.items()
    ]
