"""A real kernel, and an endpoint as a caller sees it from outside."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jupyter_client.manager import start_new_kernel

from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home

PATIENCE = 300.0  # seconds


class Kernel:
    """One kernel in which cells run one after the other.

    Args:
        home: The agent's folders, for `%deploy` in it.
    """

    def __init__(self, home: Home) -> None:
        env = {**os.environ, "JUPYTER_DEPLOY_HOME": str(home.root), "JUPYTER_DEPLOY_COMPILE": "off"}
        self._manager, self._client = start_new_kernel(
            kernel_name="python3", env=env, extra_arguments=["--IPKernelApp.log_level=ERROR"]
        )

    def run(self, code: str) -> str:
        """Run a cell to its end.

        Args:
            code: The cell.

        Returns:
            What it printed.

        Raises:
            RuntimeError: If it raised.
        """
        return self.wait(self.send(code))

    def send(self, code: str) -> str:
        """Hand a cell to the kernel without waiting.

        Args:
            code: The cell.

        Returns:
            The request's id, for `wait`.
        """
        return str(self._client.execute(code))

    def wait(self, request: str) -> str:
        """Wait for a cell's end.

        Args:
            request: What `send` gave.

        Returns:
            What it printed.

        Raises:
            RuntimeError: If it raised.
        """
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed += content["text"]
            if kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            if kind == "status" and content["execution_state"] == "idle":
                return printed

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


class Seen(NamedTuple):
    """What a caller got.

    Attributes:
        status: The HTTP status; 0 where no answer came.
        release: `jd-release`.
        state: `jd-state`.
        predictions: The answer's predictions, None where there are none.
    """

    status: int = 0
    release: str = ""
    state: str = ""
    predictions: Any = None


@contextlib.contextmanager
def fresh_home() -> Iterator[Home]:
    """Give an empty home folder; the agent in it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="jdb-"))
    home = Home(folder)
    try:
        yield home
    finally:
        with contextlib.suppress(errors.AgentUnreachable):
            connect(home, start=False).stop()
            wait_for_end(home)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def kernel(home: Home) -> Iterator[Kernel]:
    """Give a fresh kernel that ends with the block."""
    made = Kernel(home)
    try:
        yield made
    finally:
        made.close()


def call(url: str, body: bytes, key: str = "", method: str = "POST") -> Seen:
    """Send one request on a connection of its own.

    Args:
        url: The URL.
        body: JSON.
        key: The key's secret; none where empty.
        method: The HTTP method.

    Returns:
        What came back.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=10)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    try:
        connection.request(method, parts.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException):
        return Seen()
    finally:
        connection.close()
    try:
        predictions = json.loads(text)
    except ValueError:
        predictions = None
    if isinstance(predictions, dict):
        predictions = predictions.get("predictions")
    return Seen(answer.status, answer.getheader("jd-release", ""), answer.getheader("jd-state", ""), predictions)


def until(holds: Callable[[], bool], pause: float = 0.004) -> float:
    """Wait until something holds.

    Args:
        holds: What to ask.
        pause: Seconds between two questions.

    Returns:
        `time.perf_counter` when it held.

    Raises:
        TimeoutError: If it never did.
    """
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        if holds():
            return time.perf_counter()
        time.sleep(pause)
    raise TimeoutError(f"it did not come within {PATIENCE:g} s")


def key_of(home: Home, name: str) -> str:
    """Read the owner's key of an endpoint.

    Args:
        home: The agent's folders.
        name: The endpoint's name.

    Returns:
        The secret; empty before there is one.
    """
    path = home.keys / f"{name}.key"
    return path.read_text(encoding="ascii").strip() if path.exists() else ""
