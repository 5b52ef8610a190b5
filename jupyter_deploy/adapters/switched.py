"""What people read after they have chosen what answers at an endpoint."""

from __future__ import annotations

from jupyter_deploy.values import Endpoint


def answers(endpoint: Endpoint) -> str:
    """Say what answers at an endpoint after somebody has chosen it.

    Args:
        endpoint: The endpoint.

    Returns:
        A sentence.
    """
    return f"{endpoint.name}@{endpoint.answering} ({endpoint.state}) answers at {endpoint.url} again."


def stopped(endpoint: Endpoint, command: str) -> str:
    """Say that nothing answers at an endpoint any more, and how to start it again.

    Args:
        endpoint: The endpoint.
        command: What people type before a verb: `jupyter deploy` or `%deploy`.

    Returns:
        Two sentences.
    """
    again = f"`{command} promote {endpoint.name}` starts it again; its releases and keys are kept."
    return f"`{endpoint.name}` is stopped: {endpoint.url} answers 503. {again}"
