"""Whether a release tells its requests to OpenTelemetry: only where its environment says so by OpenTelemetry's own variables."""

from __future__ import annotations

import os

EXPORTERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")
_PARENT = b"traceparent"  # W3C's header


def configured() -> bool:
    """Say whether spans are wanted.

    Returns:
        Whether a variable of OpenTelemetry's says where to send them, and none says that nothing is to be sent.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(os.environ.get(name) for name in EXPORTERS)


def trace_of(headers: list[tuple[bytes, bytes]]) -> str:
    """Find the trace that a caller's request belongs to.

    Args:
        headers: The request's headers.

    Returns:
        The trace's id; empty where there is none, or it is not written as W3C says.
    """
    for name, value in headers:
        if name == _PARENT:
            parts = value.decode("latin-1").split("-")
            whole = len(parts) >= 4 and len(parts[1]) == 32 and set(parts[1]) <= set("0123456789abcdef")
            return parts[1] if whole else ""
    return ""
