"""What each method takes and gives back: its own rows, its own kind of answer, and what the answer means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as worker
from jupyter_deploy.bentos.python.endpoint.problems import InvalidInput
from jupyter_deploy.capture import capture
from jupyter_deploy.capture.asking.kinds import difference
from jupyter_deploy.values import Capture, Method, Output

X = np.arange(24.0).reshape(8, 3) % 7
TABLE = pd.DataFrame(X, columns=["a", "b", "c"], index=list("stuvwxyz"))
LABELS = np.array(["no", "yes"] * 4)


def take(folder: Path, *cells: str, **variables: Any) -> Capture:
    """Capture the variable `model` of a notebook with some cells."""
    namespace = {"__name__": "__main__", **variables}
    return capture("model", namespace, name="model", folder=folder, cells=[(at, cell) for at, cell in enumerate(cells, 1)])


def ask(folder: Path, method: Method, rows: Any) -> Any:
    """Ask what was captured as `ep` asks an endpoint."""
    body = codec.to_json({"rows": codec.encode_input(rows, method.input)})
    predictions = json.loads(worker.load(folder).methods[method.name](body))["predictions"]
    return codec.decode_answer(predictions, method.output, rows.index if hasattr(rows, "iloc") else None)


def method_of(taken: Capture, name: str) -> Method:
    """Find a method in a capture's contract."""
    found = taken.contract.method(name)
    assert found is not None
    return found


def output_of(folder: Path, model: Any, rows: Any, name: str) -> Output:
    """Capture a model and find what one of its methods returns."""
    return method_of(take(folder, "model.predict(X)", model=model, X=rows), name).output


@pytest.mark.parametrize(
    ("model", "there", "back"),
    [
        (StandardScaler().fit(TABLE), TABLE, X),
        (PCA(2).fit(X), X, X[:, :2]),
        (LabelEncoder().fit(LABELS), LABELS, np.array([0, 1, 1])),
    ],
    ids=["scaler", "narrower", "labels"],
)
def test_each_method_takes_its_own_rows(model: Any, there: Any, back: Any, tmp_path: Path) -> None:
    """A method that goes backwards has the input that the notebook called it with, and is no route where it was not called."""
    taken = take(tmp_path, "model.transform(X)", "model.inverse_transform(Z)", model=model, X=there, Z=back)

    for name, rows in (("transform", there), ("inverse_transform", back)):
        got = ask(tmp_path, method_of(taken, name), rows)
        np.testing.assert_array_equal(getattr(model, name)(rows), got)
    assert method_of(taken, "transform").input != method_of(taken, "inverse_transform").input
    forward = take(tmp_path / "again", "model.transform(X)", model=model, X=there)
    assert "inverse_transform" not in [one.name for one in forward.contract.methods]


SHOP = """
class Shop:
    def predict(self, table):
        return table["a"].to_numpy() * 2
    def transform(self, texts):
        return [text.upper() for text in texts]
model = Shop()
"""


def test_methods_of_one_class_may_take_different_things(session: Any) -> None:
    """A method that does not take what the first one takes is asked what the notebook called it with."""
    session.namespace.update(T=TABLE, words=["x", "y"])
    taken = session.run(SHOP, "model.predict(T)", "model.transform(words)").capture("model")

    assert [("predict", "frame"), ("transform", "list")] == [(one.name, one.input.kind) for one in taken.contract.methods]
    assert ["Q"] == ask(Path(taken.folder), method_of(taken, "transform"), ["q"])
    assert not [one for one in taken.findings if one.kind == "contract"]


def test_a_method_whose_rows_are_gone_is_told(tmp_path: Path) -> None:
    """A method that nothing can be asked any more is left out, with the reason and what to do."""
    taken = take(tmp_path, "model.transform(X)", "model.inverse_transform(gone)", model=StandardScaler().fit(X), X=X)

    finding = next(one for one in taken.findings if one.kind == "contract")
    assert "`model.inverse_transform` is left out: the notebook no longer holds what it was called with." == finding.message
    assert "To have it, call `model.inverse_transform` in a cell" in finding.hint


