"""Whether spans are wanted, and to which trace a request belongs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_deploy.bentos.python.endpoint import tracing
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from tests.unit.bentos.conftest import Caller

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False), (ENDPOINT, True), ({"OTEL_TRACES_EXPORTER": "console"}, True), ({"OTEL_SERVICE_NAME": "churn"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False), ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
    ],
)  # fmt: skip
def test_spans_are_wanted_where_they_have_somewhere_to_go(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenTelemetry's own variables decide, and without one there is nothing to decide."""
    for name in (*tracing.EXPORTERS, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert expected == tracing.configured()


@pytest.mark.parametrize(
    ("header", "expected"),
    [(f"00-{TRACE}-00f067aa0ba902b7-01", TRACE), ("", ""), ("nonsense", ""), (f"00-{TRACE[:-1]}\n-00f067aa0ba902b7-01", "")],
)
def test_a_trace_is_taken_as_w3c_writes_it(header: str, expected: str) -> None:
    """What is not a trace's id does not reach a log."""
    assert expected == tracing.trace_of([(b"host", b"x"), (b"traceparent", header.encode())])


def test_the_log_names_the_trace_of_a_failure(make_app: Callable[..., HotPath], capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever looks into a trace finds the line about what failed in it."""

    def fail(_rows: Any) -> Any:
        raise KeyError("x")

    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    Caller(make_app(fail))("POST", "/predict", json=[[1, 2, 3]], headers=headers)
    (line,) = [json.loads(one) for one in capfd.readouterr().err.splitlines() if "model_failed" in one]

    assert TRACE == line["trace_id"]
