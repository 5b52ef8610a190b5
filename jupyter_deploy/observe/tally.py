"""What was counted within one interval of one endpoint, how intervals are put together, and what is read from them."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from jupyter_deploy.values import Sample, Value

# How many requests took more than the first and at most the second number of seconds. Those beyond the last bound have it twice, so
# that a quantile among them is that bound, as Prometheus has it.
Spread = tuple[tuple[float, float, int], ...]
QUANTILES = (0.50, 0.95, 0.99)


class Tally(Value, frozen=True, kw_only=True):
    """One interval of one endpoint; as `Sample`, but for the spread of latencies, which can be added up.

    Attributes:
        at: When it ended, in seconds since the epoch.
        seconds: How long it was.
        requests: Requests that were answered.
        errors: Those answered with a status from 500.
        refused: Those answered with a status from 400 to 499.
        rows: Rows that were predicted.
        spread: How long workers took to answer, in ascending order.
        workers: Workers that were ready at its end.
        queue: Requests that waited for a model at its end.
        memory: Bytes that the workers took at its end.
        restarts: Workers that were replaced.
        split: Requests by the release that answered them.
    """

    at: float
    seconds: float
    requests: int = 0
    errors: int = 0
    refused: int = 0
    rows: int = 0
    spread: Spread = ()
    workers: int = 0
    queue: int = 0
    memory: int = 0
    restarts: int = 0
    split: dict[str, int] = {}


T = TypeVar("T", Sample, Tally)


def joined(older: Tally, newer: Tally) -> Tally:
    """Put two intervals together; this is done for each endpoint each second, so what is empty costs nothing.

    Args:
        older: An interval.
        newer: The one after it.

    Returns:
        One interval.
    """
    split, spread = newer.split or older.split, newer.spread or older.spread
    if older.split and newer.split:
        split = {tag: older.split.get(tag, 0) + newer.split.get(tag, 0) for tag in {**older.split, **newer.split}}
    if older.spread and newer.spread:
        spread = summed(older.spread, newer.spread)
    return Tally(
        at=newer.at, seconds=older.seconds + newer.seconds, requests=older.requests + newer.requests,
        errors=older.errors + newer.errors, refused=older.refused + newer.refused, rows=older.rows + newer.rows, spread=spread,
        restarts=older.restarts + newer.restarts, split=split, workers=newer.workers, queue=newer.queue, memory=newer.memory,
    )  # fmt: skip


def merged(tallies: Sequence[Tally]) -> Tally | None:
    """Put intervals together.

    Args:
        tallies: Intervals of one endpoint, oldest first.

    Returns:
        One interval; None where there is none.
    """
    return functools.reduce(joined, tallies) if tallies else None


def summed(*spreads: Spread) -> Spread:
    """Add spreads up.

    Args:
        *spreads: The spreads; those of releases of different ages may have different bounds.

    Returns:
        Their sum, in ascending order.
    """
    found: dict[tuple[float, float], int] = {}
    for spread in spreads:
        for low, high, number in spread:
            found[low, high] = found.get((low, high), 0) + number
    return tuple((low, high, number) for (low, high), number in sorted(found.items()) if number)


def quantile(spread: Spread, share: float) -> float | None:
    """Say within which time a share of the requests was answered, interpolated within its bucket as Prometheus does.

    Args:
        spread: The spread.
        share: From 0 to 1.

    Returns:
        Seconds; None where nothing was answered.

    Source:
        `histogram_quantile` of Prometheus.
    """
    rank, before = share * sum(number for _, _, number in spread), 0
    for low, high, number in spread:
        if before + number >= rank:
            return low + (high - low) * (rank - before) / number
        before += number
    return None


def sample(tally: Tally) -> Sample:
    """Tell of an interval as people see it.

    Args:
        tally: The interval.

    Returns:
        The sample.
    """
    p50, p95, p99 = (quantile(tally.spread, share) if tally.spread else None for share in QUANTILES)
    return Sample(
        at=tally.at, seconds=tally.seconds, requests=tally.requests, errors=tally.errors, refused=tally.refused, rows=tally.rows,
        p50=p50, p95=p95, p99=p99, workers=tally.workers, queue=tally.queue, memory=tally.memory, restarts=tally.restarts,
        split=tally.split,
    )  # fmt: skip


class Newest(Generic[T]):
    """The newest intervals of an endpoint, so many and no more.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._kept: deque[T] = deque(maxlen=most)

    def add(self, one: T) -> None:
        """Add the newest interval.

        Args:
            one: The interval; older ones that the clock has yet to reach, because it was set back, are dropped.
        """
        while self._kept and self._kept[-1].at >= one.at:
            self._kept.pop()
        self._kept.append(one)

    def since(self, at: float) -> list[T]:
        """List what ended after a time.

        Args:
            at: Seconds since the epoch.

        Returns:
            The intervals, oldest first.
        """
        found = []
        for one in reversed(self._kept):
            if one.at <= at:
                break
            found.append(one)
        return found[::-1]


class Ring(Newest[Tally]):
    """The newest intervals of an endpoint, those that end within one step put together.

    Args:
        step: The step, in seconds.
        most: How many are kept.
    """

    def __init__(self, step: int, most: int) -> None:
        super().__init__(most)
        self.step = step

    def add(self, one: Tally) -> None:
        """Add the newest interval.

        Args:
            one: The interval; older ones that the clock has yet to reach, because it was set back, are dropped.
        """
        while self._kept and self._kept[-1].at >= one.at:
            self._kept.pop()
        if self._kept and self.place(self._kept[-1].at) == self.place(one.at):
            one = joined(self._kept.pop(), one)
        self._kept.append(one)

    def place(self, at: float) -> int:
        """Say to which step a time belongs.

        Args:
            at: Seconds since the epoch.

        Returns:
            The step's number; what ends where a step ends still belongs to it.
        """
        return math.ceil(at / self.step)
