"""Values that the adapters' tests draw and follow, and an agent that lives in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.home import Home
from jupyter_deploy.values import (
    Capture,
    Column,
    Contract,
    Endpoint,
    Input,
    Method,
    Output,
    Release,
    Sample,
    Series,
    Stage,
)

NOW = 1_000_000.0
COLUMNS = (
    Column(name="age", dtype="int64", minimum=18, maximum=99, example=42),
    Column(name="plan", dtype="category", categories=("basic", "pro"), nullable=True, example="pro"),
    Column(name="note <b>", dtype="object", example="<script>alert('1')</script>"),
)
FRAME = Input(kind="frame", columns=COLUMNS)
CONTRACT = Contract(
    methods=(
        Method(name="predict", attribute="predict", input=FRAME, output=Output(kind="array", dtype="int64", shape=(None,))),
        Method(
            name="predict_proba",
            attribute="predict_proba",
            input=FRAME,
            output=Output(kind="array", dtype="float64", shape=(None, 2), classes=("no", "yes")),
        ),
    )
)


def endpoint(**fields: Any) -> Endpoint:
    """Make an endpoint at whose URL `churn@1` answers, verified."""
    known = {"name": "churn", "url": "http://127.0.0.1:8484/churn/", "target": "local", "answering": 1, "state": "verified"}
    return Endpoint(**{**known, "key_file": "/home/ada/keys/churn.key", "contract": CONTRACT, **fields})


def release(state: str = "serving", stages: dict[str, float | None] | None = None, **fields: Any) -> Release:
    """Make a release whose stages took the given seconds; None for one that runs for 20 s."""
    taken = {"captured": 0.21, **(stages or {})}
    journal = tuple(Stage(name=name, started=NOW - 20, seconds=seconds) for name, seconds in taken.items())
    known = {"endpoint": "churn", "number": 1, "created": NOW - 90, "capture": "c", "verified": state == "serving"}
    return Release(**{**known, "state": state, "stages": journal, **fields})


def capture(**fields: Any) -> Capture:
    """Make a capture."""
    known: dict[str, Any] = {
        "endpoint": "churn", "variable": "model", "kind": "RandomForestClassifier", "digest": "c", "folder": "/x",
        "size": 1_234_567, "contract": CONTRACT, "golden": {"predict": 100}, "golden_origin": "cell 7: model.predict(X_test)",
        "modules": ("sklearn.ensemble",), "interpreter": "/usr/bin/python3", "path": (), "language_version": "3.11.7",
    }  # fmt: skip
    return Capture(**{**known, **fields})


def series(*samples: Sample, span: int = 300) -> Series:
    """Make the figures of `churn`; ten seconds with ten requests each second where none are given."""
    seconds = [sample(at=NOW - 10 + second) for second in range(1, 11)]
    return Series(endpoint="churn", span=span, step=1, now=NOW, samples=samples or tuple(seconds))


def sample(**fields: Any) -> Sample:
    """Make one second in which ten requests were answered."""
    known: dict[str, Any] = {
        "at": NOW, "seconds": 1.0, "requests": 10, "rows": 100, "p50": 0.002, "p95": 0.0123, "p99": 1.5, "workers": 2,
        "memory": 123_456_789, "split": {"churn@1": 9, "churn@2": 1},
    }  # fmt: skip
    return Sample(**{**known, **fields})


class InMemoryAgent:
    """An agent whose releases go through the steps that a test gives; it keeps no process and no file.

    Args:
        steps: The releases that the events bring, one after the other.
        gate: Is awaited before the last one.
    """

    def __init__(self, *steps: Release, gate: threading.Event | None = None) -> None:
        self.steps = steps
        self.gate = gate
        self.unreachable = 0
        self.silences = 0
        self.removed = False
        self.answering: int | None = 1
        self.home = Home(Path("/home/ada"))

    def samples(self, name: str, span: int = 300) -> Series:
        """Give figures."""
        if self.unreachable:
            raise errors.AgentUnreachable("The agent does not answer.")
        return series(span=span)

    def sample_stream(self, name: str, patience: float | None = None) -> Iterator[Sample]:
        """Bring one sample, after the times in which nothing ran."""
        if self.silences:
            self.silences -= 1
            raise TimeoutError
        yield sample()

    def events(self, name: str, number: int) -> Iterator[Release]:
        """Bring the steps."""
        if self.unreachable:
            self.unreachable -= 1
            raise errors.AgentUnreachable("The agent does not answer.")
        for at, step in enumerate(self.steps, 1):
            if at == len(self.steps) and self.gate is not None:
                self.gate.wait()
            yield step

    def endpoint(self, name: str) -> Endpoint:
        """Give the endpoint."""
        if self.removed:
            raise errors.UnknownName(f"There is no endpoint `{name}`.")
        return endpoint(releases=self.steps[-1:], answering=self.answering)


@pytest.fixture
def agent() -> Callable[..., Any]:
    """Give the class of an agent that lives in memory."""
    return InMemoryAgent


@pytest.fixture
def make() -> Any:
    """Give the functions that make values, such as `make.release`, and `make.now`."""

    class Make:
        now = NOW
        contract = CONTRACT
        frame = FRAME

    made = Make()
    made.endpoint, made.release, made.capture = endpoint, release, capture  # type: ignore[attr-defined]
    made.series, made.sample = series, sample  # type: ignore[attr-defined]
    return made
