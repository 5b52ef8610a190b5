"""What a worker takes and for how long; the same value is told by the agent and read by every part of the worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one release.

    Attributes:
        body: The largest body, in bytes.
        rows: The most rows of one request.
        body_seconds: Seconds for a whole body to arrive.
        deadline: Seconds from a request's arrival after which its call is given up.
        queue: The most requests of one worker that wait for the model.
        batch: The most rows of one call that answers several requests; 1 stands for one request a call.
        batch_bytes: The most bytes of the bodies that one such call answers.
        memory: Bytes that a worker may have beyond what it shares with its parent; 0 stands for no limit.
        threads: Threads that the model's own libraries may use in each worker; 0 divides the machine's cores among the workers.
        strict: Whether values outside of what the notebook's own data held are refused.
    """

    body: int = 16 * 1024 * 1024
    rows: int = 100_000
    body_seconds: float = 10.0
    deadline: float = 30.0
    queue: int = 256
    batch: int = 512
    batch_bytes: int = 4 * 1024 * 1024
    memory: int = 0
    threads: int = 0
    strict: bool = False
