"""Starts, finds and stops the agent: one process per user, in a session of its own.

Whoever holds `agent.lock` is the agent. A socket without a lock is left over from one that died, and is replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from pathlib import Path

from jupyter_deploy import errors, process, settings
from jupyter_deploy import home as homes
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.home import Home

PATIENCE = 20.0  # seconds until an agent that was started must answer
LOOKED_AT = 0.5  # seconds for which the lock may be held by those who only see whether an agent lives
ROOM = 4_000_000  # bytes that an agent needs to begin


def connect(home: Home | None = None, *, start: bool = True) -> AgentClient:
    """Find the user's agent, and start it if there is none.

    An agent of an older version is replaced, and what is deployed goes on answering meanwhile; one of a newer version is left.
    A new agent serves at the port that the settings of the working folder name.

    Args:
        home: The agent's folders; the user's own where None.
        start: Whether to start an agent if there is none.

    Returns:
        A client of it.

    Raises:
        AgentUnreachable: If there is none and none is to be started, or it does not come up.
        DiskFailed: If its folders cannot be written.
    """
    home = home or Home.find()
    client = AgentClient(home)
    try:
        status = client.status()
    except errors.AgentUnreachable:
        if not start:
            raise
    else:
        if not start or not _is_older(status["version"]):
            return client
        with contextlib.suppress(errors.AgentUnreachable):  # another client was faster
            client.stop(everything=False, pid=status["pid"])
        _wait_for_end(home, client, status["pid"])
    try:
        return _start(home, client)
    except OSError as error:
        raise homes.failed(error, home.root) from error


def _is_older(version: str) -> bool:
    from packaging.version import Version

    from jupyter_deploy import __version__

    return Version(version) < Version(__version__)


def take_lock(home: Home) -> int | None:
    """Become the agent, if nobody else is.

    Args:
        home: The agent's folders.

    Returns:
        The open lock, to be kept for as long as the agent lives; None where another agent lives.
    """
    handle = os.open(home.agent_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + LOOKED_AT
    while not _locked(handle):
        if time.monotonic() > end:
            os.close(handle)
            return None
        time.sleep(0.01)
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
        return not _locked(handle.fileno())


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for_end(home: Home, client: AgentClient, pid: int) -> None:
    """Wait until an agent has ended, whether or not another one has taken its place already."""
    end = time.monotonic() + PATIENCE
    while running(home) and time.monotonic() < end:
        with contextlib.suppress(errors.AgentUnreachable):
            if client.status()["pid"] != pid:
                return
        time.sleep(0.02)


def _start(home: Home, client: AgentClient) -> AgentClient:
    home.make()
    env = {**os.environ, "JUPYTER_DEPLOY_HOME": str(home.root)}
    port = settings.read(Path.cwd(), {})[0].port
    if port is not None:
        env["JUPYTER_DEPLOY_PORT"] = str(port)
    package = str(Path(__file__).parents[2])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (package, env.get("PYTHONPATH", ""))))
    begin = home.agent_log.stat().st_size if home.agent_log.exists() else 0
    child = process.start([sys.executable, "-m", "jupyter_deploy.agent"], log=home.agent_log, env=env, cwd=home.root)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        agent = _agent_of(client)
        if agent is not None:
            if agent != child.pid:  # somebody was faster; and when that one ends, this must not take its place unasked
                child.kill()
                child.wait()
            return client
        if child.poll() is not None and not running(home):
            break
        time.sleep(0.02)
    if running(home):
        raise errors.AgentUnreachable(
            f"The agent (process {_owner(home)}) does not answer.", "End that process and try again: what is deployed comes back."
        )
    words = _last_words(home.agent_log, begin)
    if not words:
        homes.check_room(home.root, ROOM)
    raise errors.AgentUnreachable(f"The agent did not start: {words or 'it wrote nothing.'}", f"Its log is {home.agent_log}.")


def _agent_of(client: AgentClient) -> int | None:
    try:
        return int(client.status()["pid"])
    except errors.AgentUnreachable:
        return None


def _owner(home: Home) -> str:
    return home.agent_lock.read_text().strip() or "unknown"


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