@pytest.mark.parametrize("answer", ["table.reset_index(drop=True)[['a']]", "table[['a']] + 1", "table['a'].reset_index(drop=True)"])
def test_the_index_is_the_notebook_models_own(answer: str, session: Any) -> None:
    """A table keeps the index of the rows where the model's own does, and counts from 0 where that does."""
    session.namespace["T"] = TABLE
    taken = session.run(f"def model(table):\n    return {answer}", "own = model(T)").capture("model")

    own, got = session.namespace["own"], ask(Path(taken.folder), taken.contract.methods[0], TABLE)
    (pd.testing.assert_frame_equal if own.ndim == 2 else pd.testing.assert_series_equal)(own, got)


INDEXES = [
    pd.date_range("2024-01-01", periods=8, tz="UTC", name="at"),
    pd.MultiIndex.from_product([["x", "y"], range(4)], names=["k", "n"]),
    pd.RangeIndex(8, 24, 2), pd.Index([1.5] * 8),
]  # fmt: skip


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_any_index_comes_back(index: Any, tmp_path: Path) -> None:
    """Whatever the caller's index is, the answer has it."""
    model = StandardScaler().set_output(transform="pandas").fit(TABLE)
    taken = take(tmp_path, "model.transform(T)", model=model, T=TABLE)
    asked = TABLE.set_axis(index)

    pd.testing.assert_frame_equal(model.transform(asked), ask(tmp_path, method_of(taken, "transform"), asked))


def test_labels_are_told(tmp_path: Path) -> None:
    """A classifier's answers are labels out of its classes, and its probabilities have them as columns."""
    taken = take(tmp_path, "model.predict(X)", model=LogisticRegression().fit(X, LABELS), X=X)

    assert [
        ("labels", ("no", "yes")),
        ("probabilities", ("no", "yes")),
        ("log probabilities", ("no", "yes")),
        ("scores", None),
    ] == [(one.output.meaning, one.output.classes) for one in taken.contract.methods]


def test_labels_of_several_outputs_are_told(tmp_path: Path) -> None:
    """A classifier of several outputs tells the classes of each, and gives back a list with one array for each."""
    several = np.column_stack([LABELS, ["low", "mid"] * 3 + ["high"] * 2])
    model = RandomForestClassifier(3, random_state=0).fit(X, several)
    taken = take(tmp_path, "model.predict(X)", model=model, X=X)

    assert (("no", "yes"), ("high", "low", "mid")) == method_of(taken, "predict").output.classes
    chances = method_of(taken, "predict_proba")
    assert [("no", "yes"), ("high", "low", "mid")] == [one.classes for one in chances.output.parts]
    for name in ("predict_proba", "predict_log_proba"):  # the second one has infinite numbers
        for expected, got in zip(getattr(model, name)(X), ask(tmp_path, method_of(taken, name), X), strict=True):
            np.testing.assert_array_equal(expected, got, strict=True)


def test_several_labels_of_one_row_have_names(tmp_path: Path) -> None:
    """Where a row has any of several labels, each column of the answer is one of them."""
    model = MLPClassifier(max_iter=5, random_state=0).fit(
        X, np.column_stack([LABELS == "no", LABELS == "yes", X[:, 0] > 2]).astype(int)
    )

    output = output_of(tmp_path, model, X, "predict")

    assert ("labels", ("0", "1", "2")) == (output.meaning, output.names)


def test_features_have_names(tmp_path: Path) -> None:
    """A transformer's columns are named as it names them itself, up to what people can read."""
    words = make_pipeline(TfidfVectorizer()).fit(["one fish", "two fish"])
    taken = take(tmp_path, "model.transform(X)", model=words, X=["fish two"])

    output = method_of(taken, "transform").output
    assert ("features", "sparse", ("fish", "one", "two")) == (output.meaning, output.kind, output.names)


def test_a_regressor_has_no_labels(tmp_path: Path) -> None:
    """What keeps no classes tells nothing of what its numbers mean."""
    output = output_of(tmp_path, LinearRegression().fit(X, X[:, 0]), X, "predict")

    assert (None, None) == (output.meaning, output.classes)


