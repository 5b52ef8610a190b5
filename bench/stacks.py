"""The servers of `make bench-serving`: how each is started, what it is asked, and which processes it consists of."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import workloads
from peers import free_port
from wrk import tree

APPS = Path(__file__).parent / "apps"
START = 180.0  # seconds
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def rows_body(rows: list[Any]) -> Any:
    """The body that most servers here take."""
    return {"rows": rows}


@dataclass(frozen=True)
class Ask:
    """One workload at one server.

    Attributes:
        url: Where it answers.
        body: Makes the body of rows, before it becomes JSON.
        answers: Finds the predictions in an answer.
        key: The key's secret; empty where there is none.
    """

    url: str
    body: Callable[[list[Any]], Any] = rows_body
    answers: Callable[[Any], Any] = lambda answer: answer["predictions"]
    key: str = ""

    def encoded(self, workload: str, rows: int) -> bytes:
        """Write a body of some rows."""
        return json.dumps(self.body(workloads.rows_of(workload, rows))).encode()

    def once(self, body: bytes) -> Any:
        """Send one request and give the predictions."""
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.key}"} if self.key else {})
        with urlopen(Request(self.url, body, headers), timeout=60) as answer:
            return self.answers(json.load(answer))


@dataclass
class Stack:
    """One server while it runs.

    Attributes:
        name: What the tables call it.
        asks: What it is asked, by workload.
        parts: Its process ids, by part.
        close: Ends it.
    """

    name: str
    asks: dict[str, Ask]
    parts: Callable[[], dict[str, list[int]]]
    close: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class Peers:
    """What the peers are started with.

    Attributes:
        python: The interpreter of their environment.
        work: A folder for logs and files of theirs.
        models: The folder of the models that this interpreter fitted.
        names: The workloads.
    """

    python: Path
    work: Path
    models: Path
    names: tuple[str, ...]

    def prepare(self) -> None:
        """Fit the models, as this interpreter reads them."""
        fitted = [name for name in self.names if name != "add"]
        subprocess.run([self.python, workloads.__file__, self.models, *fitted], check=True)

    def uvicorn(self, app: str, names: Sequence[str] = ()) -> tuple[subprocess.Popen[bytes], int]:
        """Serve an application of this folder with uvicorn, uvloop and httptools."""
        port = free_port()
        program = [str(self.python), "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning", "--no-access-log"]
        return self.start(program, SERVED=",".join(names or self.names)), port

    def start(self, program: Sequence[str], folder: Path = APPS, **environment: str) -> subprocess.Popen[bytes]:
        """Start a server in a session of its own, its environment's programs first."""
        home = {"MODELS": str(self.models), "BENTOML_HOME": str(self.work / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
        path = f"{self.python.parent}:{os.environ['PATH']}"
        env = {**os.environ, **ONE_THREAD, **home, "PATH": path, "PYTHONPATH": f"{APPS}:{APPS.parent}", **environment}
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / f"{self.python.parts[-3]}.log").open("ab") as log:
            return subprocess.Popen(program, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)


def raw(peers: Peers) -> Stack:
    """Plain ASGI and msgspec: the ceiling."""
    process, port = peers.uvicorn("raw:app")
    asks = {name: Ask(f"http://127.0.0.1:{port}/{name}") for name in peers.names}
    compiled = [name for name in peers.names if (peers.models / f"{name}.onnx").exists()]
    asks |= {f"{name}-onnx": Ask(f"http://127.0.0.1:{port}/{name}-onnx") for name in compiled}
    return of_process("raw ASGI + msgspec", process, asks)


def fastapi(peers: Peers) -> Stack:
    """FastAPI with uvicorn."""
    process, port = peers.uvicorn("fast:app")
    return of_process("FastAPI", process, {name: Ask(f"http://127.0.0.1:{port}/{name}") for name in peers.names})


def of_process(name: str, process: subprocess.Popen[bytes], asks: dict[str, Ask]) -> Stack:
    """Wait until a server that is one tree of processes answers."""
    stack = Stack(name, asks, lambda: {"server": tree(process.pid)}, lambda: end(process))
    try:
        for workload, ask in asks.items():
            await_answer(workload, ask, process)
    except BaseException:
        stack.close()
        raise
    return stack


def await_answer(workload: str, ask: Ask, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server gives one answer a row.

    Raises:
        RuntimeError: If it ends, or never does.
    """
    body, expiry, error = ask.encoded(workload.removesuffix("-onnx"), 2), time.monotonic() + START, ""
    while time.monotonic() < expiry and process.poll() is None:
        try:
            found = ask.once(body)
            if len(found) == 2:
                return
            error = f"{len(found)} answers to 2 rows"
        except (URLError, OSError, ValueError, KeyError) as raised:
            error = str(raised)
        time.sleep(0.1)
    raise RuntimeError(f"{ask.url} does not answer: {error}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all that it started."""
    family = tree(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def emptied(folder: Path) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
