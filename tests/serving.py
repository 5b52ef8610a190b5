"""What the tests of the local target share: a real model as a capture leaves it, keys, a target with a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import msgspec

from bench import load
from jupyter_deploy.bentos.python.endpoint import keys
from jupyter_deploy.home import Home, write
from jupyter_deploy.targets.base import Launch, Traffic
from jupyter_deploy.targets.local.target import Local
from jupyter_deploy.values import Contract, Golden, Input, Manifest, Method, Options, Output

SECRET = keys.make_key()
KERNEL = {"interpreter": sys.executable, "path": tuple(one for one in sys.path if one.endswith("-packages"))}


def times(factor: int) -> Any:
    """Make a model that multiplies numbers, sleeps for `{"sleep": seconds}` and dies of `{"die": true}`.

    Its class stands in no module, so it is pickled with the model as one from a notebook's cell is.
    """

    class Times:
        def predict(self, rows: list[Any]) -> list[Any]:
            return [self.one(row) for row in rows]

        def one(self, row: Any) -> Any:
            if isinstance(row, dict) and row.get("die"):
                os.kill(os.getpid(), signal.SIGKILL)
            if isinstance(row, dict):
                time.sleep(row["sleep"])
                return row["sleep"]
            return row * factor

    return Times()


def capture(folder: Path, model: Any) -> Path:
    """Write a model as a capture of the endpoint `churn`."""
    method = Method(name="predict", attribute="predict", input=Input(kind="list"), output=Output(kind="list"))
    golden = [Golden(method="predict", rows=[1, 2], answers=[])]
    manifest = Manifest(endpoint="churn", language_version="3", framework="callable")
    values = {"manifest": manifest, "contract": Contract(methods=(method,)), "golden": golden, "cells": []}
    for name, value in values.items():
        write(folder / f"{name}.json", msgspec.json.encode(value))
    write(folder / "model" / "model.pkl", cloudpickle.dumps(model))
    return folder


class Machine:
    """A local target with a home of its own, and an endpoint `churn` whose release number n multiplies by n."""

    def __init__(self, home: Home, port: int | None = None) -> None:
        self.home = home
        self.target = Local(home, port)
        pepper = os.urandom(32)
        hashed = {"pepper": pepper.hex(), "keys": [{"id": "key-1", "hash": keys.hash_key(SECRET, pepper)}]}
        self.keys = home.releases / "churn" / "keys.json"
        write(self.keys, json.dumps(hashed).encode())

    def launch(self, number: int, model: Any = None, **options: Any) -> Launch:
        """Describe a preview of a release."""
        folder = capture(self.home.captures / str(number), model or times(number))
        return Launch(
            endpoint="churn", number=number, state="preview", folder=str(folder), keys=str(self.keys),
            log=str(self.home.releases / "churn" / str(number) / "preview.log"), options=Options(**options), **KERNEL,
        )  # fmt: skip

    def start(self, number: int, **options: Any) -> str:
        """Start a release and give its launch's id."""
        launch = self.launch(number, **options)
        self.target.start(launch)
        return launch.id

    def switch(self, launch: str, **options: Any) -> None:
        """Send all traffic of the endpoint to one release."""
        self.target.switch({"churn": Traffic(endpoint="churn", weights={launch: 100}, options=Options(**options))})

    def predict(self, launch: str, *rows: Any) -> list[Any]:
        """Call a release past the router."""
        status, body = self.target.call(launch, "/predict", json.dumps({"rows": rows}).encode(), SECRET)
        assert 200 == status, body
        answers: list[Any] = json.loads(body)["predictions"]
        return answers

    def plan(self, rate: float = 80, retry: float = 0.0) -> load.Plan:
        """Plan a load on the endpoint whose answers must be the request's number times that of the release."""

        def check(number: int, answer: load.Answer) -> str:
            if answer.status != 200:
                return f"status {answer.status}: {answer.body.decode()}"
            expected = number * int(answer.headers["jd-release"].removeprefix("churn@"))
            got = json.loads(answer.body)["predictions"]
            return "" if [expected] == got else f"expected {expected}, got {got}"

        url = self.target.url("churn") + "predict"
        headers = {"authorization": f"Bearer {SECRET}"}
        return load.Plan(url, rate, lambda number: json.dumps({"rows": [number]}).encode(), check, headers, retry)

    def again(self) -> None:
        """Do what happens when the agent ends and another one begins, while everything goes on."""
        self.target.close(everything=False)
        self.target = Local(self.home)


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Give a machine and end everything that it started."""
    folder = Path(tempfile.mkdtemp(prefix="jd-"))  # short, because sockets lie below it
    made = Machine(Home(folder).make())
    try:
        yield made
    finally:
        made.target.close(everything=True)
        shutil.rmtree(folder, ignore_errors=True)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true; pytest's own limit ends a wait that is in vain."""
    while not true():
        time.sleep(0.005)
