"""When the model runs: at once on the event loop where it is known to be quick, else in one thread beside it."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

from . import log
from .board import Slot
from .model import Answer, BoundMethod
from .problems import DeadlineExceeded

QUICK = 0.005  # seconds; a hop to the thread and back costs a hundredth of it
SMALL = 16 * 1024  # bytes of a body whose duration the recent ones foretell
DECAY = 0.9  # how long one slow call is remembered
REPLACED = 75  # exit status of a worker that gave up a call
LAST_WORDS = 0.05  # seconds for the answer to leave


class Calls:
    """Runs the calls of one worker, one at a time.

    Args:
        slot: Where the worker counts.
        deadline: Seconds after which a call is given up.
    """

    def __init__(self, slot: Slot, deadline: float) -> None:
        self._slot = slot
        self._deadline = deadline
        self._recent: dict[str, float] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def call(self, method: BoundMethod, body: bytes) -> Answer:
        """Answer one request.

        Args:
            method: The method.
            body: The request's body.

        Returns:
            The answer.

        Raises:
            DeadlineExceeded: If the call took too long; where the model itself did, this process ends soon after, because a running
                call cannot be ended in any other way.
            Problem: Whatever else `method` raises.
        """
        if not self._waiting and len(body) <= SMALL and self._recent.get(method.method.name, QUICK) < QUICK:
            return self._run(method, body)
        return await self._beside(method, body)

    async def _beside(self, method: BoundMethod, body: bytes) -> Answer:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "model")
        self._waiting += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, self._run, method, body)
            return await asyncio.wait_for(running, self._deadline)
        except asyncio.TimeoutError as error:  # before Python 3.11 a class of its own
            self._give_up()
            raise DeadlineExceeded(f"The model did not answer within {self._deadline:g} seconds.") from error
        finally:
            self._waiting -= 1

    def _run(self, method: BoundMethod, body: bytes) -> Answer:
        began = self._slot.busy = time.monotonic()
        try:
            answer = method(body)
        finally:
            self._slot.busy = 0.0
            if len(body) <= SMALL:
                self._remember(method.method.name, time.monotonic() - began)
        self._slot.predicted(method.method.name, answer.rows, answer.seconds)
        return answer

    def _remember(self, name: str, seconds: float) -> None:
        before = self._recent.get(name, seconds)
        self._recent[name] = max(seconds, DECAY * before + (1 - DECAY) * seconds)

    def _give_up(self) -> None:
        since = self._slot.busy
        if since and time.monotonic() - since >= self._deadline * 0.9:  # the model hangs; else the call only waited for others
            log.write("deadline_exceeded", seconds=self._deadline)
            asyncio.get_running_loop().call_later(LAST_WORDS, os._exit, REPLACED)
