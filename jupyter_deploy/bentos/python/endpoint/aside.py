"""One thread beside the event loop, which does one thing after the other."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from . import threads


class Aside:
    """A thread that begins with its first work.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._works: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None], asyncio.AbstractEventLoop]] | None = None

    def __call__(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Let the thread do something.

        Args:
            work: What to do; it raises nothing.
            then: Takes on the event loop what it returned.
        """
        if self._works is None:
            self._works = SimpleQueue()
            threading.Thread(target=self._run, args=(self._works,), name=self._name, daemon=True).start()
        self._works.put((work, then, asyncio.get_running_loop()))

    @staticmethod
    def _run(works: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None], asyncio.AbstractEventLoop]]) -> None:
        threads.here()
        while True:
            work, then, loop = works.get()
            result = work()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(then, result)
            del work, then, loop, result
