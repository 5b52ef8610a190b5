"""When the model runs: at once on the event loop where it is known to be quick, else in one thread beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from . import log
from .board import Slot
from .exchange import Exchange
from .model import BoundMethod, failure_of
from .problems import DeadlineExceeded, Problem

QUICK = 0.005  # seconds; a hop to the thread and back costs a hundredth of it
SMALL = 16 * 1024  # bytes of a body whose duration the recent ones foretell
DECAY = 0.9  # how long one slow call is remembered
REPLACED = 75  # exit status of a worker that gave up a call
LAST_WORDS = 0.05  # seconds for the answer to leave


class _Late(BaseException):
    """A call on the event loop is past its deadline; no `except Exception` of the model's own keeps it."""


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
        self._timed = self._late = False
        self._alone = threading.current_thread() is threading.main_thread()  # signals can be waited for there alone
        if self._alone:
            signal.signal(signal.SIGALRM, self._ring)

    async def call(self, method: BoundMethod, body: bytes, exchange: Exchange) -> bytes:
        """Answer one request.

        Args:
            method: The method.
            body: The request's body.
            exchange: How it is read and answered.

        Returns:
            The answer's body.

        Raises:
            DeadlineExceeded: If the call took too long; where the model itself did, this process ends soon after, because a running
                call cannot be ended in any other way.
            Problem: Whatever else `method` raises.
        """
        if self._alone and not self._waiting and len(body) <= SMALL and self._recent.get(method.method.name, QUICK) < QUICK:
            return self._at_once(method, body, exchange)
        return await self._beside(method, body, exchange)

    def _at_once(self, method: BoundMethod, body: bytes, exchange: Exchange) -> bytes:
        """Run on the event loop, with an alarm set: a quick model may meet an input on which it is not."""
        try:
            try:
                self._timed, self._late = True, False
                signal.setitimer(signal.ITIMER_REAL, self._deadline)
                return self._run(method, body, exchange)
            finally:
                self._timed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException:  # as what the model's own code, or ours around it, has told it
            if not self._late:
                raise
            self._replace()
            raise self._exceeded() from None

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._timed:
            self._late = True
            raise _Late

    async def _beside(self, method: BoundMethod, body: bytes, exchange: Exchange) -> bytes:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "model")
        self._waiting += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, self._run, method, body, exchange)
            return await asyncio.wait_for(running, self._deadline)
        except asyncio.TimeoutError as error:  # before Python 3.11 a class of its own
            self._give_up()
            raise self._exceeded() from error
        finally:
            self._waiting -= 1

    def _run(self, method: BoundMethod, body: bytes, exchange: Exchange) -> bytes:
        began = self._slot.busy = time.monotonic()
        try:
            part = exchange.read(body, method.decoder)
            (answers,) = method.ask([part])
            self._slot.predicted(method.method.name, part.size, time.monotonic() - began)
            return exchange.write(answers, method.method)
        except Problem:
            raise
        except BaseException as error:  # an answer may be no JSON at all, such as a text that is no Unicode
            raise failure_of(error) from error
        finally:
            self._slot.busy = 0.0
            if len(body) <= SMALL and not method.waits:  # which has no place on the event loop of the worker itself
                self._remember(method.method.name, time.monotonic() - began)

    def _remember(self, name: str, seconds: float) -> None:
        before = self._recent.get(name, seconds)
        self._recent[name] = max(seconds, DECAY * before + (1 - DECAY) * seconds)

    def _give_up(self) -> None:
        since = self._slot.busy
        if since and time.monotonic() - since >= self._deadline * 0.9:  # the model hangs; else the call only waited for others
            self._replace()

    def _replace(self) -> None:
        """End this process soon: the call that was given up goes on in it, or left the model half way."""
        log.write("deadline_exceeded", seconds=self._deadline)
        asyncio.get_running_loop().call_later(LAST_WORDS, os._exit, REPLACED)

    def _exceeded(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"The model did not answer within {self._deadline:g} seconds.")
