"""Ends the agent by SIGKILL when a named function of the product begins or ends: `FAILPOINT=walk:_lock:return`.

Whoever starts the agent with this folder on `PYTHONPATH` gets it; the product knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

POINT = os.environ.get("FAILPOINT", "")


def look(frame: FrameType, event: str, _: object) -> None:
    """Be told of every function that begins or ends in a thread."""
    if event == EVENT and frame.f_code.co_name == FUNCTION and frame.f_code.co_filename.endswith(FILE):
        os.kill(os.getpid(), signal.SIGKILL)


if POINT and "jupyter_deploy.agent" in " ".join(sys.orig_argv):
    MODULE, FUNCTION, EVENT = POINT.split(":")
    FILE = str(Path("jupyter_deploy", *MODULE.split(".")).with_suffix(".py"))
    threading.setprofile(look)
