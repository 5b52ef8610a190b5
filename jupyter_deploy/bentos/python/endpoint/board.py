"""Memory that the release parent and its workers share: heartbeats and counters, without a lock and without a system call.

Each worker has one slot and is the only one to write it; a successor goes on in its predecessor's slot, so counters never fall.
"""

from __future__ import annotations

import mmap
import time
from bisect import bisect_left
from collections.abc import Collection, Iterable
from typing import NamedTuple

from .quarantine import Quarantine, Running
from .vitals import Vital, Vitals

CODES = (200, 400, 401, 403, 404, 405, 406, 408, 413, 415, 422, 429, 500, 502, 504)
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 10_000, 100_000, 1_000_000)  # rows
BEAT, BUSY, READY, STATE = 0, 1, 2, 3  # cells of a slot before its routes; STATE is their number
TIMES, ROWS = 2 + len(BUCKETS), 2 + len(SIZES)  # cells of a histogram: the sum, then its buckets with one for all that is larger
ANSWERS = len(CODES) + 1  # where the histograms of a route begin, after its codes
QUEUE, MODEL, BATCH = ANSWERS + TIMES, ANSWERS + 2 * TIMES, ANSWERS + 3 * TIMES
ROUTE = BATCH + ROWS
REPLACED = 75  # exit status of a worker that gave up a call
_CODE = {code: place for place, code in enumerate(CODES)}


class Histogram(NamedTuple):
    """How something was spread.

    Attributes:
        bounds: The upper bounds of the buckets; one more bucket holds all that is larger.
        total: The sum of all that was counted.
        buckets: How many fell into each bucket.
    """

    bounds: tuple[float, ...]
    total: float
    buckets: list[int]


class Count(NamedTuple):
    """What all workers counted for one route.

    Attributes:
        codes: Answers by HTTP status; 0 stands for any other status.
        answers: Seconds from request to answer.
        queue: Seconds from request to the model's call that answered it.
        model: Seconds of the model's calls.
        batch: Rows of the model's calls.
    """

    codes: dict[int, int]
    answers: Histogram
    queue: Histogram
    model: Histogram
    batch: Histogram


class Board:
    """The shared memory of one release.

    Args:
        routes: The names that are counted apart; the last one stands for all else.
        workers: How many workers there are.
    """

    def __init__(self, routes: tuple[str, ...], workers: int) -> None:
        self.routes = routes
        self.workers = workers
        self._slot = STATE + ROUTE * len(routes)
        self._memory = mmap.mmap(-1, 8 * (self._slot * workers + 2 * len(routes)))
        self._cells: memoryview[float] = memoryview(self._memory).cast("d")
        self.quarantine, self.vitals = Quarantine(workers), Vitals(workers)
        self._rules = self._cells[self._slot * workers :]  # for all workers: a cell a route for each of the two things below
        self._batched, self._fits = self._rules[: len(routes)], self._rules[len(routes) :]

    def slot(self, worker: int) -> Slot:
        """Give a worker's slot.

        Args:
            worker: Its number, from 0.

        Returns:
            The slot.
        """
        cells = self._cells[worker * self._slot : (worker + 1) * self._slot]
        return Slot(cells, self.routes, self._rules, self.quarantine.of(worker), self.vitals.of(worker))

    def batch(self, routes: Collection[str]) -> None:
        """Say for which routes one call may answer several requests; no other is.

        Args:
            routes: Some of `routes`; what the model has no method for is passed over.
        """
        for place, route in enumerate(self.routes):
            self._batched[place] = route in routes

    def batched(self, route: str) -> bool:
        """Say whether one call may answer several requests.

        Args:
            route: One of `routes`.

        Returns:
            Whether it may.
        """
        return bool(self._batched[self.routes.index(route)])

    def fit(self, route: str, rows: int) -> None:
        """Remember how many rows one call may have, for the workers that follow.

        Args:
            route: One of `routes`.
            rows: The number.
        """
        self._fits[self.routes.index(route)] = rows

    def fits(self, route: str) -> int:
        """Say how many rows one call may have, as far as memory goes.

        Args:
            route: One of `routes`.

        Returns:
            The number; 0 where that is not known.
        """
        return int(self._fits[self.routes.index(route)])

    def count(self, route: str) -> Count:
        """Add up what all workers counted.

        Args:
            route: One of `routes`.

        Returns:
            The sums.
        """
        first = STATE + ROUTE * self.routes.index(route)
        starts = [worker * self._slot + first for worker in range(self.workers)]
        sums = [sum(self._cells[start + cell] for start in starts) for cell in range(ROUTE)]
        codes = {code: int(sums[place]) for place, code in enumerate((*CODES, 0))}
        kinds = ((ANSWERS, BUCKETS), (QUEUE, BUCKETS), (MODEL, BUCKETS), (BATCH, SIZES))
        return Count(codes, *(_histogram(sums[begin:], bounds) for begin, bounds in kinds))

    def ready(self) -> int:
        """Count the workers that are ready.

        Returns:
            Their number.
        """
        return sum(self.slot(worker).ready for worker in range(self.workers))


