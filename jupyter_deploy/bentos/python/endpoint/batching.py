"""When the model runs, and for whom: what arrives while it is busy is answered by its next call, all together.

A quick model runs on the event loop, with all that was read in one turn of the loop in one call; any other runs in one thread
beside it. Nothing waits for others to come: a request that finds the model idle is answered at once.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from . import log
from .alarm import Alarm, Rang
from .aside import Aside
from .board import REPLACED, Slot
from .exchange import Exchange
from .imports import are_there, bring
from .limits import Limits
from .model import BoundMethod, failure_of
from .parts import Part
from .problems import Busy, DeadlineExceeded, Problem, TooManyRows
from .quarantine import MOST, digest
from .turns import Job, Result, Turns

QUICK = 0.005  # seconds; a hop to the thread and back costs a hundredth of it
SMALL = 16 * 1024  # bytes of a body whose duration the recent ones foretell, and which is read on the event loop
SLICE = 0.02  # seconds after which quick calls let the event loop do something else
DECAY = 0.9  # how long one slow call is remembered
HUNG = 0.9  # share of the deadline that a call itself must have taken to be given up, rather than one that waited for others
HEAVY = 4  # bodies of the largest size that may wait
LAST_WORDS = 0.05  # seconds for the answer to leave


class Batching:
    """Asks the model of one worker.

    Args:
        slot: Where the worker counts.
        limits: What it takes, and for how long.
    """

    def __init__(self, slot: Slot, limits: Limits) -> None:
        self._slot, self._limits = slot, limits
        self._alarm = Alarm(limits.deadline)
        self._model, self._reader = Aside("model"), Aside("bodies")
        self._turns = Turns(limits.queue, HEAVY * limits.body)
        slot.vital.waiting = self._turns.__len__
        self._calling: list[Job] = []  # what the thread has in hand
        self._reading: dict[Job, int] = {}  # bytes of the bodies that are looked at beside the loop
        self._recent: dict[str, float] = {}
        self._is_due = self._is_watched = False

    def __len__(self) -> int:
        """Say how many requests wait for the model."""
        return len(self._turns)

    def ask(
        self, method: BoundMethod, exchange: Exchange, body: bytes, caller: str, arrived: float, done: Callable[[Result], Any]
    ) -> Job | None:
        """Ask for one answer.

        Args:
            method: The method.
            exchange: How body and answer are read and written.
            body: The request's body.
            caller: The id of the caller's key.
            arrived: When the request arrived, in monotonic seconds.
            done: Takes the answer's body, or why there is none; perhaps before this returns.

        Returns:
            What waits for the model, to be dropped when nobody waits for its answer any more; None where nothing waits.
        """
        job = Job(method, exchange, caller, arrived, digest(method.method.name, body), done)
        read = partial(self._read, job, body)
        if len(body) > SMALL or not are_there(exchange.needs) or (method.decoder.calls and not self._was_quick(job)):
            if self._is_full(len(body)):
                job.settle(Busy())
                return None
            self._reading[job] = len(body)
            self._watch()
            (self._model if method.decoder.calls else self._reader)(read, partial(self._was_read, job))
        else:
            self._was_read(job, self._on_loop(read) if method.decoder.calls else read())
        return job if job.done is not None else None

    def drop(self, job: Job) -> None:
        """Forget a request whose caller has gone; where its turn has not come, the model never sees it.

        Args:
            job: The request.
        """
        job.done = None
        self._turns.remove(job)

    def _read(self, job: Job, body: bytes) -> Part | Problem:
        try:
            bring(job.exchange.needs)
            part = job.exchange.read(body, job.method.decoder)
            job.alone = self._slot.running.alone(job.digest)
        except Problem as problem:
            return problem
        except BaseException as error:  # noqa: BLE001 (a look at a body may run the author's own classes)
            return failure_of(error)
        limit = self._limits.rows
        return TooManyRows(f"A request has at most {limit:,} rows; send more of them apart.") if part.size > limit else part

    def _was_read(self, job: Job, part: Part | Problem | None) -> None:
        self._reading.pop(job, None)
        if part is None or isinstance(part, Problem):
            job.settle(part or self._exceeded())
            return
        job.take(part)
        if job.done is None:
            return
        if not part.size or (job.alone and not self._turns and self._is_quick([job])):
            self._at_once([job])
            return
        for late in self._turns.add(job):
            late.settle(Busy())
        self._watch()
        if not self._is_due and not self._calling:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Answer what waits: the quick ones here, the first that is not in the thread."""
        self._is_due = False
        began = time.monotonic()
        while not self._calling:
            jobs = self._turns.take(self._most, self._limits.batch_bytes)
            if not jobs:
                return
            if not self._is_quick(jobs):
                self._calling = jobs
                self._model(partial(self._answer, jobs), self._answered)
                return
            self._at_once(jobs)
            if self._turns and time.monotonic() - began > SLICE:
                self._is_due = True
                asyncio.get_running_loop().call_soon(self._next)
                return

    def _most(self, first: Job) -> int:
        name = first.method.method.name
        return self._slot.most(name, min(self._limits.batch, MOST)) if self._slot.batched(name) else 1

    def _is_quick(self, jobs: list[Job]) -> bool:
        return not self._calling and sum([job.part.weight for job in jobs]) <= SMALL and self._was_quick(jobs[0])

    def _is_full(self, weight: int) -> bool:
        """Say whether so many bodies wait to be looked at that another one has to come again."""
        held = len(self._reading)
        return held >= self._limits.queue or (held > 0 and sum(self._reading.values()) + weight > HEAVY * self._limits.body)

    def _was_quick(self, job: Job) -> bool:
        return self._alarm.usable and self._recent.get(job.method.method.name, QUICK) < QUICK

    def _at_once(self, jobs: list[Job]) -> None:
        results = self._on_loop(partial(self._answer, jobs)) or [(job, self._exceeded()) for job in jobs]
        for job, result in results:
            job.settle(result)

    def _on_loop(self, work: Callable[[], Any]) -> Any:
        """Do something on the event loop; None where it took too long."""
        try:
            return self._alarm.call(work)
        except Rang:
            self._replace()
            return None

    def _answered(self, results: list[tuple[Job, Result]]) -> None:
        self._calling = []
        for job, result in results:
            job.settle(result)
        if not self._is_due:
            self._next()

    def _answer(self, jobs: list[Job]) -> list[tuple[Job, Result]]:
        """Call the model; where it fails for several, it is asked for each alone, since nobody's row may fail another's."""
        method, name = jobs[0].method, jobs[0].method.method.name
        began = self._slot.busy = time.monotonic()
        try:
            with self._slot.running([job.digest for job in jobs], clears=not jobs[0].exchange.streams):
                answers = method.ask([job.part for job in jobs])
            ended, waits = time.monotonic(), [began - job.arrived for job in jobs]
            self._slot.predicted(name, sum([job.part.size for job in jobs]), ended - began, waits)
        except Problem as problem:
            if len(jobs) == 1 or self._alarm.is_late:
                return [(job, problem) for job in jobs]
            return [one for job in jobs for one in self._answer([job])]
        finally:
            self._slot.busy = 0.0
            if not method.waits and sum([job.part.weight for job in jobs]) <= SMALL:  # what waits has no place on the worker's loop
                self._remember(name, time.monotonic() - began)
        return [(job, _written(job, one)) for job, one in zip(jobs, answers, strict=True)]

    def _remember(self, name: str, seconds: float) -> None:
        before = self._recent.get(name, seconds)
        self._recent[name] = max(seconds, DECAY * before + (1 - DECAY) * seconds)

    def _watch(self) -> None:
        """See to it that nobody waits beyond the deadline; one timer serves all."""
        if not self._is_watched:
            self._is_watched = True
            asyncio.get_running_loop().call_later(self._limits.deadline, self._look)

    def _look(self) -> None:
        self._is_watched = False
        now, deadline = time.monotonic(), self._limits.deadline
        waiting = [*self._calling, *self._turns, *self._reading]
        late = [job for job in waiting if now - job.arrived >= deadline]
        for job in late:
            self._turns.remove(job)
            job.settle(self._exceeded())
        since = self._slot.busy if self._calling else 0.0
        if (since and now - since >= deadline * HUNG) or not self._reading.keys().isdisjoint(late):
            for job in self._calling:  # all have waited at least as long as their call has run
                job.settle(self._exceeded())
            self._replace()
            return
        ends = [job.arrived + deadline for job in waiting if job.done is not None]
        ends += [since + deadline] if since else []
        if ends or self._calling:
            self._is_watched = True
            asyncio.get_running_loop().call_later(max(min(ends, default=now + deadline) - now, 0.01), self._look)

    def _replace(self) -> None:
        """End this process soon: the call that was given up goes on in it, or left the model half way."""
        log.write("deadline_exceeded", seconds=self._limits.deadline)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_later, LAST_WORDS, os._exit, REPLACED)  # a loop that was held up has yet to learn how late it is

    def _exceeded(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"The model did not answer within {self._limits.deadline:g} seconds.")


def _written(job: Job, answers: Any) -> Result:
    try:
        return job.exchange.write(answers, job.method.method)
    except Problem as problem:
        return problem
    except BaseException as error:  # noqa: BLE001 (an answer may be no JSON at all, such as a text that is no Unicode)
        return failure_of(error)
