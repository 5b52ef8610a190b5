"""What a release counted, read as Prometheus itself reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from jupyter_deploy.bentos.python.endpoint import metrics
from jupyter_deploy.bentos.python.endpoint.board import BUCKETS, SIZES, Board
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from tests.unit.bentos.conftest import Caller

KINDS = {
    "jd_release_info": "gauge", "jd_workers_ready": "gauge", "jd_requests": "counter", "jd_rows": "counter",
    "jd_request_seconds": "histogram", "jd_queue_seconds": "histogram", "jd_model_seconds": "histogram",
    "jd_batch_rows": "histogram", "jd_queue_length": "gauge", "jd_worker_restarts": "counter", "jd_worker_cpu_seconds": "counter",
    "jd_worker_resident_memory_bytes": "gauge", "jd_worker_proportional_memory_bytes": "gauge",
}  # fmt: skip


def read(text: bytes | str) -> dict[str, Metric]:
    """Read an exposition with Prometheus' own parser."""
    text = text.decode() if isinstance(text, bytes) else text
    return {one.name: one for one in text_string_to_metric_families(text)}


@pytest.fixture
def board() -> Board:
    """Two workers, of which one was replaced, and what they counted."""
    made = Board(("predict", "other"), 2)
    for worker in (0, 1, 1):
        made.slot(worker).clear(busy=False)
        made.slot(worker).vital.tell()
    made.slot(0).answered("predict", 200, 0.0001)
    made.slot(0).answered("predict", 418, 99.0)
    made.slot(1).answered("predict", 422, 0.0002)
    made.slot(1).predicted("predict", 64, 0.003, [0.0, 0.2])
    return made


def values(family: Metric, suffix: str = "") -> dict[tuple[str, ...], float]:
    """Give a family's samples by the values of their labels, without the release."""
    found = [one for one in family.samples if one.name.endswith(suffix)]
    return {tuple(value for name, value in one.labels.items() if name != "release"): one.value for one in found}


def test_prometheus_reads_every_family(board: Board) -> None:
    """Each family has the kind that its name promises, and each sample says of which release it is."""
    found = read(metrics.exposition(board, "churn@7", "verified"))

    assert KINDS == {name: one.type for name, one in found.items()}
    assert {"churn@7"} == {sample.labels["release"] for one in found.values() for sample in one.samples}
    assert all(one.documentation for one in found.values())


def test_answers_are_told_by_class_and_code(board: Board) -> None:
    """A status stands with its class; one that is not ours has no label of its own."""
    found = read(metrics.exposition(board, "churn@7", "verified"))["jd_requests"]

    assert {("predict", "2xx", "200"): 1, ("predict", "4xx", "422"): 1, ("predict", "other", "other"): 1} == values(found)


def test_buckets_are_cumulative(board: Board) -> None:
    """Buckets count everything up to their bound, from a tenth of a millisecond on, and the last one counts all."""
    found = read(metrics.exposition(board, "churn@7", "verified"))
    buckets = values(found["jd_request_seconds"], "_bucket")

    assert [1, 2, 3] == [buckets["predict", bound] for bound in ("0.0001", "0.00025", "+Inf")]
    assert [0.0001, 1, 64] == [BUCKETS[0], SIZES[0], values(found["jd_batch_rows"], "_sum")["predict",]]
    assert 2 == values(found["jd_queue_seconds"], "_count")["predict",]
    assert [0, 1] == [values(found["jd_model_seconds"], "_bucket")["predict", bound] for bound in ("0.0025", "0.005")]


def test_processes_tell_what_they_take(board: Board) -> None:
    """Restarts, CPU and memory stand by worker; a successor goes on counting where its predecessor ended."""
    found = read(metrics.exposition(board, "churn@7", "verified"))
    cpu = values(found["jd_worker_cpu_seconds"])

    assert {("0",): 0, ("1",): 1} == values(found["jd_worker_restarts"])
    assert cpu["1",] > 1.9 * cpu["0",] > 0
    assert (
        values(found["jd_worker_resident_memory_bytes"])["0",] >= values(found["jd_worker_proportional_memory_bytes"])["0",] > 1e6
    )


def test_a_worker_tells_of_itself_in_shared_memory() -> None:
    """What a forked worker takes and how many requests wait in it is seen by whoever is asked for the metrics."""
    board = Board(("other",), 1)
    slot = board.slot(0)
    slot.clear(busy=False)
    pid = os.fork()
    if not pid:
        slot.vital.waiting = lambda: 3
        slot.vital.tell()
        os._exit(0)
    os.waitpid(pid, 0)

    assert 3 == board.vitals.ask()[0].waiting
    assert board.vitals.ask()[0].resident is not None


def test_calls_fill_the_histograms(make_app: Callable[..., HotPath]) -> None:
    """A request counts once in the queue and its rows once in the batch of the call that answered it."""
    app = make_app()
    for rows in (1, 5):
        Caller(app)("POST", "/predict", json=[[1, 2, 3]] * rows)
    found = read(Caller(app)("GET", "/metrics").text)

    assert 2 == values(found["jd_queue_seconds"], "_count")["predict",]
    batches = values(found["jd_batch_rows"], "_bucket")
    assert [1, 2] == [batches["predict", "1"], batches["predict", "8"]]
    assert values(found["jd_request_seconds"], "_sum")["predict",] > values(found["jd_model_seconds"], "_sum")["predict",] > 0


def test_every_family_is_documented() -> None:
    """docs/http.md names each family, with the unit that its name ends in."""
    told = set(re.findall(r"`(jd_[a-z_]+)`", (Path(__file__).parents[3] / "docs" / "http.md").read_text()))

    assert set() == {name + ("_total" if kind == "counter" else "") for name, kind in KINDS.items()} - told
