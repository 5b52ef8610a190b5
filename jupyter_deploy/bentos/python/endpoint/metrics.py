"""What a release counted, as Prometheus' text: no label of it can grow with what callers send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

from .board import Board, Count, Histogram
from .vitals import Taken

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
Labels = dict[str, str]
Sample = tuple[str, Labels, float]  # name, labels, value
_HISTOGRAMS = (
    ("answers", "jd_request_seconds", "Seconds from request to answer."),
    ("queue", "jd_queue_seconds", "Seconds from request to the call of the model that answered it."),
    ("model", "jd_model_seconds", "Seconds of a call of the model."),
    ("batch", "jd_batch_rows", "Rows that a call of the model was given."),
)
_VITALS = (
    ("waiting", "jd_queue_length", "gauge", "Requests that wait for the worker's model."),
    ("restarts", "jd_worker_restarts_total", "counter", "How often the worker was replaced."),
    ("cpu", "jd_worker_cpu_seconds_total", "counter", "CPU of the worker and of those that it replaced."),
    ("resident", "jd_worker_resident_memory_bytes", "gauge", "Memory of the worker, with all that it shares."),
    (
        "proportional",
        "jd_worker_proportional_memory_bytes",
        "gauge",
        "Memory of the worker and its part of what it shares.",
    ),
    ("gpu_memory", "jd_worker_gpu_memory_bytes", "gauge", "Memory in use on the worker's GPU."),
    ("gpu_use", "jd_worker_gpu_utilization_ratio", "gauge", "Which share of the time the worker's GPU computed, from 0 to 1."),
)


class Family(NamedTuple):
    """What is counted under one name.

    Attributes:
        name: The name.
        kind: `counter`, `gauge` or `histogram`.
        text: What it is.
        samples: Its samples.
    """

    name: str
    kind: str
    text: str
    samples: list[Sample]


def exposition(board: Board, release: str, state: str) -> bytes:
    """Write what all workers of a release counted.

    Args:
        board: Their counters.
        release: The release, such as `churn@7`.
        state: `preview` or `verified`.

    Returns:
        The exposition format, version 0.0.4.
    """
    lines = []
    for one in families(board, release, state):
        lines += [f"# HELP {one.name} {one.text}", f"# TYPE {one.name} {one.kind}"]
        lines += [f"{name}{_labels(labels)} {value}" for name, labels, value in one.samples]
    return "\n".join([*lines, ""]).encode()


def samples(board: Board, release: str, state: str) -> list[Sample]:
    """Give the same figures as values.

    Args:
        board: Their counters.
        release: The release, such as `churn@7`.
        state: `preview` or `verified`.

    Returns:
        The name, the labels and the value of each sample.
    """
    return [one for family in families(board, release, state) for one in family.samples]


def families(board: Board, release: str, state: str) -> Iterator[Family]:
    """List everything that is counted.

    Args:
        board: The counters.
        release: The release, such as `churn@7`.
        state: `preview` or `verified`.

    Yields:
        The families; those of a worker's process only where something is known of it.
    """
    of, counts, taken = {"release": release}, {route: board.count(route) for route in board.routes}, board.vitals.ask()
    yield _family("jd_release_info", "gauge", "The release that answers.", [({**of, "state": state}, 1)])
    yield _family("jd_workers_ready", "gauge", "Workers that answer.", [(of, board.ready())])
    yield _family("jd_requests_total", "counter", "Answers by method and HTTP status.", _codes(of, counts))
    rows = [({**of, "method": method}, int(count.batch.total)) for method, count in counts.items()]
    yield _family("jd_rows_total", "counter", "Rows that were predicted.", rows)
    for field, name, text in _HISTOGRAMS:
        spread = {method: attrgetter(field)(count) for method, count in counts.items()}
        found = [one for method in spread for one in _histogram(name, {**of, "method": method}, spread[method])]
        yield Family(name, "histogram", text, found)
    for field, name, kind, text in _VITALS:
        known = [*_told(of, field, taken)]
        if known:
            yield _family(name, kind, text, known)


def _family(name: str, kind: str, text: str, found: Iterable[tuple[Labels, float]]) -> Family:
    return Family(name, kind, text, [(name, labels, value) for labels, value in found])


def _codes(of: Labels, counts: dict[str, Count]) -> Iterator[tuple[Labels, float]]:
    for method, count in counts.items():
        for code, number in count.codes.items():
            if number:
                status = {"status": f"{code // 100}xx", "code": str(code)} if code else {"status": "other", "code": "other"}
                yield {**of, "method": method, **status}, number


def _told(of: Labels, field: str, taken: list[Taken]) -> Iterator[tuple[Labels, float]]:
    for worker, figures in enumerate(taken):
        value = getattr(figures, field)
        if value is not None:
            yield {**of, "worker": str(worker)}, value


def _histogram(name: str, labels: Labels, spread: Histogram) -> Iterator[Sample]:
    total = 0
    for bound, number in zip((*spread.bounds, "+Inf"), spread.buckets, strict=True):
        total += number
        yield f"{name}_bucket", {**labels, "le": str(bound)}, total
    yield f"{name}_sum", labels, spread.total
    yield f"{name}_count", labels, total


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
