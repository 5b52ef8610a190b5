"""Answers to requests that are not answered with a prediction."""

from __future__ import annotations

from typing import Any

from . import codec, log
from .exchange import JSON, Headers, Request
from .problems import ModelFailed, Problem, WrongMethod
from .routes import is_inference
from .tracing import trace_of

Reply = tuple[int, Headers, bytes]
PROBLEM: Headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]


def document(problem: Problem, request: Request) -> dict[str, Any]:
    """Tell a problem to the caller, and to the log what only its owner may read.

    Args:
        problem: What is wrong.
        request: The request.

    Returns:
        The problem detail.
    """
    if isinstance(problem, ModelFailed):
        traced = trace_of(request.headers)
        about = {"trace_id": traced} if traced else {}
        log.failure("model_failed", problem, request_id=request.id.decode(), method=request.path[1:], **about)
    return problem.body(request.id.decode())


def refusal(problem: Problem, request: Request) -> Reply:
    """Make the answer to a request.

    Args:
        problem: What is wrong.
        request: The request.

    Returns:
        Status, headers and body.
    """
    headers = [*PROBLEM, *problem.headers]
    if isinstance(problem, WrongMethod):
        headers.append((b"allow", problem.allowed.encode()))
    made = document(problem, request)
    if is_inference(request.path):
        headers[0] = JSON[0]
        places = [f"{one['path']}: {one['message']}" for one in made.get("errors", ())]
        made = {"error": " ".join([made.get("detail") or f"{made['title']}.", *places])}
    return problem.status, headers, codec.to_json(made)
