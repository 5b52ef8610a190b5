"""One JSON line an event, to the release's log; never a value that a caller sent, never a message that could hold one."""

from __future__ import annotations

import os
import sys
import time
from traceback import extract_tb
from typing import Any

import msgspec


def write(event: str, **facts: Any) -> None:
    """Write one line to standard error, which is the release's log.

    Args:
        event: What happened, such as `start`, `ready` or `model_failed`.
        **facts: What else is known of it.
    """
    line = msgspec.json.encode({"time": round(time.time(), 3), "event": event, "pid": os.getpid(), **facts}) + b"\n"
    sys.stderr.flush()
    os.write(2, line)  # one write: lines of several workers never mix


def frames(error: BaseException) -> list[str]:
    """Say where an exception was raised, without its text.

    Args:
        error: The exception.

    Returns:
        `file:line function` of each frame, the innermost last.
    """
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
