"""What the agent's routes answer: JSON, and errors as problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jupyter_deploy import errors
from jupyter_deploy.values import to_json


def json(value: Any, status: int = 200) -> Response:
    """Answer with a value.

    Args:
        value: The value.
        status: HTTP status.

    Returns:
        The answer.
    """
    return Response(to_json(value), status, media_type="application/json")


async def problem(_: Request, error: Exception) -> Response:
    """Answer with an error.

    Args:
        error: The error.

    Returns:
        The answer.
    """
    assert isinstance(error, errors.DeployError)  # noqa: S101 (Starlette gives only these)
    body = {
        "type": "about:blank",
        "title": error.code,
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        "hint": error.hint,
    }
    return Response(to_json(body), error.status, media_type="application/problem+json")
