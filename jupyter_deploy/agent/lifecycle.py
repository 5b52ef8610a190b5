"""Starts, finds and stops the agent: one process per user, in a session of its own.

Whoever holds `agent.lock` is the agent. A socket without a lock is left over from one that died, and is replaced.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

from jupyter_deploy import errors, process, settings
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.home import Home

PATIENCE = 20.0  # seconds until an agent that was started must answer


def connect(home: Home | None = None, *, start: bool = True) -> AgentClient:
    """Find the user's agent, and start it if there is none.

    An agent of another version is replaced; what is deployed goes on answering meanwhile. A new agent serves at the port that the
    settings of the working folder name.

    Args:
        home: The agent's folders; the user's own where None.
        start: Whether to start an agent if there is none.

    Returns:
        A client of it.

    Raises:
        AgentUnreachable: If there is none and none is to be started, or it does not come up.
    """
    from jupyter_deploy import __version__

    home = home or Home.find()
    client = AgentClient(home)
    try:
        version = client.status()["version"]
    except errors.AgentUnreachable:
        if not start:
            raise
        return _start(home, client)
    if version == __version__ or not start:
        return client
    client.stop(everything=False)
    wait_for_end(home)
    return _start(home, client)


def take_lock(home: Home) -> int | None:
    """Become the agent, if nobody else is.

    Args:
        home: The agent's folders.

    Returns:
        The open lock, to be kept for as long as the agent lives; None where another agent lives.
    """
    handle = os.open(home.agent_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    os.truncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    home.agent_socket.unlink(missing_ok=True)
    return handle


def wait_for_end(home: Home, seconds: float = PATIENCE) -> None:
    """Wait until no agent holds the lock.

    Args:
        home: The agent's folders.
        seconds: How long to wait at most.

    Raises:
        AgentUnreachable: If it is still there.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not running(home):
            return
        time.sleep(0.02)
    raise errors.AgentUnreachable(f"The agent (process {_owner(home)}) does not end.", f"Its log is {home.agent_log}.")


def running(home: Home) -> bool:
    """Say whether an agent lives.

    Args:
        home: The agent's folders.

    Returns:
        Whether somebody holds the lock.
    """
    if not home.agent_lock.exists():
        return False
    with home.agent_lock.open("r+b") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _start(home: Home, client: AgentClient) -> AgentClient:
    home.make()
    env = {**os.environ, "JUPYTER_DEPLOY_HOME": str(home.root)}
    port = settings.read(Path.cwd(), {})[0].port
    if port is not None:
        env["JUPYTER_DEPLOY_PORT"] = str(port)
    package = str(Path(__file__).parents[2])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (package, env.get("PYTHONPATH", ""))))
    child = process.start([sys.executable, "-m", "jupyter_deploy.agent"], log=home.agent_log, env=env, cwd=home.root)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if _answers(client):
            return client
        if child.poll() is not None and not running(home):
            break
        time.sleep(0.02)
    raise errors.AgentUnreachable(f"The agent did not start: {_last_words(home.agent_log)}", f"Its whole log is {home.agent_log}.")


def _answers(client: AgentClient) -> bool:
    try:
        client.status()
    except errors.AgentUnreachable:
        return False
    return True


def _owner(home: Home) -> str:
    return home.agent_lock.read_text().strip() or "unknown"


def _last_words(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "it wrote nothing."
