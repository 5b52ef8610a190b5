"""The servers of `make bench-serving`: how each is started, what it is asked, and which processes it consists of."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
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

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or 80

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
    names = [*peers.names, *(f"{name}-onnx" for name in peers.names if (peers.models / f"{name}.onnx").exists())]
    process, port = peers.uvicorn("raw:app", names)
    return of_process("raw ASGI + msgspec", process, {name: Ask(f"http://127.0.0.1:{port}/{name}") for name in names})


def raw_of(peers: Peers, name: str) -> Stack:
    """The ceiling with one model alone."""
    process, port = peers.uvicorn("raw:app", [name])
    return of_process("raw ASGI + msgspec", process, {name: Ask(f"http://127.0.0.1:{port}/{name}")})


def fastapi(peers: Peers) -> Stack:
    """FastAPI with uvicorn."""
    process, port = peers.uvicorn("fast:app")
    return of_process("FastAPI", process, {name: Ask(f"http://127.0.0.1:{port}/{name}") for name in peers.names})


def of_process(name: str, process: subprocess.Popen[bytes], asks: dict[str, Ask]) -> Stack:
    """Wait until a server that is one tree of processes answers."""
    return of_processes(name, [process] * len(asks), asks)


def of_processes(name: str, processes: list[subprocess.Popen[bytes]], asks: dict[str, Ask]) -> Stack:
    """Wait until the servers of a stack, one for each workload, answer."""
    every = list({one.pid: one for one in processes}.values())

    def parts() -> dict[str, list[int]]:
        return {"server": [pid for one in every for pid in tree(one.pid)]}

    def close() -> None:
        for one in every:
            end(one)

    try:
        for process, (workload, ask) in zip(processes, asks.items(), strict=True):
            await_answer(workload, ask, process)
    except BaseException:
        close()
        raise
    return Stack(name, asks, parts, close)


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
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def bentoml(peers: Peers) -> list[Stack]:
    """BentoML, one server whose workloads can be asked three ways."""
    port = free_port()
    program = [str(peers.python.parent / "bentoml"), "serve", "stock:Stock", "--host", "127.0.0.1", "--port", str(port)]
    process = peers.start(program, SERVED=",".join(peers.names))
    ways = {"BentoML": "", "BentoML, async": "_async", "BentoML, batchable": "_batch"}
    url = f"http://127.0.0.1:{port}/"
    asks = {
        title: {name: Ask(f"{url}{name}{suffix}", answers=lambda answer: answer) for name in peers.names if _has(name, suffix)}
        for title, suffix in ways.items()
    }
    return [of_process(title, process, found) for title, found in asks.items()]


def _has(name: str, suffix: str) -> bool:
    return (name, suffix) not in {("add", "_batch"), ("rf", "_async")}


def litserve(peers: Peers) -> Stack:
    """LitServe, one server a workload."""
    asks, processes = {}, []
    for name in [one for one in peers.names if one != "mlp"]:
        port = free_port()
        processes.append(peers.start([str(peers.python), "lit.py", str(port), name]))
        asks[name] = Ask(f"http://127.0.0.1:{port}/predict")
    return of_processes("LitServe", processes, asks)


def mlflow(peers: Peers) -> Stack:
    """MLflow, one server a model."""
    names = [one for one in peers.names if one in workloads.FITTED]
    saved = peers.work / "mlflow"
    made = peers.start([str(peers.python), "flow.py", str(saved), *names])
    if made.wait():
        raise RuntimeError("MLflow does not save the models")
    asks, processes = {}, []
    for name in names:
        port = free_port()
        program = [str(peers.python.parent / "mlflow"), "models", "serve", "-m", str(saved / name), "--env-manager", "local"]
        processes.append(peers.start([*program, "-h", "127.0.0.1", "-p", str(port), "-w", "1"]))
        asks[name] = Ask(f"http://127.0.0.1:{port}/invocations", body=lambda rows: {"inputs": rows})
    return of_processes("MLflow", processes, asks)


def mlserver(peers: Peers) -> Stack:
    """MLServer, one server for all models."""
    names = [one for one in peers.names if one in workloads.FITTED]
    folder = peers.work / "mlserver"
    if peers.start([str(peers.python), "mls.py", str(folder), *names]).wait():
        raise RuntimeError("what MLServer serves was not written")
    port = free_port()
    ports = {"MLSERVER_HTTP_PORT": port, "MLSERVER_GRPC_PORT": free_port(), "MLSERVER_METRICS_PORT": free_port()}
    program = [str(peers.python.parent / "mlserver"), "start", str(folder)]
    process = peers.start(program, folder, MLSERVER_HOST="127.0.0.1", **{name: str(one) for name, one in ports.items()})
    url = f"http://127.0.0.1:{port}/v2/models"
    asks = {name: Ask(f"{url}/{name}/infer", _v2, lambda answer: answer["outputs"][0]["data"]) for name in names}
    return of_process("MLServer", process, asks)


def _v2(rows: list[Any]) -> Any:
    if isinstance(rows[0], str):
        told = {"name": "x", "shape": [len(rows)], "datatype": "BYTES", "parameters": {"content_type": "str"}}
        return {"inputs": [{**told, "data": rows}]}
    flat = [value for row in rows for value in row]
    return {"inputs": [{"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}]}
