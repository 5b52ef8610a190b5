"""Ends a long step from outside: somebody cancels it, the agent ends, or its time is over.

Whoever runs a step makes a `Stop` and runs the step under it. What the step waits for, a program, a socket or the clock, it waits
for through here, so that it ends as soon as the stop is pulled. Without a stop everything waits as usual.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from jupyter_deploy import errors

LOOK = 0.05  # seconds between two looks at what cannot be waited for together with a stop


class Stop:
    """Something that can be pulled once, from any thread."""

    def __init__(self) -> None:
        self.error: errors.DeployError | None = None
        self._pulled = threading.Event()
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []

    def pull(self, error: errors.DeployError) -> None:
        """End whatever the step waits for; the second pull does nothing.

        Args:
            error: What the step then raises.
        """
        with self._lock:
            if self.error is not None:
                return
            self.error = error
            self._pulled.set()
            for end in self._ends:
                end()

    def check(self) -> None:
        """Raise the error, if the stop was pulled."""
        if self.error is not None:
            raise self.error

    def wait(self, seconds: float) -> None:
        """Wait, and raise the error as soon as the stop is pulled.

        Args:
            seconds: How long.
        """
        self._pulled.wait(seconds)
        self.check()

    @contextlib.contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have something ended if the stop is pulled while the block runs; the block then raises the stop's error.

        Args:
            end: Ends what the block waits for; must not wait itself.
        """
        with self._lock:
            self.check()
            self._ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
            self.check()


_current: ContextVar[Stop | None] = ContextVar("stop", default=None)


@contextlib.contextmanager
def under(stop: Stop, seconds: float, late: errors.DeployError) -> Iterator[None]:
    """Run a step that can be stopped, in this thread.

    Args:
        stop: What stops it.
        seconds: How long it may take.
        late: What it raises when it takes longer.
    """
    timer = threading.Timer(seconds, stop.pull, (late,))
    timer.daemon = True
    timer.start()
    before = _current.set(stop)
    try:
        stop.check()
        yield
    finally:
        _current.reset(before)
        timer.cancel()


def ending(end: Callable[[], None]) -> contextlib.AbstractContextManager[None]:
    """Have something ended if this thread's step is stopped while the block runs.

    Args:
        end: Ends what the block waits for; must not wait itself.

    Returns:
        The block's context; it raises the stop's error.
    """
    stop = _current.get()
    return stop.ending(end) if stop is not None else contextlib.nullcontext()


@contextlib.contextmanager
def never() -> Iterator[None]:
    """Let a block run to its end whatever happens to the step: moving traffic and tidying up are short and must be whole."""
    before = _current.set(None)
    try:
        yield
    finally:
        _current.reset(before)


@contextlib.contextmanager
def holding(lock: threading.Lock | threading.RLock) -> Iterator[None]:
    """Hold a lock, and wait for it no longer than until this thread's step is stopped.

    Args:
        lock: The lock.
    """
    while not lock.acquire(timeout=LOOK):
        pause(0.0)
    try:
        yield
    finally:
        lock.release()


def pause(seconds: float) -> None:
    """Sleep, but no longer than until this thread's step is stopped.

    Args:
        seconds: How long.

    Raises:
        DeployError: The stop's error, if it was pulled.
    """
    stop = _current.get()
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
