"""Tampers with an agent that is started with this folder on `PYTHONPATH`; the product knows nothing of it.

`FAILPOINT=walk:_lock:return` ends it by SIGKILL when a function of the product begins (`call`) or ends. `CLOCK=FILE` moves its wall
clock by the seconds that stand in the file, at every look; the monotonic clock is not affected, as on a real machine.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

POINT = os.environ.get("FAILPOINT", "")
CLOCK = os.environ.get("CLOCK", "")
IN_AGENT = "jupyter_deploy.agent" in " ".join(sys.orig_argv)


def look(frame: FrameType, event: str, _: object) -> None:
    """Be told of every function that begins or ends in a thread."""
    if event == EVENT and frame.f_code.co_name == FUNCTION and frame.f_code.co_filename.endswith(FILE):
        os.kill(os.getpid(), signal.SIGKILL)


def move(real: Callable[[], float]) -> Callable[[], float]:
    """Give a clock that is off by what stands in the file."""
    return lambda: real() + float(Path(CLOCK).read_text() or 0)


if CLOCK and IN_AGENT:
    time.time = move(time.time)
if POINT and IN_AGENT:
    MODULE, FUNCTION, EVENT = POINT.split(":")
    FILE = str(Path("jupyter_deploy", *MODULE.split(".")).with_suffix(".py"))
    threading.setprofile(look)