def test_null_is_refused_where_nothing_was_missing(session: Any) -> None:
    """A value may be missing only in a column in which one was missing in the notebook."""
    session.namespace["T"] = TABLE.assign(b=[np.nan, *range(7)])
    taken = session.run("def model(table):\n    return table[['a']] + 1", "model(T)").capture("model")
    loaded = worker.load(Path(taken.folder))

    assert b'{"predictions":[{"a":2.0}]}' == loaded.methods["predict"](b'[{"a": 1, "b": null, "c": 2}]')
    with pytest.raises(InvalidInput) as caught:
        loaded.methods["predict"](b'[{"a": 1, "b": 2, "c": null}]')
    assert [("rows[0].c", "expected a number, got null")] == list(caught.value.errors)


@pytest.mark.parametrize("repeated", [True, False])
def test_several_answers_a_row_are_grouped(repeated: bool, session: Any) -> None:
    """Where each row gets several answers they come together; where it cannot be known whose they are, the model is refused."""
    session.namespace["X"] = X
    put = "np.repeat(rows, 2, axis=0)" if repeated else "np.concatenate([rows, rows + 1])"
    session.run("import numpy as np", f"def model(rows):\n    return {put}", "model(X)")

    if not repeated:
        with pytest.raises(errors.NoContract, match="it gave 14 answers to 7 rows"):
            session.capture("model")
        return
    taken = session.capture("model")
    got = ask(Path(taken.folder), taken.contract.methods[0], X[:3])
    np.testing.assert_array_equal(np.repeat(X[:3], 2, axis=0), got, strict=True)


def test_a_changed_kind_is_told(session: Any) -> None:
    """Where JSON gives the model something else than the notebook did, though it answers alike, a person is told."""
    session.namespace["T"] = pd.DataFrame({"tags": pd.Series([{"a"}, {"b", "c"}], dtype=object)})

    taken = session.run("def model(table):\n    return [len(one) for one in table['tags']]", "model(T)").capture("model")

    told = (
        "JSON changes a kind, though no golden answer: "
        "of `model.predict`, what it is called with: column `tags` holds list instead of set."
    )
    assert [told] == [one.message for one in taken.findings if one.kind == "contract"]


@pytest.mark.parametrize(
    ("own", "got", "expected"),
    [
        (np.ones(2), [1.0, 1.0], "it is a list instead of a ndarray"),
        (np.ones(2), np.array(["a"]), "it is of <U1 instead of float64"),
        (np.ones(2), np.ones(2, dtype="float32"), ""),
        ([1, 2], [1, "2"], "it holds str instead of int"),
        ([(1, 2)], [[1, 2]], ""),
        ([np.ones(1)], [[1.0]], "it is a list instead of a ndarray"),
        (pd.Series([1, None], dtype=object), pd.Series([1, "a"], dtype=object), "it holds str instead of NoneType"),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]}), "column `a` is of float64 instead of int64"),
        (pl.Series([1.0, None]), pl.Series([1.0, None]), ""),
        (pl.Series([1.0]), pl.Series([1]), "it is of Int64 instead of Float64"),
    ],
)
def test_kinds_are_compared(own: Any, got: Any, expected: str) -> None:
    """Types, dtypes and what objects hold are told apart; how a number is stored is not."""
    assert expected == difference(own, got)


@pytest.mark.parametrize("answer", ["table.index.hour.to_numpy()", "(table.index.asi8 % 7)", "[at.hour for at in table.index]"])
def test_a_model_that_reads_the_index_is_told_to_take_a_column(answer: str, session: Any) -> None:
    """Whether it fails without the index of its rows or answers otherwise, the message says so, and not for other failures."""
    session.namespace["T"] = TABLE.set_index(pd.date_range("2024-01-01", periods=len(TABLE), freq="h"))
    session.run(f"def model(table):\n    return {answer}", "model(T)")
    session.run("def broken(table):\n    return table['gone']", "try:\n    broken(T)\nexcept KeyError:\n    pass")

    with pytest.raises(errors.NoContract) as caught:
        session.capture("model")
    with pytest.raises(errors.NoContract) as other:
        session.capture("broken")

    assert "the model reads the index of its rows, which no request carries; make it a column with `reset_index()`" in str(
        caught.value
    )
    assert "index" not in str(other.value)
