"""One JSON line an event, to the release's log; never a value that a caller sent, never a message that could hold one."""

from __future__ import annotations

import json
import os
import sys
import time
from traceback import FrameSummary, extract_tb
from typing import Any

FRAMES = 20  # the innermost ones; a recursion without end has thousands


def write(event: str, **facts: Any) -> None:
    """Write one line to standard error, which is the release's log.

    Args:
        event: What happened, such as `start`, `ready` or `model_failed`.
        **facts: What else is known of it.
    """
    line = json.dumps({"time": round(time.time(), 3), "event": event, "pid": os.getpid(), **facts}, ensure_ascii=False)
    sys.stderr.flush()
    os.write(2, line.encode(errors="replace") + b"\n")  # one write: lines of several workers never mix


def failure(event: str, error: BaseException, **facts: Any) -> None:
    """Write what an exception was and where it was raised, without its text.

    Args:
        event: What failed, such as `model_failed`.
        error: The exception; where it was raised from another, that one is told.
        **facts: What else is known of it.
    """
    told = error.__cause__ or error
    frames = [_told(frame) for frame in extract_tb(told.__traceback__)[-FRAMES:]]
    write(event, error=type(told).__name__, frames=frames, **facts)


def _told(frame: FrameSummary) -> str:
    line = f": {frame.line}" if frame.filename.startswith("<cell ") and frame.line else ""
    return f"{frame.filename}:{frame.lineno} {frame.name}{line}"
