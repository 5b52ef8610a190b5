"""Spans of a running release, received as a collector of OpenTelemetry receives them."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from jupyter_deploy.targets.local import sockets
from tests.serving import SECRET, Machine, machine, until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Receives spans over HTTP, as protobuf."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
                for one in asked.resource_spans:
                    collector.services |= {
                        found.value.string_value for found in one.resource.attributes if found.key == "service.name"
                    }
                    collector.spans += [span for scope in one.scope_spans for span in scope.spans]
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def collected() -> Iterator[Collector]:
    """Give a collector that is closed afterwards."""
    made = Collector()
    try:
        yield made
    finally:
        made.close()


def telling() -> Any:
    """Make a model that says which modules of OpenTelemetry its process has imported."""

    class Telling:
        def predict(self, rows: list[Any]) -> list[Any]:
            return [sorted({one.split(".")[0] for one in sys.modules if "opentelemetry" in one or one.endswith(".traced")})] * len(
                rows
            )

    return Telling()


def start(made: Machine, environment: dict[str, str], folder: Path) -> str:
    """Start a release that is given some environment variables."""
    file = folder / "environment.json"
    file.write_text(json.dumps(environment))
    launch = msgspec.structs.replace(made.launch(1, telling(), workers=1), environment=str(file))
    made.target.start(launch)
    return launch.id


def test_a_request_is_a_span_with_the_models_call_below(tmp_path: Path) -> None:
    """A caller's trace goes on in the release: one span for the request, below it one for the call of the model."""
    with collected() as collector, machine() as made:
        launch = start(made, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, tmp_path)
        (socket,) = made.target._workers.find(launch).sockets
        headers = {
            "authorization": f"Bearer {SECRET}",
            "content-type": "application/json",
            "traceparent": f"00-{TRACE}-{PARENT}-01",
        }
        status, _ = sockets.request(socket, "POST", "/predict", body=b"[1, 2]", headers=headers, timeout=10)
        made.target._workers.stop(launch)  # what was not sent is sent at the end
        until(lambda: len(collector.spans) == 2)
    spans = {span.name: span for span in collector.spans}
    request, call = spans["POST /predict"], spans["model predict"]
    about = {one.key: one.value.int_value for one in call.attributes}

    assert (200, {"churn"}) == (status, collector.services)
    assert [(TRACE, PARENT), (TRACE, request.span_id.hex())] == [
        (one.trace_id.hex(), one.parent_span_id.hex()) for one in (request, call)
    ]
    assert {"jd.requests": 1, "jd.rows": 2} == about
    assert request.start_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano <= request.end_time_unix_nano


def test_nothing_is_imported_where_no_spans_are_wanted(tmp_path: Path) -> None:
    """Without a variable that says where spans go, a worker has nothing of OpenTelemetry's."""
    with machine() as made:
        assert [[]] == made.predict(start(made, {}, tmp_path), 1)
