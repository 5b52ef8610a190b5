"""The agent as a process: one per user, started by whoever needs it, found again, replaced when it is stale."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, running, wait_for_end
from jupyter_deploy.home import Home


def test_whoever_comes_first_starts_the_one_agent(home: Home) -> None:
    """Eight callers at once find one and the same process."""
    with ThreadPoolExecutor(8) as pool:
        pids = set(pool.map(lambda _: connect(home).status()["pid"], range(8)))

    assert 1 == len(pids)


def test_its_socket_is_its_owners_alone(home: Home) -> None:
    """Socket 0600 in a folder 0700."""
    connect(home)

    assert (0o600, 0o700) == (home.agent_socket.stat().st_mode & 0o777, home.runtime.stat().st_mode & 0o777)


def test_it_outlives_the_process_that_started_it(home: Home) -> None:
    """The kernel that started it may be killed with its whole process group."""
    code = "from jupyter_deploy.agent.lifecycle import connect; import os, signal; connect(); os.killpg(0, signal.SIGKILL)"
    env = {**os.environ, "JUPYTER_DEPLOY_HOME": str(home.root), "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=env, start_new_session=True, check=False)

    assert 0 < connect(home, start=False).status()["pid"]


def test_a_stale_socket_is_replaced(home: Home) -> None:
    """After `kill -9` the socket's file is still there; the next caller gets a new agent."""
    old = connect(home).status()["pid"]
    os.kill(old, signal.SIGKILL)
    wait_for_end(home)
    assert home.agent_socket.exists()

    assert old != connect(home).status()["pid"]


def test_a_socket_that_nobody_serves_is_replaced(home: Home) -> None:
    """A file that is a socket without any process behind it does not stand in the way."""
    home.make()
    with socket.socket(socket.AF_UNIX) as leftover:
        leftover.bind(str(home.agent_socket))

    assert 0 < connect(home).status()["pid"]


def test_without_an_agent_the_message_says_what_to_do(home: Home) -> None:
    """Looking without starting names the socket and the log."""
    with pytest.raises(errors.AgentUnreachable, match=r"does not answer at .*agent\.sock") as caught:
        connect(home, start=False).status()

    assert "agent.log" in caught.value.hint


def test_stop_ends_it_and_leaves_no_socket(home: Home) -> None:
    """Afterwards nobody holds the lock and the socket is gone."""
    connect(home).stop()
    wait_for_end(home)

    assert (False, False) == (running(home), home.agent_socket.exists())


def test_an_agent_of_another_version_is_replaced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade the next caller starts the new agent."""
    old = connect(home).status()["pid"]
    monkeypatch.setattr("jupyter_deploy.__version__", "999")

    assert old != connect(home).status()["pid"]


def test_a_wrong_body_is_a_problem_with_its_place(home: Home) -> None:
    """The agent answers RFC 9457 and names the field."""
    connect(home)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(home.agent_socket)), base_url="http://agent") as client:
        answer = client.post("/spares", json={"interpreter": 1})

    assert (400, "BadInput") == (answer.status_code, answer.json()["code"])
    assert "$.interpreter" in answer.json()["detail"]


def test_an_unknown_endpoint_is_named(home: Home) -> None:
    """The client raises the agent's own error."""
    with pytest.raises(errors.UnknownName, match="There is no endpoint `churn`"):
        connect(home).endpoint("churn")


def test_the_agent_is_small(home: Home) -> None:
    """At rest it takes at most 80 MB: none of the heavy libraries is imported."""
    assert 80e6 >= connect(home).status()["memory"]
