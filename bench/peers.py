"""The other ways from a fitted model to a URL, each as its own documentation shows it, timed up to the first right answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from kernel import call, until

BENTO = """
import bentoml, joblib, numpy as np
@bentoml.service
class Model:
    def __init__(self) -> None:
        self.model = joblib.load("model.pkl")
    @bentoml.api
    def predict(self, rows: list[list[float]]) -> dict:
        return {"predictions": self.model.predict_proba(np.asarray(rows)).tolist()}
"""
FASTAPI = """
import joblib, numpy as np
from fastapi import FastAPI
app, model = FastAPI(), joblib.load("model.pkl")
@app.post("/predict")
def predict(body: dict) -> dict:
    return {"predictions": model.predict_proba(np.asarray(body["rows"])).tolist()}
"""
MLFLOW = """
import sys, joblib, mlflow.sklearn, sklearn.ensemble
model = joblib.load("model.pkl")
print("ready", flush=True)
sys.stdin.readline()
mlflow.sklearn.save_model(model, "saved", pyfunc_predict_fn="predict_proba", skops_trusted_types=["sklearn.tree._tree.Tree"])
print("saved", flush=True)
"""


class Peer:
    """One peer.

    Args:
        python: The interpreter of the peers' environment.
        model: The pickled model.
        rows: What is asked.
        expected: The right answer.
    """

    name: ClassVar[str]
    path: ClassVar[str] = "/predict"
    field: ClassVar[str] = "rows"

    def __init__(self, python: Path, model: Path, rows: list[Any], expected: list[Any]) -> None:
        self.python, self.model, self.rows, self.expected = python, model, rows, expected

    def seconds(self) -> float:
        """Measure once.

        Returns:
            Seconds from the fitted model to the first right answer.
        """
        folder = Path(tempfile.mkdtemp(prefix="jdp-"))
        port = free_port()
        body = json.dumps({self.field: self.rows}).encode()
        self.prepare(folder)
        began = time.perf_counter()
        server = None
        try:
            server = self.serve(folder, port)
            ended = until(lambda: self.right(call(f"http://127.0.0.1:{port}{self.path}", body).predictions), 0.01)
            return ended - began
        finally:
            if server is not None:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
            shutil.rmtree(folder, ignore_errors=True)

    def right(self, predictions: Any) -> bool:
        """Say whether an answer is right."""
        return bool(predictions == self.expected)

    def prepare(self, folder: Path) -> None:
        """Do what is done before the clock starts; the pickle stands for the model in memory."""
        shutil.copy(self.model, folder / "model.pkl")

    def serve(self, folder: Path, port: int) -> subprocess.Popen[bytes]:
        """Do what a person does, up to the server's start."""
        raise NotImplementedError

    def start(self, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a server in a process group of its own."""
        path = f"{self.python.parent}:{os.environ.get('PATH', '')}"
        env = {**os.environ, "PATH": path, "BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(arguments, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)


class Bento(Peer):
    """A service file and `bentoml serve`."""

    name = "BentoML, service file + bentoml serve"

    def serve(self, folder: Path, port: int) -> subprocess.Popen[bytes]:
        """Write the service and serve it."""
        (folder / "service.py").write_text(BENTO)
        return self.start(folder, str(self.python.parent / "bentoml"), "serve", "service:Model", "--port", str(port))


class Fast(Peer):
    """FastAPI and uvicorn in a new process."""

    name = "FastAPI + uvicorn, new process"

    def serve(self, folder: Path, port: int) -> subprocess.Popen[bytes]:
        """Write the application and serve it."""
        (folder / "app.py").write_text(FASTAPI)
        return self.start(folder, str(self.python), "-m", "uvicorn", "app:app", "--port", str(port))


class MLflow(Peer):
    """`mlflow models serve` in the same environment; MLflow is imported before the clock starts, as in a notebook that uses it."""

    name = "MLflow, save_model + models serve"
    path = "/invocations"
    field = "inputs"

    def prepare(self, folder: Path) -> None:
        """Have a process that has imported MLflow and holds the model."""
        super().prepare(folder)
        self._saver = subprocess.Popen(
            [str(self.python), "-c", MLFLOW],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._say("ready")

    def serve(self, folder: Path, port: int) -> subprocess.Popen[bytes]:
        """Save the model and serve it."""
        assert self._saver.stdin is not None
        self._saver.stdin.write("go\n")
        self._saver.stdin.flush()
        self._say("saved")
        self._saver.wait()
        mlflow = str(self.python.parent / "mlflow")
        return self.start(folder, mlflow, "models", "serve", "-m", "saved", "--env-manager", "local", "-p", str(port))

    def _say(self, expected: str) -> None:
        assert self._saver.stdout is not None
        said = self._saver.stdout.readline().strip()
        if said != expected:
            raise RuntimeError(f"MLflow's process said {said!r} instead of {expected!r}")


PEERS: tuple[type[Peer], ...] = (Bento, Fast, MLflow)


def free_port() -> int:
    """Find a free loopback port.

    Returns:
        The port.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
