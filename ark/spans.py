"""
Traces of a server: from its configuration to what is told of requests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred

from ark.config import CONFIG, ConfigError, ServerConfig
from ark.http.metrics import Metrics
from ark.http.tracing import RequestTracing
from ark.tracing.configuration import (
    BadTracingConfiguration,
    TracingConfiguration,
    connect,
    read_configuration,
)
from ark.tracing.exporting import Collector, Exporter

SERVICE = "apiserver"
_OPTION = "--tracing-config-file"


class Spans:
    """
    The spans of one process, on their way to a collector.

    @ivar tracing: makes those of requests.
    """

    def __init__(self, exporter: Exporter, rate: int) -> None:
        self._exporter = exporter
        self.tracing = RequestTracing(exporter, rate)

    @classmethod
    def of(cls, config: ServerConfig, reactor: Any) -> Spans | None:
        """
        Those of a server; L{None} where none are wanted.

        @raise ConfigError: the file cannot be used, or packages are missing.
        """
        if not config.tracing_config_file:
            return None
        configuration, collector = read_tracing(config.tracing_config_file)
        return cls(Exporter(collector, reactor), configuration.rate)

    def start(self) -> None:
        """
        Begin to send.
        """
        self._exporter.start()

    def stop(self) -> Deferred[None]:
        """
        Send what there is.

        @return: fires when that was done, or given up.
        """
        return self._exporter.stop()

    def show(self, metrics: Metrics) -> None:
        """
        Show what became of spans.
        """
        exporter = self._exporter
        metrics.add_counter(
            "ark_tracing_spans",
            "Spans that ended, by what became of them.",
            lambda: {
                ("exported",): exporter.exported,
                ("failed",): exporter.failed,
                ("dropped",): exporter.dropped,
            },
            ("result",),
        )


def read_tracing(path: str) -> tuple[TracingConfiguration, Collector]:
    """
    What a file says of traces, and where they go.

    @raise ConfigError: the file cannot be used, or packages are missing.
    """
    try:
        configuration = read_configuration(Path(path).read_bytes())
        about = {"service.name": SERVICE, "service.instance.id": str(uuid4())}
        return configuration, connect(configuration, about)
    except OSError as error:
        cause = f"{_OPTION} names {path}, which cannot be read: {error.strerror}."
        raise ConfigError(cause, "Name a file that can be read.", CONFIG) from error
    except BadTracingConfiguration as error:
        raise ConfigError(
            f"{path} {error}.", "Write a TracingConfiguration as for kube-apiserver.", CONFIG
        ) from error
    except ImportError as error:
        cause = f"{_OPTION} is given, but {error.name} is not installed."
        raise ConfigError(cause, 'Install it with pip install "ark-apiserver[tracing]".', CONFIG) from error
