"""An end for a call on the event loop: a quick model may meet an input on which it is not."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class Rang(Exception):
    """A call took as long as it may."""


class _Late(BaseException):
    """Raised within a call; no `except Exception` of the model's own keeps it."""


class Alarm:
    """Ends calls on the main thread.

    One timer serves many calls: it is set anew only when it has rung, so that a quick call pays for no system call.

    Args:
        seconds: How long a call may take.

    Attributes:
        usable: Whether calls can be ended here; signals are taken by the main thread alone.
        is_late: Whether the last call took too long.
    """

    def __init__(self, seconds: float) -> None:
        self.usable = threading.current_thread() is threading.main_thread()
        self._seconds = seconds
        self._since = 0.0
        self._is_set = self.is_late = False
        if self.usable:
            signal.signal(signal.SIGALRM, self._ring)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function.

        Args:
            function: What to call.

        Returns:
            What it returns.

        Raises:
            Rang: If it takes too long. What it did is left half way.
        """
        try:
            try:
                self.is_late, self._since = False, time.monotonic()
                if not self._is_set:
                    self._set(self._seconds)
                result = function()
            finally:
                self._since = 0.0
        except BaseException:  # as what the model's own code, or ours around it, has told it
            if not self.is_late:
                raise
            raise Rang from None
        if self.is_late:  # whoever was called has kept it to itself
            raise Rang
        return result

    def _set(self, seconds: float) -> None:
        self._is_set = True
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        self._is_set = False
        if not self._since:
            return
        left = self._since + self._seconds - time.monotonic()
        if left > 0:
            self._set(left)
            return
        self.is_late = True
        raise _Late
