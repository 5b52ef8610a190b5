"""The kernel and the Jupyter server die while a deploy is under way: what they handed over is deployed all the same."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from jupyter_deploy.values import Release
from tests.faults.arena import follow, until

jupyter_client = pytest.importorskip("jupyter_client")

CELLS = """
%load_ext jupyter_deploy
class Slow:
    def __init__(self, seconds):
        self.seconds = seconds
    def predict(self, rows):
        return rows
    def __getstate__(self):
        import pathlib, time
        pathlib.Path("begun").touch()
        time.sleep(self.seconds)
        return self.__dict__
"""


def newest(home: Home) -> Release | None:
    """Give the newest release of the endpoint, if there is one."""
    try:
        return connect(home, start=False).endpoint("churn").releases[0]
    except (errors.DeployError, IndexError):
        return None


@contextlib.contextmanager
def kernel(folder: Path) -> Iterator[Any]:
    """Start a kernel in a folder."""
    from jupyter_client.manager import start_new_kernel

    env = {**os.environ, "PYTHONPATH": str(Path(jd.__file__).parents[1])}
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=env)
    try:
        client.execute_interactive(CELLS, timeout=60, output_hook=lambda _: None)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_kernel_killed_while_it_captures(home: Home, tmp_path: Path) -> None:
    """Nothing is deployed, and `gc` frees what the kernel had written."""
    with kernel(tmp_path) as (manager, client):
        client.execute("ep = %deploy Slow(3600) --name churn --example [1.0]")
        until((tmp_path / "begun").exists, 60, manager.is_alive)
        os.kill(manager.provisioner.pid, signal.SIGKILL)

    assert None is newest(home)
    until(lambda: connect(home).free() is not None and not list(home.staging.iterdir()), 10, lambda: list(home.staging.iterdir()))


def test_a_kernel_killed_once_it_has_captured(home: Home, tmp_path: Path) -> None:
    """The deploy goes on without the kernel, to the end."""
    with kernel(tmp_path) as (manager, client):
        client.execute("ep = %deploy Slow(0) --name churn --example [1.0]")
        until(lambda: newest(home) is not None, 60, manager.is_alive)
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        release = newest(home)
        assert release is not None

    assert "serving" == follow(connect(home), release).state


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a Jupyter server and give its process and address."""
    pytest.importorskip("jupyter_server")
    env = {**os.environ, "PYTHONPATH": str(Path(jd.__file__).parents[1]), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    arguments = ["--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=secret", f"--ServerApp.root_dir={folder}"]
    with (folder / "server.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *arguments],
            env=env,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until(lambda: bool(list((folder / "runtime").glob("jpserver-*.json"))), 60, (folder / "server.log").read_text)
        (facts,) = (folder / "runtime").glob("jpserver-*.json")
        yield started, json.loads(facts.read_text())["url"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def test_a_jupyter_server_killed_with_its_kernels(home: Home, tmp_path: Path) -> None:
    """The agent that was started from one of its kernels lives on, and so does the deploy."""
    with server(tmp_path) as (started, url):
        headers = {"authorization": "token secret"}
        answer = httpx.post(f"{url}api/kernels", json={"name": "python3"}, headers=headers, trust_env=False)
        connection = tmp_path / "runtime" / f"kernel-{answer.json()['id']}.json"
        until(connection.exists, 60, lambda: answer.text)
        client = jupyter_client.BlockingKernelClient(connection_file=str(connection))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.execute_interactive(CELLS, timeout=60, output_hook=lambda _: None)
        client.execute("ep = %deploy Slow(0) --name churn --example [1.0]")
        until(lambda: newest(home) is not None, 60, (tmp_path / "server.log").read_text)
        for one in [*psutil.Process(started.pid).children(recursive=True), psutil.Process(started.pid)]:
            if "jupyter_deploy.agent" not in one.cmdline():  # which has left them already
                one.kill()
        client.stop_channels()
        release = newest(home)
        assert release is not None

    assert "serving" == follow(connect(home), release).state
    assert [1.0] == jd.Endpoint("churn").predict([1.0])
