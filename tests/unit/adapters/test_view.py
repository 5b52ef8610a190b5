"""What people are told, in words."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.view import View
from jupyter_deploy.bentos.python.endpoint import schema
from jupyter_deploy.values import STAGES, Input, Output, Stage


@pytest.mark.parametrize(
    ("state", "url", "answering", "expected"),
    [
        ("captured", "", None, "starting"),
        ("locked", "", None, "starting"),
        ("locked", "", 1, "preview"),
        ("locked", "http://127.0.0.1/churn@1/", 7, "preview"),
        ("serving", "", 1, "verified"),
        ("refused", "", 7, "refused"),
        ("failed", "", 1, "failed"),
        ("retired", "", 7, "retired"),
    ],
)
def test_state(make: Any, state: str, url: str, answering: int | None, expected: str) -> None:
    """A release is a preview as soon as it answers somewhere, and verified when it serves."""
    assert expected == words.state(make.release(state, url=url), answering)


@pytest.mark.parametrize(
    ("state", "stages", "expected"),
    [
        ("captured", {}, "done waiting waiting waiting waiting waiting waiting"),
        ("captured", {"preview": None}, "done running waiting waiting waiting waiting waiting"),
        ("locked", {"locked": 1.0}, "done skipped done waiting waiting waiting waiting"),
        ("failed", {"preview": 0.1, "failed": 0.0}, "done done wrong skipped skipped skipped skipped"),
        ("failed", {"preview": 0.1, "locked": None}, "done done wrong skipped skipped skipped skipped"),
        ("serving", dict.fromkeys(STAGES[1:], 1.0), "done done done done done done done"),
    ],
)  # fmt: skip
def test_steps(make: Any, state: str, stages: dict[str, float | None], expected: str) -> None:
    """The journal is laid along all stages; the one at which a release broke is marked."""
    assert expected.split() == [step.mark for step in words.steps(make.release(state, stages), make.now)]


def test_a_preview_that_was_passed_over_is_no_success(make: Any) -> None:
    """A preview that could not start is not marked as done, and its reason is told."""
    tried = Stage(name="preview", started=make.now, seconds=0.1, detail="no preview: it does not load")
    release = make.release("preview", stages=None)
    view = View(endpoint=make.endpoint(answering=None, state=""), release=type(release)(**{**_fields(release), "stages": (tried,)}))

    assert words.steps(view.release, make.now)[1].mark == "skipped"
    assert words.situation(view) == "Preview: no preview: it does not load."


def test_situation_beside_a_verified_release(make: Any) -> None:
    """A preview on a path of its own says who goes on answering at the endpoint's URL."""
    beside = make.release("locked", number=2, url="http://127.0.0.1:8484/churn@2/")
    view = View(endpoint=make.endpoint(), release=beside)

    assert view.url == "http://127.0.0.1:8484/churn@2/"
    assert "churn@1 (verified) goes on answering at http://127.0.0.1:8484/churn/." in words.situation(view)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 s"), (0.035, "0.04 s"), (0.35, "0.3 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59, "59 s"), (125, "2 min 5 s"),
        (7200, "2 h"), (400_000, "5 d"),
    ],
)  # fmt: skip
def test_span(seconds: float, expected: str) -> None:
    """A length of time has two figures at most."""
    assert expected == words.span(seconds)


def test_curl_is_one_safe_command(make: Any) -> None:
    """What a shell makes of the command is the row as it was, the URL, and a key that is read from its file."""
    view = View(
        endpoint=make.endpoint(key_file="/home/a da/churn.key"), release=make.release(), example={"it's": "$(rm -rf /) `x`"}
    )

    arguments = shlex.split(words.curl(view).replace("\\\n", ""))

    assert {"rows": [{"it's": "$(rm -rf /) `x`"}]} == json.loads(arguments[arguments.index("-d") + 1])
    assert "http://127.0.0.1:8484/churn/predict" == arguments[-1]
    assert "$(cat '/home/a da/churn.key')" in words.curl(view)
    assert ["--retry", "5", "--retry-connrefused"] == arguments[2:5]


@pytest.mark.parametrize(
    ("given", "accepts", "row"),
    [
        (Input(kind="array", dtype="float64", shape=(None, 2)), "array (rows, 2) of float64", [0, 0]),
        (Input(kind="series", dtype="int64"), "series of int64", 0),
        (Input(kind="sparse", dtype="float64", shape=(None, 9), name="csr_array"), "csr_array (rows, 9) of float64", {"0": 0}),
        (Input(kind="list"), "list, one element a row", "text"),
        (Input(kind="value"), "one value", "text"),
    ],
)
def test_inputs(given: Input, accepts: str, row: Any) -> None:
    """Each kind of input is named, and has a row to begin with."""
    assert (accepts, row) == (words.accepts(given), schema.example(given))


PART = Output(kind="array", dtype="float64", shape=(None, 2), classes=("no", "yes"))


@pytest.mark.parametrize(
    ("output", "returned"),
    [
        (Output(kind="array", dtype="float64", shape=(None, 3), classes=(0, 1, 2)), "array (rows, 3) of float64; classes 0, 1, 2"),
        (Output(kind="array", dtype="<U3", shape=(None,), meaning="labels", classes=("no", "yes")),
         "labels: array of <U3; classes no, yes"),
        (Output(kind="sparse", dtype="float64", shape=(None, 2), name="csr_matrix", meaning="features", names=("a", "b")),
         "features: csr_matrix (rows, 2) of float64; columns a, b"),
        (Output(kind="list", meaning="probabilities", parts=(PART, PART)),
         "probabilities: list of array (rows, 2) of float64; array (rows, 2) of float64"),
        (Output(kind="list", each=Output(kind="array", dtype="int64", shape=(None,))), "list, one array of int64 a call"),
    ],
)  # fmt: skip
def test_outputs(output: Output, returned: str) -> None:
    """An output is named with its meaning, shape, dtype, and the classes or names of its columns."""
    assert returned == words.returns(output)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
