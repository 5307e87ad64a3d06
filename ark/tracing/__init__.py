"""
Traces in the sense of OpenTelemetry: which spans a request has, and how they reach a collector.

It owns the span that code runs in (L{ark.tracing.span.SPAN}), the text that carries it to others
(L{ark.tracing.context}) and the thread that sends spans away (L{ark.tracing.exporting}).  It must not know
what a request is, nor import OpenTelemetry's packages before somebody asks for traces: they are an extra.
"""
