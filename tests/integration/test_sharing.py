"""What workers share and what each has of its own: the model, memory, threads."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import memory, threads
from tests.serving import SECRET, Machine, machine


def watching() -> Any:
    """Make a model that tells in which thread pyarrow was imported, and whether by the process that answers."""

    class Finder:
        found: tuple[str, int] = ("", 0)

        def find_spec(self, name: str, *_: Any) -> None:
            if name == "pyarrow.lib":
                self.found = (threading.current_thread().name, os.getpid())

    class Watching:
        def __setstate__(self, state: dict[str, Any]) -> None:
            self.finder = Finder()
            sys.meta_path.insert(0, self.finder)  # type: ignore[arg-type]  # it only looks on

        def __getstate__(self) -> dict[str, Any]:
            return {"any": 1}

        def predict(self, rows: list[int]) -> list[list[Any]]:
            name, process = self.finder.found
            return [[name, process == os.getpid()] for _ in rows]

    return Watching()


@pytest.fixture
def made() -> Iterator[Machine]:
    """Give a target on which nothing runs."""
    with machine() as one:
        yield one


def heavy() -> Any:
    """Make a model with 64 MB of its own, all of which it reads to answer."""

    class Heavy:
        def __init__(self) -> None:
            self.data = bytes(range(256)) * (1 << 18)

        def predict(self, rows: list[int]) -> list[int]:
            return [self.data.count(row) for row in rows]

    return Heavy()


def threaded() -> Any:
    """Make a model that starts a thread as it is loaded, which then works for it."""

    class Threaded:
        def __setstate__(self, state: dict[str, Any]) -> None:
            from concurrent.futures import ThreadPoolExecutor

            self.pool = ThreadPoolExecutor(1, "pool")
            self.pool.submit(int).result()

        def __getstate__(self) -> dict[str, Any]:
            return {"any": 1}

        def predict(self, rows: list[int]) -> list[int]:
            return list(self.pool.map(lambda row: 2 * row, rows))

    return Threaded()


def counting() -> Any:
    """Make a model that tells how many threads OpenMP and BLAS use where it is called, and joblib at most."""

    class Counting:
        def predict(self, rows: list[str]) -> list[list[int]]:
            import os

            import threadpoolctl

            pools = {one["num_threads"] for one in threadpoolctl.threadpool_info()}
            return [[*pools, int(os.environ["LOKY_MAX_CPU_COUNT"])] for _ in rows]

    return Counting()


def unloadable() -> Any:
    """Make a model that starts a thread as it is loaded, and cannot be loaded in a worker."""

    class Unloadable:
        def __reduce__(self) -> Any:
            return _load, ()

        def predict(self, rows: list[int]) -> list[int]:
            return rows

    def _load() -> Any:
        import os
        import threading

        if os.getpid() != os.getsid(0):  # a worker, since a release parent leads a session
            raise ValueError("not here")
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return Unloadable()

    return Unloadable()


def test_a_loaded_model_is_shared_by_fork(made: Machine) -> None:
    """Workers that have read all of a model of 64 MB have not copied it: it is their parent's."""
    launch = made.launch(1, heavy(), workers=4)
    made.target.start(launch)
    assert {1 << 18} == {answer for _ in range(20) for answer in made.predict(launch.id, 1, 2)}
    health = made.target.status()[launch.id]

    assert "shared by fork" == health.sharing
    for pid in health.workers:
        assert memory.resident(pid) > 64 << 20
        assert memory.own(pid) < 0.4 * memory.resident(pid)


def test_model_that_cannot_be_forked_is_loaded_in_each_worker(made: Machine) -> None:
    """A model that starts threads as it is loaded is found out, loaded in each worker, also for the next agent."""
    launch = made.launch(1, threaded(), workers=2)
    made.target.start(launch)
    before = made.target.status()[launch.id]

    assert "loaded in each worker, because loading it has started the threads" in before.sharing
    assert [2, 4] == made.predict(launch.id, 1, 2)
    made.again()
    made.target.start(launch)
    assert before == made.target.status()[launch.id]


def test_model_that_no_worker_can_load(made: Machine) -> None:
    """Where each worker loads the model and none can, the release does not start, and the reason is the exception's."""
    launch = made.launch(1, unloadable())
    with pytest.raises(errors.ReleaseFailed, match="ValueError: not here"):
        made.target.start(launch)

    assert {} == made.target.status()


def test_threads_of_each_worker(made: Machine) -> None:
    """The model's libraries have as many threads as was asked for wherever the model is called, else a share of the cores."""
    launch = replace(made.launch(1, counting(), workers=1, threads=3), preload=("sklearn.ensemble",))  # OpenMP and BLAS, with one
    made.target.start(launch)
    (asked,) = made.predict(launch.id, "a")

    assert [3, 3] == asked
    assert [5, 1, max(1, threads.cores() // 2)] == [threads.each(5, 2), threads.each(0, 1 << 20), threads.each(0, 2)]


@pytest.mark.parametrize(("state", "expected"), [("preview", ["bodies", True]), ("verified", ["MainThread", False])])
def test_arrow_is_imported_off_the_event_loop(made: Machine, state: str, expected: list[Any]) -> None:
    """What Arrow needs is imported before the fork, and where a release shall start at once, beside the event loop."""
    launch = replace(made.launch(1, watching(), workers=1), state=state)
    made.target.start(launch)
    made.switch(launch.id)
    headers = {"authorization": f"Bearer {SECRET}", "accept": "application/vnd.apache.arrow.stream"}
    got = httpx.post(f"{made.target.url('churn')}predict", json={"rows": [1]}, headers=headers)

    assert 200 == got.status_code
    assert [expected] == made.predict(launch.id, 1)


def test_memory_limit_is_far_from_an_honest_worker(made: Machine) -> None:
    """A worker below its limit is left alone, however large the model is that it shares; the log names the limit it is held to."""
    launch = made.launch(1, counting(), workers=1, memory=1 << 30)
    made.target.start(launch)
    made.predict(launch.id, "a")

    assert 0 == made.target.status()[launch.id].restarts
    lines = [json.loads(line)["event"] for line in (made.home.releases / "churn" / "1" / "preview.log").read_text().splitlines()]
    assert "worker_above_memory" not in lines
