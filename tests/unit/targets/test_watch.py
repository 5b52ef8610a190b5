from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator

import pytest

from jupyter_deploy.targets.local.watch import Watch, ended


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Give a watch that is closed after the test."""
    made = Watch()
    yield made
    made.close()


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"])


def test_end_is_noticed(watch: Watch) -> None:
    """A watched process that is killed is told of once, and only it."""
    first, second, noticed, other = sleeper(), sleeper(), threading.Event(), threading.Event()
    watch.add(first.pid, noticed.set)
    watch.add(second.pid, other.set)
    first.kill()

    assert noticed.wait(10)
    assert not other.is_set()
    second.kill()
    assert other.wait(10)


def test_process_that_has_ended_already(watch: Watch) -> None:
    """A process that ended before it was watched is told of at once."""
    process, noticed = sleeper(), threading.Event()
    process.kill()
    process.wait()
    watch.add(process.pid, noticed.set)

    assert noticed.wait(10)


def test_closed_watch_says_nothing() -> None:
    """After the watch is closed nothing is told, and the process goes on."""
    watch, process, noticed = Watch(), sleeper(), threading.Event()
    watch.add(process.pid, noticed.set)
    watch.close()

    assert not ended(process.pid, 0.0)
    process.kill()
    process.wait()
    assert not noticed.wait(0.1)
