"""What each worker's process takes, in memory that all of them share.

Each process tells its own figures, because no process of an isolated release may look at another one: what is cheap every second,
the rest after somebody has asked for it.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import graphics
from .memory import PAGE

FORKS, BEFORE, CPU, RESIDENT, PROPORTIONAL, WAITING, GPU_MEMORY, GPU_USE, TOLD, CELLS = range(10)
EVERY = 1.0  # seconds between two looks


class Taken(NamedTuple):
    """What one worker takes; None where it is not known.

    Attributes:
        restarts: How often its process was replaced.
        cpu: Seconds of CPU of it and of those before it.
        resident: Bytes of memory, with all that it shares.
        proportional: Bytes of memory, what it shares divided among those who share it.
        waiting: Requests that wait for its model.
        gpu_memory: Bytes in use on its GPU.
        gpu_use: Which share of the time its GPU computed, from 0 to 1.
    """

    restarts: int
    cpu: float
    resident: int | None
    proportional: int | None
    waiting: int
    gpu_memory: int | None
    gpu_use: float | None


class Vitals:
    """The figures of all workers of a release.

    Args:
        workers: How many workers there are.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._memory = mmap.mmap(-1, 8 * (CELLS * workers + 1))
        self._cells: memoryview[float] = memoryview(self._memory).cast("d")
        self._asked = self._cells[CELLS * workers :]

    def of(self, worker: int) -> Vital:
        """Give a worker's own part.

        Args:
            worker: Its number, from 0.

        Returns:
            The part.
        """
        return Vital(self._cells[worker * CELLS : (worker + 1) * CELLS], self._asked)

    def ask(self) -> list[Taken]:
        """Read what all workers take, and have them look at what is not cheap before the next one asks.

        Returns:
            Their figures, by number.
        """
        self._asked[0] = time.monotonic()
        return [self.of(worker).taken() for worker in range(self.workers)]


class Vital:
    """One worker's figures, which it alone writes while it lives.

    Args:
        cells: Its memory.
        asked: When somebody asked last, in monotonic seconds.

    Attributes:
        waiting: Counts the requests that wait for the model.
    """

    def __init__(self, cells: memoryview[float], asked: memoryview[float]) -> None:
        self._cells, self._asked = cells, asked
        self._due = 0.0
        self.waiting: Callable[[], int] = int  # nobody, before there is a queue

    def clear(self) -> None:
        """Prepare for a new process, which goes on counting where the one before it ended."""
        cells = self._cells
        cells[FORKS] += 1
        cells[BEFORE] += cells[CPU]
        for cell in range(CPU, CELLS):
            cells[cell] = 0.0

    def tell(self) -> None:
        """Note what this process takes, where it is time to."""
        cells, now = self._cells, time.monotonic()
        cells[WAITING] = self.waiting()
        if now < self._due:
            return
        self._due = now + EVERY
        cells[CPU] = time.process_time()
        cells[RESIDENT] = _resident()
        if self._asked[0] >= cells[TOLD]:
            cells[PROPORTIONAL] = _proportional()
            cells[GPU_MEMORY], cells[GPU_USE] = graphics.used() or (-1.0, -1.0)
            cells[TOLD] = now

    def taken(self) -> Taken:
        """Read the figures."""
        cells = self._cells
        has_gpu = cells[TOLD] and cells[GPU_MEMORY] >= 0
        return Taken(
            restarts=max(0, int(cells[FORKS]) - 1),
            cpu=cells[BEFORE] + cells[CPU],
            resident=int(cells[RESIDENT]) or None,
            proportional=int(cells[PROPORTIONAL]) or None,
            waiting=int(cells[WAITING]),
            gpu_memory=int(cells[GPU_MEMORY]) if has_gpu else None,
            gpu_use=cells[GPU_USE] if has_gpu else None,
        )


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional() -> int:
    try:
        lines = Path("/proc/self/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:"))
