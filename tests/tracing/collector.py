"""
A collector of OpenTelemetry traces: what OTLP over gRPC brings is kept.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

PATIENCE = 30.0


class Collector(TraceServiceServicer):  # type: ignore[misc]  # made by protoc
    """
    Listens on a free port of this machine, or at an address.

    @ivar endpoint: where it listens.
    @ivar spans: what it was sent, oldest first.
    @ivar resources: the attributes of those who sent something.
    """

    def __init__(self, address: str = "127.0.0.1:0") -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self._came = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(2))
        add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # made by protoc
        port = self._server.add_insecure_port(address)
        self.endpoint = address if address.startswith("unix:") else f"127.0.0.1:{port}"
        self._server.start()

    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:
        """
        Take what is sent.
        """
        with self._came:
            for of_resource in request.resource_spans:
                self.resources.append(attributes_of(of_resource.resource))
                for of_scope in of_resource.scope_spans:
                    self.spans.extend(of_scope.spans)
            self._came.notify_all()
        return ExportTraceServiceResponse()

    def wait_for(self, wanted: Callable[[Any], bool]) -> Any:
        """
        The first span that C{wanted} holds for, when it has come.
        """
        with self._came:
            found = self._came.wait_for(lambda: list(filter(wanted, self.spans)), PATIENCE)
        if not found:
            raise AssertionError(f"no such span came: {[span.name for span in self.spans]}")
        return found[0]

    def of_trace(self, trace_id: bytes) -> dict[str, Any]:
        """
        The spans of a trace that have come, by name.
        """
        return {span.name: span for span in self.spans if span.trace_id == trace_id}

    def stop(self) -> None:
        """
        Listen no more.
        """
        self._server.stop(0).wait()


def attributes_of(one: Any) -> dict[str, Any]:
    """
    The attributes of a span or a resource.
    """
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in one.attributes}
