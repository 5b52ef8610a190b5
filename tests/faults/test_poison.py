"""Requests that kill, hang or bloat the worker that answers them, under load: others are served, and the endpoint recovers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from bench import load
from tests.serving import SECRET, Machine, machine, until

pytestmark = pytest.mark.faults


@pytest.fixture
def made() -> Iterator[Machine]:
    """Give a target on which nothing runs."""
    with machine() as one:
        yield one


def poisonable() -> Any:
    """Make a model that doubles numbers, and does to its process what a text says."""

    class Poisonable:
        def predict(self, rows: list[Any]) -> list[Any]:
            return [getattr(self, row)() if isinstance(row, str) else 2 * row for row in rows]

        def abort(self) -> int:
            import os

            os.abort()

        def loop(self) -> int:
            return sum(1 for _ in [None]) + self._endless()

        def _endless(self) -> int:
            from itertools import repeat

            return max(repeat(0))  # in C, and never gives the interpreter back

        def allocate(self) -> int:
            import numpy

            return len(numpy.ones(1 << 40, dtype="uint8")[:1])

        def bloat(self) -> int:
            import time

            held = []
            for _ in range(600):
                held.append(bytearray(os.urandom(1 << 20)))
                time.sleep(0.01)
            return len(held)

    return Poisonable()


def begin(made: Machine, **options: Any) -> str:
    """Start a release that can be poisoned, and send it all traffic."""
    launch = made.launch(2, poisonable(), **options)
    made.target.start(launch)
    made.switch(launch.id, **{name: value for name, value in options.items() if name in ("deadline", "retry")})
    return launch.id


def call(made: Machine, *rows: Any) -> tuple[int, str]:
    """Call the endpoint once, and give the status with the problem's code."""
    answer = httpx.post(
        made.target.url("churn") + "predict", json={"rows": rows}, headers={"authorization": f"Bearer {SECRET}"}, timeout=120
    )
    return answer.status_code, answer.json().get("code", "")


def told(made: Machine, event: str) -> list[dict[str, Any]]:
    """Read what the workers' log says of one kind of event."""
    lines = (made.home.releases / "churn" / "2" / "preview.log").read_text().splitlines()
    return [one for line in lines if line.startswith("{") and (one := json.loads(line))["event"] == event]


def whole(made: Machine, launch: str, workers: int) -> None:
    """Wait until every worker is ready."""
    until(lambda: len(made.target.status()[launch].workers) == workers)


@pytest.mark.parametrize("workers", [3, 1])
def test_request_that_aborts(made: Machine, workers: int) -> None:
    """A request that aborts its worker costs two of them, then it is refused; all others are answered, and none is suspected."""
    launch = begin(made, workers=workers)
    with load.running(made.plan(rate=50)) as report:
        until(lambda: len(report.calls) > 20)
        answers = [call(made, "abort") for _ in range(3)]
        whole(made, launch, workers)
        sent = len(report.calls)
        until(lambda: len(report.calls) > sent + 20)

    assert [(502, "model_crashed")] * 3 == answers
    assert {} == report.reasons
    assert 2 == made.target.status()[launch].restarts
    assert [-signal.SIGABRT] * 2 == [one["status"] for one in told(made, "worker_ended")]


def test_request_that_aborts_without_retries(made: Machine) -> None:
    """Where the router repeats nothing, whoever sends such a request again is refused once two workers have died of it."""
    launch = begin(made, workers=2, retry=False)
    answers = []
    for _ in range(4):
        answers.append(call(made, "abort"))
        whole(made, launch, 2)

    assert [(503, "no_worker")] * 2 + [(502, "model_crashed")] * 2 == answers
    assert (200, "") == call(made, 4)


def test_poison_from_many_callers(made: Machine) -> None:
    """Several poisons at the same time, each sent by several callers, are all refused; every other request is answered."""
    launch = begin(made, workers=3)
    with load.running(made.plan(rate=30)) as report, ThreadPoolExecutor(6) as callers:
        until(lambda: len(report.calls) > 10)
        answers = list(callers.map(lambda number: call(made, "abort", number % 3), range(6)))
        again = [call(made, "abort", number) for number in range(3)]
        whole(made, launch, 3)

    assert {(502, "model_crashed")} == {*answers, *again}
    assert {} == report.reasons


def test_endless_loop_in_c(made: Machine) -> None:
    """A call that never gives the interpreter back ends with its one process soon after the deadline; others are served."""
    launch = begin(made, workers=2, deadline=1.0)
    with load.running(made.plan(rate=30)) as report:
        until(lambda: len(report.calls) > 10)
        answer = call(made, "loop")
        whole(made, launch, 2)

    assert (502, "model_crashed") == answer
    assert {} == report.reasons
    assert 1 == made.target.status()[launch].restarts


def test_stopped_worker(made: Machine) -> None:
    """A worker that is stopped is replaced after its silence; what it had in hand is not blamed for it."""
    launch = begin(made, workers=2)
    hung = made.target.status()[launch].workers[0]
    with load.running(made.plan(rate=30)) as report:
        until(lambda: len(report.calls) > 10)
        os.kill(hung, signal.SIGSTOP)
        until(lambda: made.target.status()[launch].restarts == 1 and len(made.target.status()[launch].workers) == 2)

    assert {} == report.reasons
    assert [0] == [one["in_hand"] for one in told(made, "worker_ended")]
    assert 1 == len(told(made, "worker_silent"))


def test_memory_limit(made: Machine) -> None:
    """One allocation beyond the limit fails that call alone; memory that grows beyond it ends the worker, and the log says so."""
    launch = begin(made, workers=2, memory=100 << 20)
    before = made.target.status()[launch].workers
    assert (500, "model_failed") == call(made, "allocate")
    assert before == made.target.status()[launch].workers
    with load.running(made.plan(rate=30)) as report:
        answer = call(made, "bloat")
        whole(made, launch, 2)

    assert (502, "model_crashed") == answer
    assert {} == report.reasons
    ended = told(made, "worker_above_memory")
    assert [100 << 20] * 2 == [one["limit"] for one in ended]
    assert all(100 << 20 < one["bytes"] < 400 << 20 for one in ended)
    assert "MemoryError" == told(made, "model_failed")[0]["error"]
