"""A disk that is full, read-only or without locks is told with what to do; what served goes on, and with room the rest is done."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from tests.conftest import own_home
from tests.faults import disks, injection, points, report
from tests.faults.arena import Arena, Seen, follow, multiplier

FULL = re.compile(r"disk is full|No space left on device|database or disk is full")
# How many of each a deploy makes, and of how many of them one fails. What fails once may be done in another way, as a link is.
WRITES = {"pwrite64": (160, 8), "write": (16, 2), "mkdir": (72, 8), "fsync": (69, 8), "link": (5, 2), "rename": (8, 1)}
ONCE = [points.Call(name, number) for name, (most, every) in WRITES.items() for number in range(1, most + 1, every)]
FROM_THEN_ON = [points.Call("pwrite64,write,mkdir,link,rename,fsync", number) for number in (1, 2, 3, 5, 8, 13, 21)]


@pytest.mark.parametrize("call", points.some(ONCE), ids=lambda call: f"{call.name}-{call.number}")
def test_one_write_fails(arena: Arena, call: points.Call, tmp_path: Path) -> None:
    """Whichever write finds no room, the older release answers, and the same command finishes."""
    seen, told = failing(arena, call, str(call.number), tmp_path)

    assert not told or FULL.search(told)
    report.add("A write finds no room, once", call.name, seen)


@pytest.mark.parametrize("call", points.some(FROM_THEN_ON, 0.4), ids=lambda call: str(call.number))
def test_every_write_fails_from_some_point_on(arena: Arena, call: points.Call, tmp_path: Path) -> None:
    """With no room at all, not even for the store, people are told so; with room again, the same command finishes."""
    seen, told = failing(arena, call, f"{call.number}+", tmp_path)

    assert FULL.search(told)
    report.add("No write finds room any more", f"from each thread's call {call.number} on", seen)


def failing(arena: Arena, call: points.Call, when: str, tmp_path: Path) -> tuple[Seen, str]:
    """Deploy while calls find no room; give what people were told."""
    told: list[str] = []

    @contextlib.contextmanager
    def fault(pid: int) -> Iterator[Callable[[], bool]]:
        with injection.tampered(pid, call.name, "error=ENOSPC", when, tmp_path / "trace") as happened:
            yield happened

    seen = arena.meet(fault, told=told)
    assert {} == seen.failures
    return seen, " ".join(told)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Give an endpoint on a disk of its own."""
    with own_home() as home, disks.small(home.root, 700):
        yield Arena(home, tmp_path_factory.mktemp("beside"))
        connect(home).stop()
        wait_for_end(home)


@pytest.mark.parametrize("left", [0, 30_000, 100_000, 300_000, 1_000_000])
def test_a_disk_that_is_full(small: Arena, left: int) -> None:
    """However little room is left, the older release answers; with room the same command finishes, and all is sound."""
    factor, seen, told = small.next(), Seen(hit=True), ""
    with small.load(seen):
        with disks.filled(small.home.root, left):
            try:
                small.deploy(factor).wait()
            except errors.DeployError as error:
                told = str(error)
        seen.finished = small.finish(factor)
    small.check()

    assert {} == seen.failures
    assert not told or (FULL.search(told) and "MB free of 734.0 MB" in told), told
    assert left or told
    report.add("Real disks", f"{left / 1e3:g} kB left", seen)


def test_a_capture_that_does_not_fit(home: Home, tmp_path: Path) -> None:
    """How much is missing is said before a byte of it is written, and nothing is left."""
    names: dict[str, Any] = {"__name__": "__main__", "data": bytes(range(256)) * 100_000}
    exec("def model(rows: list) -> list:\n    return [data[row] for row in rows]", names)
    home.make()
    with disks.small(home.staging, 8):
        with pytest.raises(errors.DiskFailed, match=r"25\.6 MB are to be written .* 8\.4 MB are free: 17\.2 MB are missing"):
            jd.deploy(names["model"], name="large", example=[1], folder=tmp_path)

        assert [] == list(home.staging.iterdir())


FILLING = """
import os, pathlib

class Model:
    def predict(self, rows):
        return rows
    def __getstate__(self):
        once, filler = pathlib.Path({marker!r}), pathlib.Path({filler!r})
        if once.exists() and not filler.exists():
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, os.statvfs(filler).f_bavail * 4096)
        once.touch()
        return {{}}
"""


