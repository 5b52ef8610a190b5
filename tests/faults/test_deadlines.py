"""Whatever hangs meets a deadline that says where it hung and what to do, and can be cancelled at once before that."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from tests.faults.arena import end, follow, multiplier, processes, until

FOR_EVER = {"start_deadline": 3600.0, "deadline": 3600.0}  # so that a cancelled stage did not end by itself


def hanging_when_loaded() -> Any:
    """Make such a model, of a class that stands in no module."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    lines = ["import time", "class Model:", "    def __init__(self): self.one = 1", "    def predict(self, rows): return rows"]
    exec("\n".join([*lines, "    def __setstate__(self, state): time.sleep(3600)"]), namespace)
    return namespace["Model"]()


def hanging_when_called(row: float) -> Any:
    """Make a model that hangs when it is asked for a row anywhere but in this process."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    hangs = f"os.getpid() != {os.getpid()} and {row} in rows"
    lines = ["import os, time", "def model(rows: list) -> list:", f"    {hangs} and time.sleep(3600)"]
    exec("\n".join([*lines, "    return rows"]), namespace)
    return namespace["model"]


@contextlib.contextmanager
def silent_index() -> Iterator[str]:
    """Give the address of a package index that accepts and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/simple"


@contextlib.contextmanager
def other_index(home: Home, url: str, cache: Path) -> Iterator[None]:
    """Let the next agent install from an index, with nothing in its cache."""
    end(connect(home).status()["pid"])
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("UV_DEFAULT_INDEX", url)
        patch.setenv("UV_CACHE_DIR", str(cache))
        connect(home)
        yield
    end(connect(home).status()["pid"])


def why(endpoint: jd.Endpoint) -> str:
    """Give the reason for which a release did not come to serve, as people read it."""
    with pytest.raises(errors.DeployError) as told:
        endpoint.wait()
    return str(told.value)


def test_a_model_that_hangs_when_it_is_loaded(home: Home, tmp_path: Path) -> None:
    """Neither the preview nor the verified release waits for ever, and nothing of it is left."""
    endpoint = jd.deploy(hanging_when_loaded(), name="churn", example=[1.0], folder=tmp_path, start_deadline=2.0)

    assert "its model was not loaded within 2 s; `start_deadline` gives it more" in why(endpoint)
    stages = {stage.name: stage.detail for stage in endpoint.releases()[0].stages}
    assert "no preview" in stages["preview"]
    assert "was not loaded within 2 s" in stages["preview"]
    assert [] == [one for one in home.runtime.iterdir() if one.is_dir()]


def test_a_model_whose_first_call_hangs(home: Home, tmp_path: Path) -> None:
    """A release that does not become ready says that its model was loaded."""
    settings = {"folder": tmp_path, "preview": False, "start_deadline": 3.0}
    endpoint = jd.deploy(hanging_when_called(1.0), name="churn", example=[1.0, 2.0], **settings)

    assert "a first call of its model has not returned within 3 s" in why(endpoint)


def test_a_model_that_hangs_when_it_is_called(home: Home, tmp_path: Path) -> None:
    """A golden row that is never answered is a refusal that says so."""
    settings = {"folder": tmp_path, "preview": False, "deadline": 1.0}
    endpoint = jd.deploy(hanging_when_called(2.0), name="churn", example=[1.0, 2.0], **settings)

    assert "504" in why(endpoint)
    assert "refused" == endpoint.releases()[0].state


def test_an_index_that_hangs(home: Home, tmp_path: Path) -> None:
    """A lock and an environment that wait for an index which never answers meet the stage's deadline, and nothing goes on."""
    endpoint = jd.deploy(multiplier(1), name="churn", example=[1.0], folder=tmp_path, wait=True)
    with silent_index() as url, other_index(home, url, tmp_path / "cache"):
        settings = {"stage_deadline": 3.0, "preview": False, "folder": tmp_path}
        told = why(jd.deploy(multiplier(1, "pluggy", "iniconfig"), name="churn", example=[1.0], **settings))
        assert "The stage `locked` of `churn@2` took longer than 3 s." in told
        assert "`stage_deadline`" in told
        until(lambda: not any("uv" in line[0] for line in processes(home).values()), 5, lambda: processes(home))
    assert [2.0] == endpoint.predict([2.0])


def test_an_installer_that_hangs(home: Home, tmp_path: Path) -> None:
    """An environment whose packages never come meets the stage's deadline; what was begun is removed, and the lock is kept."""
    jd.deploy(multiplier(1), name="churn", example=[1.0], folder=tmp_path, wait=True)
    with held_environments(home, "churn", 1):
        connect(home)
        endpoint = jd.deploy(multiplier(2), name="churn", example=[1.0], folder=tmp_path, stage_deadline=2.0, preview=False)

        assert "The stage `environment` of `churn@2` took longer than 2 s." in why(endpoint)
    assert [6.0] == endpoint.predict([6.0])
    jd.deploy(multiplier(2), name="churn", example=[1.0], folder=tmp_path, wait=True)
    assert [6.0] == endpoint.predict([3.0])


