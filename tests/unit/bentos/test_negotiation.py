"""What a caller sends and takes: media types read strictly, answers in the type that is asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Method, Output
from jupyter_deploy.bentos.python.endpoint.exchange import Request
from jupyter_deploy.bentos.python.endpoint.formats import READERS, arrow, csvs, exchange_of, npy, reader_of
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from jupyter_deploy.bentos.python.endpoint.model import BoundMethod
from jupyter_deploy.bentos.python.endpoint.negotiation import best, parse
from jupyter_deploy.bentos.python.endpoint.problems import NotJson
from tests.unit.bentos.conftest import Caller

OFFERED = ["application/json", "text/csv", "application/x-npy"]
ACCEPTED = {
    "": "application/json",
    "*/*": "application/json",
    "text/csv": "text/csv",
    "TEXT/CSV": "text/csv",
    "text/*": "text/csv",
    "text/csv;q=0.5, application/x-npy": "application/x-npy",
    "text/csv;q=0.5, */*;q=0.1": "text/csv",
    "application/*;q=0.2, text/csv;q=0.1": "application/json",
    "application/json;q=0, */*": "text/csv",
    "text/csv; header=present; q=0.9, application/json;q=0.8": "text/csv",
    "image/png, application/json": "application/json",
    "image/png": None,
    "text/csv;q=0": None,
    "text/csv;q=x": None,
    "nonsense": None,
    "application/*;q=0": None,
}  # fmt: skip
READ = {
    "": "application/json", "application/json": "application/json", "Application/JSON ; charset=UTF-8": "application/json",
    "application/vnd.api+json": "application/json", "text/csv": "text/csv", 'text/csv; charset="utf-8"': "text/csv",
    "application/x-npy": "application/x-npy", "application/vnd.apache.arrow.stream": "application/vnd.apache.arrow.stream",
}  # fmt: skip
REFUSED = [
    "application/jsonx", "application/json, text/csv", "application/json; charset=latin-1", "application/json; charset",
    "application/json; charset=utf-8; charset=utf-8", "application/json; evil=1", "json", "application/", "/json", "text/html",
    "text/json", "application/json\n", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
    "text/csv; header=maybe",
    "application/vnd.apache.arrow.file", "application/octet-stream", "application/x-npy; version=1", "application/json;" * 200,
    "application/json; a=" + "\\" * 500,
]  # fmt: skip
PICKLES = [
    f"{kind}{suffix}"
    for kind in (
        "application/vnd.bentoml+pickle", "application/x-pickle", "application/pickle", "application/python-pickle",
        "application/x-python-pickle", "APPLICATION/VND.BENTOML+PICKLE", "application/octet-stream+pickle", "text/pickle",
        "application/vnd.python.pickle", "application/x-joblib",
    )
    for suffix in ("", "; charset=utf-8", ";q=1", " ; protocol=5")
]  # fmt: skip


@pytest.mark.parametrize(("accept", "expected"), ACCEPTED.items())
def test_the_best_type_is_answered(accept: str, expected: str | None) -> None:
    """What the caller likes best is answered, what is told of a type before what is told of all."""
    assert expected == best(accept.encode(), OFFERED)


@pytest.mark.parametrize(("sent", "expected"), READ.items())
def test_content_types_are_read(sent: str, expected: str) -> None:
    """Each type has one reader, however it is spelt."""
    assert READERS[expected] == reader_of(sent.encode())


@pytest.mark.parametrize("sent", [*REFUSED, *PICKLES])
def test_other_content_types_are_refused(sent: str) -> None:
    """Nothing is guessed: what is not exactly one of ours is refused, pickles in every spelling."""
    with pytest.raises(NotJson):
        reader_of(sent.encode())


def test_a_type_with_an_escaped_parameter() -> None:
    """A quoted parameter means what it says."""
    kind = parse(rb'text/csv; header="pre\sent"')

    assert kind is not None
    assert {"header": "present"} == kind.parameters


@pytest.mark.parametrize(("accept", "status"), [("image/png", 406), ("text/csv;q=0", 406), ("*/*", 200), ("text/csv", 200)])
def test_nobody_is_answered_what_they_do_not_take(make_app: Callable[..., HotPath], accept: str, status: int) -> None:
    """Where none of the types fits, the model is not asked."""
    got = Caller(make_app())("POST", "/predict", json=[[1, 2, 3]], headers={"accept": accept})

    assert status == got.status_code


ANSWERS: dict[str, Any] = {
    "vector": np.array([0.5, -1.5]), "whole": np.array([1, 2]), "labels": np.array(["a", "b"], dtype=object),
    "short": np.array([0.5, 2], dtype="float32"), "truth": np.array([True, False]), "matrix": np.array([[0.25, 0.75], [1, 0]]),
    "gaps": np.array([np.nan, np.inf]), "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    "series": pd.Series([1.5, 2.5], name="y"),
    "dates": np.array(["2024-01-31", "2024-02-01"], dtype="datetime64[D]"), "texts": ["x", "y"], "objects": [{"a": 1}, {"b": [2]}],
    "parts": (np.array([1.5, 2]), np.array([1, 2])), "dict": {"mean": np.array([1.5, 2]), "std": np.array([0.5, 0])},
    "image": np.arange(8.0).reshape(2, 2, 2), "truly mixed": [1, "a"],
}  # fmt: skip


def written(name: str, media: str, *, alone: bool) -> bytes:
    """Write an answer of two rows, as the model gave it or out of a batch."""
    answer = ANSWERS[name]
    method = Method(name="predict", input=codec.describe_input(np.ones((2, 1))), output=codec.describe_output(answer, 2))
    bound = BoundMethod(method, lambda rows: answer if len(rows) == 2 else _twice(answer))
    part = bound.decoder.parse(b"[[1],[2]]")
    answers = bound.ask([part])[0] if alone else bound.ask([part, part])[1]
    return exchange_of(method)(Request("POST", "/predict", [(b"accept", media.encode())])).write(answers, method)


def _twice(answer: Any) -> Any:
    if isinstance(answer, pd.DataFrame | pd.Series):
        return pd.concat([answer, answer], ignore_index=True)
    if isinstance(answer, tuple):
        return tuple(_twice(one) for one in answer)
    if isinstance(answer, dict):
        return {name: _twice(one) for name, one in answer.items()}
    return answer * 2 if isinstance(answer, list) else np.concatenate([answer, answer])


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("media", [csvs.MEDIA_TYPE, arrow.MEDIA_TYPE, npy.MEDIA_TYPE])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_says_the_same_in_every_type(name: str, media: str, *, alone: bool) -> None:
    """However an answer is written, and whether the request was alone or not, it says what the model gave."""
    if media == npy.MEDIA_TYPE and not (isinstance(ANSWERS[name], np.ndarray | pd.Series)):
        return
    body = written(name, media, alone=alone)
    told = [[str(one) for one in row] for row in rows_of(body, media)]

    assert [[str(one) for one in row] for row in EXPECTED.get((name, media)) or EXPECTED[name]] == told


EXPECTED: dict[Any, list[list[Any]]] = {
    "vector": [[0.5], [-1.5]], "whole": [[1], [2]], "labels": [["a"], ["b"]], "short": [[0.5], [2.0]], "truth": [[True], [False]],
    "matrix": [[0.25, 0.75], [1.0, 0.0]], "gaps": [["nan"], ["inf"]], "frame": [[1, "x"], [2, None]], "series": [[1.5], [2.5]],
    "dates": [["2024-01-31"], ["2024-02-01"]], "texts": [["x"], ["y"]], "objects": [['{"a":1}'], ['{"b":[2]}']],
    "parts": [[1.5, 1], [2.0, 2]], "dict": [[1.5, 0.5], [2.0, 0.0]], "truly mixed": [["1"], ['"a"']],
    "image": [[[[0.0, 1.0], [2.0, 3.0]]], [[[4.0, 5.0], [6.0, 7.0]]]],
    ("truth", csvs.MEDIA_TYPE): [["true"], ["false"]], ("gaps", csvs.MEDIA_TYPE): [[""], ["Infinity"]],
    ("frame", csvs.MEDIA_TYPE): [[1, "x"], [2, ""]], ("truly mixed", csvs.MEDIA_TYPE): [["1"], ["a"]],
    ("image", csvs.MEDIA_TYPE): [["[[0.0,1.0],[2.0,3.0]]"], ["[[4.0,5.0],[6.0,7.0]]"]],
    ("image", npy.MEDIA_TYPE): [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]],
}  # fmt: skip


def rows_of(body: bytes, media: str) -> list[list[Any]]:
    """Read an answer as its callers do."""
    if media == npy.MEDIA_TYPE:
        array = np.load(io.BytesIO(body), allow_pickle=False)
        return [[one] for one in array.tolist()] if array.ndim == 1 else array.tolist()
    if media == csvs.MEDIA_TYPE:
        return list(csv.reader(io.StringIO(body.decode(), newline="")))[1:]
    table = pa.ipc.open_stream(body).read_all()
    return [list(row.values()) for row in table.to_pylist()]


def test_columns_are_called_as_the_contract_says() -> None:
    """Probabilities have their classes' names, a single column that of the method, others are numbered."""
    matrix = np.array([[0.25, 0.75]])

    def names(output: Output) -> list[str]:
        method = Method(name="predict_proba", input=codec.describe_input(matrix), output=output)
        bound = BoundMethod(method, lambda rows: rows)
        (answers,) = bound.ask([bound.decoder.parse(b"[[0.25,0.75]]")])
        request = Request("POST", "/predict_proba", [(b"accept", b"text/csv")])
        return exchange_of(method)(request).write(answers, method).decode().splitlines()[0].split(",")

    shape = {"kind": "array", "shape": (None, 2), "dtype": "float64"}
    assert ["no", "yes"] == names(Output(**shape, meaning="probabilities", classes=("no", "yes")))
    assert ["predict_proba_0", "predict_proba_1"] == names(Output(**shape))