def test_a_capture_whose_room_is_taken_meanwhile(home: Home, tmp_path: Path) -> None:
    """Where the room ends while it is written, the kernel is told with the place and what to do, and nothing is left."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(FILLING.format(marker=str(tmp_path / "once"), filler=str(home.staging / "filler")), namespace)
    home.make()
    with disks.small(home.staging, 8):
        with pytest.raises(errors.DiskFailed, match=r"(?s)disk is full.*0\.0 MB free of 8\.4 MB.*jupyter deploy gc"):
            jd.deploy(namespace["Model"](), name="large", example=[1], folder=tmp_path)

        assert ["filler"] == [one.name for one in home.staging.iterdir()]


def test_a_bundle_that_cannot_be_linked_and_does_not_fit(home: Home, tmp_path: Path) -> None:
    """How much is missing is said before it is written, where that is known."""
    data = bytes(range(256)) * 100_000
    names = {"data": data}
    exec("def model(rows: list) -> list:\n    return [data[row] for row in rows]", names)
    home.make()
    with disks.small(home.bundles, 8):
        endpoint = jd.deploy(names["model"], name="large", example=[1], folder=tmp_path)
        with pytest.raises(errors.DeployError, match=r"(?s)25\.6 MB are to be written .* MB are missing"):
            endpoint.wait()

        assert [] == list(home.bundles.iterdir())


def test_an_environment_that_does_not_fit(home: Home, tmp_path: Path) -> None:
    """The release fails with a reason while the preview answers; nothing of it stays, and with room the same command finishes."""
    with disks.small(home.environments, 20):
        endpoint = jd.deploy(multiplier(2), name="churn", example=[1.0], folder=tmp_path)
        with pytest.raises(errors.DeployError, match=FULL):
            endpoint.wait()

        assert [4.0] == endpoint.predict([2.0])
        assert [] == [one for one in home.environments.iterdir() if one.is_dir()]

    jd.deploy(multiplier(2), name="churn", example=[1.0], folder=tmp_path, wait=True)
    assert [4.0] == endpoint.predict([2.0])


def test_a_home_that_cannot_be_written(home: Home, tmp_path: Path) -> None:
    """A read-only home is told, with what to do."""
    with disks.read_only(home.root), pytest.raises(errors.DiskFailed, match=r"(?s)Read-only file system.*JUPYTER_DEPLOY_HOME"):
        jd.deploy(multiplier(1), name="churn", example=[1.0], folder=tmp_path)


def test_an_agent_without_room_does_not_start(home: Home) -> None:
    """Whoever asks for an agent is told that the disk is full."""
    with disks.small(home.root, 1), disks.filled(home.root), pytest.raises(errors.DeployError, match=FULL):
        connect(home)


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_a_home_without_locks(home: Home, error: str, tmp_path: Path) -> None:
    """A file system that has no locks, as some network disks, is told with what to do."""
    if injection.why_not():
        pytest.skip(injection.why_not())
    code = "from jupyter_deploy.agent.lifecycle import connect; connect()"
    traced = ["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=flock", "-e", f"inject=flock:error={error}"]
    package = str(Path(jd.__file__).parents[1])
    done = subprocess.run(
        [*traced, sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )

    assert re.search(r"(?s)has no file locks.*JUPYTER_DEPLOY_HOME to a folder on a local disk", done.stderr)


def test_the_older_agent_is_still_there(home: Home, tmp_path: Path) -> None:
    """A release that failed for want of room is told to whoever asks, though the store could not be written."""
    if injection.why_not():
        pytest.skip(injection.why_not())
    endpoint = jd.deploy(multiplier(1), name="churn", example=[1.0], folder=tmp_path, wait=True)
    pid = connect(home).status()["pid"]
    with injection.tampered(pid, "pwrite64", "error=ENOSPC", "30+", tmp_path / "trace"):
        release = jd.deploy(multiplier(2), name="churn", example=[1.0], folder=tmp_path).view.release
        ended = follow(connect(home), release)

        assert "failed" == ended.state == endpoint.releases()[0].state
        assert FULL.search(ended.reason)
