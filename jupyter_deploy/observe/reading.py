"""What the workers of a release have counted, read from its metrics, and what was added since the last look."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated

import msgspec

from jupyter_deploy.observe.tally import Spread
from jupyter_deploy.targets.base import Count
from jupyter_deploy.values import Value

OTHER = "other"  # the workers' word for what is no method of the model, such as the router's own question whether they are ready
LATENCY = "jd_request_seconds_bucket"
SHARED, ALONE = "jd_worker_proportional_memory_bytes", "jd_worker_resident_memory_bytes"
MOST = 10**15  # of anything; what is larger is nonsense, and a day of such numbers can still be added up and written
Metric = tuple[str, dict[str, str], Annotated[float, msgspec.Meta(ge=0, le=MOST)]]
SUMS = {"jd_rows_total": "rows", "jd_queue_length": "queue", "jd_worker_restarts_total": "restarts"}


class Counters(Value, frozen=True, kw_only=True):
    """What the workers of one running release have counted.

    Attributes:
        spread: How long they took to answer.
        rows: Rows that were predicted.
        restarts: Workers that were replaced.
        queue: Requests that wait for a model now.
        memory: Bytes that they take now.
        rough: Whether that is only one of them with all that they share, because they have yet to tell it apart.
    """

    spread: Spread = ()
    rows: int = 0
    restarts: int = 0
    queue: int = 0
    memory: int = 0
    rough: bool = False


def counters(metrics: object) -> Counters | None:
    """Read a release's metrics; the author's code runs in the process that tells them, so they may be anything.

    Args:
        metrics: The name, the labels and the value of each sample, as `Target.samples` gives them.

    Returns:
        The counters; None where there are none, because nothing of the release answers, or where they make no sense.
    """
    try:
        told = msgspec.convert(metrics, list[Metric])
        return _counters(told) if told else None
    except (msgspec.ValidationError, KeyError, ValueError):
        return None


def counted(before: Counters, after: Counters) -> Counters:
    """Say what was counted between two looks.

    Args:
        before: The counters then.
        after: The counters now; they began again where one of them is less than it was.

    Returns:
        What was added, with the queue and the memory of now.
    """
    old = {(low, high): number for low, high, number in before.spread}
    added = tuple((low, high, number - old.pop((low, high), 0)) for low, high, number in after.spread)
    fell = any(number < 0 for _, _, number in added) or bool(old)
    if fell or after.rows < before.rows or after.restarts < before.restarts:
        return after
    return Counters(
        spread=tuple(one for one in added if one[2]), rows=after.rows - before.rows, restarts=after.restarts - before.restarts,
        queue=after.queue, memory=after.memory,
    )  # fmt: skip


def answered(before: Count, after: Count) -> Count:
    """Say what callers were answered between two looks.

    Args:
        before: The router's counters then.
        after: Its counters now; they began again where another router counts, or one of them is less than it was.

    Returns:
        What was added, with the workers of now.
    """
    if (
        after.epoch != before.epoch
        or after.requests < before.requests
        or after.errors < before.errors
        or after.refused < before.refused
    ):
        return after
    return Count(
        requests=after.requests - before.requests, errors=after.errors - before.errors, refused=after.refused - before.refused,
        workers=after.workers,
    )  # fmt: skip


def named(id: str) -> tuple[str, int]:
    """Read a launch's id.

    Args:
        id: Such as `churn@7`, `churn@7-preview` or `churn@7-compiled`.

    Returns:
        The endpoint's name and the release's number.
    """
    name, _, rest = id.partition("@")
    return name, int(rest.partition("-")[0])


def _counters(metrics: Iterable[Metric]) -> Counters:
    latencies: dict[float, int] = {}
    sums = dict.fromkeys(SUMS.values(), 0)
    memory: dict[str, dict[str, int]] = {SHARED: {}, ALONE: {}}
    for name, labels, value in metrics:
        if name in SUMS:
            sums[SUMS[name]] = min(MOST, sums[SUMS[name]] + int(value))
        elif name in memory:
            memory[name][labels["worker"]] = int(value)
        elif name == LATENCY and labels["method"] != OTHER:
            bound = _bound(labels["le"])
            latencies[bound] = min(MOST, latencies.get(bound, 0) + int(value))
    shared, alone = memory[SHARED].values(), memory[ALONE].values()
    rough = len(shared) < len(alone)
    return Counters(spread=_spread(latencies), memory=min(MOST, max(alone) if rough else sum(shared)), rough=rough, **sums)


@functools.lru_cache(maxsize=64)  # so that a day of samples shares its bounds
def _bound(text: str) -> float:
    return float(text)


def _spread(cumulative: Mapping[float, int]) -> Spread:
    """Turn Prometheus' buckets, each of which holds those below it too, into a spread."""
    found, bounds = [], [0.0, *sorted(one for one in cumulative if one > 0)]
    for low, high in pairwise(bounds):
        number = cumulative[high] - cumulative.get(low, 0)
        if number > 0:
            found.append((low, low if math.isinf(high) else high, number))
    return tuple(found)
