"""The hot path with a span of OpenTelemetry for each request and for each call of the model; in use only where spans are wanted.

Every request passes through ASGI then, and costs as much more as OpenTelemetry takes.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from . import log
from .batching import Batching
from .exchange import Exchange
from .hotpath import Asgi, HotPath, Message, Receive, Scope, Send, Served
from .model import BoundMethod
from .turns import Job, Result

OTLP = "opentelemetry.exporter.otlp.proto.{}.trace_exporter"


class TracedPath(HotPath):
    """The application of one worker, with spans.

    Args:
        served: What it serves.
        inner: BentoML's application, where there is one.
    """

    def __init__(self, served: Served, inner: Asgi | None = None) -> None:
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None
        super().__init__(served, inner)
        self.targets = {}  # nothing goes past ASGI

    def start(self, worker: int) -> None:
        """Take a worker's place, after the fork.

        Args:
            worker: Its number, from 0.
        """
        super().start(worker)
        self.batching = TracedBatching(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request within a span.

        Args:
            scope: What is asked.
            receive: Gives the body.
            send: Takes the answer.
        """
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        route = scope["path"] if scope["path"] in self._routes or scope["path"] in self._statics else "other"
        about = {"http.request.method": scope["method"], "http.route": route, "jd.release": self.served.release}
        parent = extract(headers)
        with self.tracer.start_as_current_span(f"{scope['method']} {route}", parent, SpanKind.SERVER, about) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await super().__call__(scope, receive, noted)

    @property
    def tracer(self) -> Tracer:
        """Makes spans; it is made with the first one, for its thread would not outlive a fork."""
        if self._tracer is None:
            self._provider = _provider(self.served)
            self._tracer = self._provider.get_tracer("jupyterlab-deploy")
        return self._tracer

    def end(self) -> None:
        """Send what has not been sent yet."""
        if self._provider is not None:
            self._provider.shutdown()


class Waiter:
    """Whoever waits for an answer, with the span of the request.

    Args:
        done: Takes the answer.
        span: The request's span.
    """

    __slots__ = ("done", "span")

    def __init__(self, done: Callable[[Result], Any], span: Span) -> None:
        self.done, self.span = done, span

    def __call__(self, result: Result) -> Any:
        """Take the answer."""
        return self.done(result)


class TracedBatching(Batching):
    """Asks the model, and makes a span of each call below that of every request that it answers.

    Args:
        app: The application.
    """

    def __init__(self, app: TracedPath) -> None:
        super().__init__(app.slot, app.served.limits)
        self._app = app

    def ask(
        self, method: BoundMethod, exchange: Exchange, body: bytes, caller: str, arrived: float, done: Callable[[Result], Any]
    ) -> Job | None:
        """Ask for one answer; see `Batching.ask`."""
        return super().ask(method, exchange, body, caller, arrived, Waiter(done, trace.get_current_span()))

    def _answer(self, jobs: list[Job]) -> list[tuple[Job, Result]]:
        waiters, began = [job.done for job in jobs], time.time_ns()
        results = super()._answer(jobs)
        about = {"jd.requests": len(jobs), "jd.rows": sum(job.part.size for job in jobs)}
        for waiter in waiters:
            if isinstance(waiter, Waiter):
                within = set_span_in_context(waiter.span)
                name = f"model {jobs[0].method.method.name}"
                self._app.tracer.start_span(name, within, attributes=about, start_time=began).end()
        return results


def _provider(served: Served) -> TracerProvider:
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {"service.version": served.release}
    provider = TracerProvider(resource=Resource.create(own if named else {**own, "service.name": served.model.manifest.endpoint}))
    exporter = _exporter()
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter() -> SpanExporter | None:
    if os.environ.get("OTEL_TRACES_EXPORTER") == "console":
        return ConsoleSpanExporter()
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    kind = "grpc" if protocol == "grpc" else "http"
    with suppress(ImportError):
        made: SpanExporter = importlib.import_module(OTLP.format(kind)).OTLPSpanExporter()
        return made
    log.write("traces_not_sent", missing=f"opentelemetry-exporter-otlp-proto-{kind}")
    return None
