"""What a release counted, as Prometheus' text: no label of it can grow with what callers send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from .board import Board, Histogram
from .vitals import Taken

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[dict[str, str], float]
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


def exposition(board: Board, release: str, state: str) -> bytes:
    """Write what all workers of a release counted.

    Args:
        board: Their counters.
        release: The release, such as `churn@7`.
        state: `preview` or `verified`.

    Returns:
        The exposition format, version 0.0.4.
    """
    of, counts, taken = {"release": release}, {route: board.count(route) for route in board.routes}, board.vitals.ask()
    lines = [
        *_family("jd_release_info", "gauge", "The release that answers.", [({**of, "state": state}, 1)]),
        *_family("jd_workers_ready", "gauge", "Workers that answer.", [(of, board.ready())]),
        *_family("jd_requests_total", "counter", "Answers by method and HTTP status.", _codes(of, board)),
        *_family("jd_rows_total", "counter", "Rows that were predicted.", _rows(of, board)),
    ]
    for field, name, text in _HISTOGRAMS:
        lines += _head(name, "histogram", text)
        for method, count in counts.items():
            lines += _histogram(name, {**of, "method": method}, attrgetter(field)(count))
    for field, name, kind, text in _VITALS:
        known = [*_told(of, field, taken)]
        lines += _family(name, kind, text, known) if known else []
    return "\n".join([*lines, ""]).encode()


def _codes(of: dict[str, str], board: Board) -> Iterator[Sample]:
    for method in board.routes:
        for code, number in board.count(method).codes.items():
            if number:
                status = {"status": f"{code // 100}xx", "code": str(code)} if code else {"status": "other", "code": "other"}
                yield {**of, "method": method, **status}, number


def _rows(of: dict[str, str], board: Board) -> Iterator[Sample]:
    for method in board.routes:
        yield {**of, "method": method}, int(board.count(method).batch.total)


def _told(of: dict[str, str], field: str, taken: list[Taken]) -> Iterator[Sample]:
    for worker, figures in enumerate(taken):
        value = getattr(figures, field)
        if value is not None:
            yield {**of, "worker": str(worker)}, value


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    return [*_head(name, kind, text), *(f"{name}{_labels(labels)} {value}" for labels, value in samples)]


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _histogram(name: str, labels: dict[str, str], spread: Histogram) -> Iterator[str]:
    total = 0
    for bound, number in zip((*spread.bounds, "+Inf"), spread.buckets, strict=True):
        total += number
        yield f"{name}_bucket{_labels({**labels, 'le': str(bound)})} {total}"
    yield f"{name}_sum{_labels(labels)} {spread.total}"
    yield f"{name}_count{_labels(labels)} {total}"


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