class Slot:
    """One worker's part of the board.

    Args:
        cells: Its memory.
        routes: The routes that are counted.
        rules: What holds for all workers: a cell a route for whether one call may answer several requests, then for its rows.
        running: Takes note of the requests that the model has in hand.
        vital: Takes note of what the process takes.
    """

    def __init__(
        self, cells: memoryview[float], routes: tuple[str, ...], rules: memoryview[float], running: Running, vital: Vital
    ) -> None:
        self.running, self.vital = running, vital
        self._cells = cells
        self._first = {route: STATE + ROUTE * place for place, route in enumerate(routes)}
        self._batched, self._fits = rules[: len(routes)], rules[len(routes) :]
        self._place = {route: place for place, route in enumerate(routes)}

    @property
    def ready(self) -> bool:
        """Whether the worker answers."""
        return bool(self._cells[READY])

    @ready.setter
    def ready(self, value: bool) -> None:
        self._cells[READY] = value

    @property
    def beat(self) -> float:
        """When its event loop last ran, in monotonic seconds."""
        return float(self._cells[BEAT])

    @property
    def busy(self) -> float:
        """When the call that runs now began, in monotonic seconds; 0 where none runs."""
        return float(self._cells[BUSY])

    @busy.setter
    def busy(self, since: float) -> None:
        self._cells[BUSY] = since

    def batched(self, route: str) -> bool:
        """Say whether one call may answer several requests; it may change at any time.

        Args:
            route: A method's route.

        Returns:
            Whether it may.
        """
        return self._batched[self._place[route]] != 0.0

    def most(self, route: str, limit: int) -> int:
        """Say how many rows a call that answers several requests may have.

        Args:
            route: A method's route.
            limit: The most that are wanted.

        Returns:
            The limit, or less where a GPU's memory holds less.
        """
        return min(limit, int(self._fits[self._place[route]]) or limit)

    def tick(self) -> None:
        """Say that the event loop runs."""
        self._cells[BEAT] = time.monotonic()

    def clear(self, busy: bool) -> None:
        """Prepare for a new worker.

        Args:
            busy: Whether it begins with work during which its loop cannot run.
        """
        self._cells[READY] = False
        self._cells[BEAT] = now = time.monotonic()
        self._cells[BUSY] = now if busy else 0.0
        self.vital.clear()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer.

        Args:
            route: The route that was asked.
            status: The HTTP status.
            seconds: From request to answer.
        """
        first, cells = self._first[route], self._cells
        cells[first + _CODE.get(status, ANSWERS - 1)] += 1
        cells[first + ANSWERS] += seconds
        cells[first + ANSWERS + 1 + bisect_left(BUCKETS, seconds)] += 1

    def predicted(self, route: str, rows: int, seconds: float, waits: Iterable[float]) -> None:
        """Count one call of the model.

        Args:
            route: The method that was called.
            rows: How many rows it was given.
            seconds: How long it took.
            waits: How long each request that it answered had waited for it, in seconds.
        """
        first, cells = self._first[route], self._cells
        cells[first + BATCH] += rows
        cells[first + BATCH + 1 + bisect_left(SIZES, rows)] += 1
        cells[first + MODEL] += seconds
        cells[first + MODEL + 1 + bisect_left(BUCKETS, seconds)] += 1
        for wait in waits:
            cells[first + QUEUE] += wait
            cells[first + QUEUE + 1 + bisect_left(BUCKETS, wait)] += 1


def _histogram(cells: list[float], bounds: tuple[float, ...]) -> Histogram:
    return Histogram(bounds, cells[0], [int(one) for one in cells[1 : len(bounds) + 2]])
