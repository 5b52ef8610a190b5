"""Requests that wait for the model, and whose turn it is: keys in turn, and among one key's requests the oldest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .exchange import Exchange
from .model import BoundMethod
from .parts import Part
from .problems import Problem

Result = bytes | Problem
NOTHING = Part(None, None, 0, 0)


class Job:
    """One request that the model shall answer.

    Args:
        method: The method that is asked.
        exchange: How the body is read and the answer written.
        caller: The id of the caller's key.
        arrived: When the request arrived, in monotonic seconds.
        digest: What tells it from others.
        done: Takes the answer's body, or why there is none.

    Attributes:
        part: Its rows, once they are read.
        alone: Whether it has a call of the model to itself.
    """

    __slots__ = ("alone", "arrived", "caller", "digest", "done", "exchange", "method", "part")

    def __init__(
        self, method: BoundMethod, exchange: Exchange, caller: str, arrived: float, digest: int, done: Callable[[Result], Any]
    ) -> None:
        self.method = method
        self.exchange = exchange
        self.caller = caller
        self.arrived = arrived
        self.digest = digest
        self.done: Callable[[Result], Any] | None = done
        self.part = NOTHING
        self.alone = False

    def take(self, part: Part) -> None:
        """Take what the body holds.

        Args:
            part: The rows.
        """
        self.part = part
        self.alone = self.alone or part.rows is None or not part.size or not self.method.decoder.joins

    def settle(self, result: Result) -> None:
        """Give the answer; a second one, or one that nobody waits for any more, is dropped.

        Args:
            result: The answer's body, or why there is none.
        """
        done, self.done = self.done, None
        if done is not None:
            done(result)


class Turns:
    """The queue of one worker.

    Args:
        most: How many requests may wait.
        heaviest: How many bytes their bodies may have together.
    """

    def __init__(self, most: int, heaviest: int) -> None:
        self._most, self._heaviest = most, heaviest
        self._lines: dict[str, deque[Job]] = {}  # by key; the first one's turn is next
        self._size = self._weight = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Job]:
        return (job for line in self._lines.values() for job in line)

    def add(self, job: Job) -> list[Job]:
        """Let a request wait.

        Args:
            job: The request.

        Returns:
            Those that have to give way because too many wait: each the newest one of the key with most of them.
        """
        self._lines.setdefault(job.caller, deque()).append(job)
        self._size += 1
        self._weight += job.part.weight
        gone = []
        while self._size > self._most or (self._weight > self._heaviest and self._size > 1):
            greedy = max(self._lines.values(), key=lambda line: (len(line), line[-1] is job))
            gone.append(greedy[-1])
            self.remove(greedy[-1])
        return gone

    def remove(self, job: Job) -> None:
        """Take out a request that needs no answer any more.

        Args:
            job: The request.
        """
        line = self._lines.get(job.caller)
        if line is None or job not in line:
            return
        line.remove(job)
        self._took(job, line)

    def take(self, most: Callable[[Job], int], heaviest: int) -> list[Job]:
        """Take the requests that the model answers next, in one call.

        Args:
            most: How many rows one call may have that answers such requests as this one; 1 for none but it.
            heaviest: How many bytes the bodies of one such call may have.

        Returns:
            Requests of one method: the next one in turn, and as many that fit to it, each key in turn.
        """
        if not self._size:
            return []
        taken = [self._next()]
        first, rows, weight = taken[0], taken[0].part.size, taken[0].part.weight
        limit = 1 if first.alone else most(first)
        callers = list(self._lines) if limit > rows else []
        while callers:
            found = []
            for caller in callers:
                job = next((one for one in self._lines[caller] if _fits(one, first, limit - rows, heaviest - weight)), None)
                if job is None:
                    continue
                self.remove(job)
                taken.append(job)
                rows, weight = rows + job.part.size, weight + job.part.weight
                if caller in self._lines:
                    found.append(caller)
            callers = found
        return taken

    def _next(self) -> Job:
        caller, line = next(iter(self._lines.items()))
        del self._lines[caller]
        self._lines[caller] = line  # its next turn comes after all others'
        job = line[0]
        self.remove(job)
        return job

    def _took(self, job: Job, line: deque[Job]) -> None:
        self._size -= 1
        self._weight -= job.part.weight
        if not line:
            del self._lines[job.caller]


def _fits(job: Job, first: Job, rows: int, weight: int) -> bool:
    return job.method is first.method and not job.alone and job.part.size <= rows and job.part.weight <= weight