@contextlib.contextmanager
def held_environments(home: Home, name: str, number: int) -> Iterator[None]:
    """Hold the lock of the environment of a release, as another installer that hangs does."""
    lock = connect(home).endpoint(name).releases[-number].lock
    with (home.environments / f".{lock}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def cancelled(home: Home, endpoint: jd.Endpoint, stage: str) -> None:
    """Cancel a release once a stage has begun, and see that it ends then."""
    client, release = connect(home), endpoint.view.release
    for one in client.events(release.endpoint, release.number):
        if any(known.name == stage and known.seconds is None for known in one.stages):
            break
    time.sleep(0.5)  # until it waits
    client.cancel(release.endpoint, release.number)
    ended = follow(client, release)

    assert ("cancelled", stage) == (ended.state, stage), ended.reason
    assert "cancelled by its owner" in ended.reason


@pytest.mark.parametrize("stage", ["preview", "verified"])
def test_loading_is_cancelled(home: Home, tmp_path: Path, stage: str) -> None:
    """A release that is being loaded ends as soon as its deploy is cancelled."""
    settings = {"preview": stage == "preview", **FOR_EVER}
    cancelled(home, jd.deploy(hanging_when_loaded(), name="churn", example=[1.0], folder=tmp_path, **settings), stage)

    assert [] == [one for one in home.runtime.iterdir() if one.is_dir()]


def test_a_golden_row_is_cancelled(home: Home, tmp_path: Path) -> None:
    """A release that is being asked ends as soon as its deploy is cancelled."""
    settings = {"preview": False, **FOR_EVER}
    cancelled(home, jd.deploy(hanging_when_called(2.0), name="churn", example=[1.0, 2.0], folder=tmp_path, **settings), "verified")

    assert [] == [one for one in home.runtime.iterdir() if one.is_dir()]


def test_locking_is_cancelled(home: Home, tmp_path: Path) -> None:
    """Uv ends with the deploy that it locks for."""
    connect(home)
    with silent_index() as url, other_index(home, url, tmp_path / "cache"):
        cancelled(home, jd.deploy(multiplier(1), name="churn", example=[1.0], folder=tmp_path, preview=False), "locked")
        until(lambda: not any("uv" in line[0] for line in processes(home).values()), 5, lambda: processes(home))


def test_waiting_for_an_environment_is_cancelled(home: Home, tmp_path: Path) -> None:
    """A deploy that stands in line behind another installer leaves it."""
    jd.deploy(multiplier(1), name="churn", example=[1.0], folder=tmp_path, wait=True)
    with held_environments(home, "churn", 1):
        cancelled(home, jd.deploy(multiplier(2), name="churn", example=[1.0], folder=tmp_path, preview=False), "environment")


CAPTURING = """
import pathlib, signal, time
import jupyter_deploy as jd

signal.signal(signal.SIGINT, signal.default_int_handler)  # as a kernel does

class Slow:
    def predict(self, rows):
        return rows
    def __getstate__(self):
        pathlib.Path("begun").touch()
        time.sleep(3600)

jd.deploy(Slow(), name="churn", example=[1.0])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_capture_is_interrupted(home: Home, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C removes what was written; of a kernel that was killed it is found and freed by `gc`."""
    env = {**os.environ, "PYTHONPATH": str(Path(jd.__file__).parents[1])}
    kernel = subprocess.Popen([sys.executable, "-c", CAPTURING], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL)
    until((tmp_path / "begun").exists, 60, kernel.poll)
    assert 1 == len(list(home.staging.iterdir()))
    kernel.send_signal(number)
    kernel.wait()

    assert (number == signal.SIGKILL) == bool(list(home.staging.iterdir()))
    connect(home).free()
    assert [] == list(home.staging.iterdir())


def test_what_a_kernel_writes_is_not_freed(home: Home, tmp_path: Path) -> None:
    """`gc` leaves alone what is being captured."""
    env = {**os.environ, "PYTHONPATH": str(Path(jd.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", CAPTURING], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) as kernel:
        until((tmp_path / "begun").exists, 60, kernel.poll)
        connect(home).free()
        assert 1 == len(list(home.staging.iterdir()))
        kernel.kill()


def test_an_agent_that_hangs_is_told(home: Home) -> None:
    """An agent that was stopped is named, with what to do."""
    pid = connect(home).status()["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(errors.AgentUnreachable, match=rf"process {pid}\) does not answer"):
            connect(home)
    finally:
        os.kill(pid, signal.SIGCONT)
