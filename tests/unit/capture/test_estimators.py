"""Every estimator of scikit-learn that can predict or transform is captured, and answers as in the notebook."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from scipy import sparse

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as worker
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture, Method
from tests import estimators

CAN = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")
CANNOT = {
    "AgglomerativeClustering", "ClassicalMDS", "DBSCAN", "EmpiricalCovariance", "GraphicalLasso", "GraphicalLassoCV", "HDBSCAN",
    "LedoitWolf", "MDS", "MinCovDet", "OAS", "OPTICS", "ShrunkCovariance", "SpectralBiclustering", "SpectralClustering",
    "SpectralCoclustering", "SpectralEmbedding", "TSNE",
}  # fmt: skip
"""Those that answer only for the data that they were fitted on, or know no rows at all."""


SPARSELY = {"KBinsDiscretizer", "KNeighborsTransformer", "RadiusNeighborsTransformer", "RandomTreesEmbedding"}
"""Those whose answers are sparse, and that refuse to make tables of them."""

DENSELY = {"PCA"}
"""Those that take sparse rows only where they are told to solve otherwise."""


def captured(model: Any, rows: Any, folder: Path) -> tuple[Capture, worker.Model]:
    """Capture a model that a cell asked, and load what was captured as a worker does."""
    asked = "transform" if hasattr(model, "transform") else "predict"
    cells = [(1, f"model.{asked}(X)"), (2, "model.kneighbors(X)" if hasattr(model, "kneighbors") else "")]
    namespace = {"__name__": "__main__", "model": model, "X": rows}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        taken = capture("model", namespace, name="model", folder=folder, cells=cells)
        return taken, worker.load(folder)


def answered(loaded: worker.Model, method: Method, rows: Any) -> Any:
    """Ask a loaded model as `ep` asks an endpoint."""
    body = codec.to_json({"rows": codec.encode_input(rows, method.input)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictions = json.loads(loaded.methods[method.name](body))["predictions"]
    return codec.decode_answer(predictions, method.output, rows.index if hasattr(rows, "iloc") else None)


def assert_same(expected: Any, got: Any) -> None:
    """Hold an answer against another one: kind, dtype, shape, names and numbers."""
    assert type(expected) is type(got)
    if isinstance(expected, list | tuple):
        assert len(expected) == len(got)
        for one, other in zip(expected, got, strict=True):
            assert_same(one, other)
    elif isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(expected, got, atol=1e-6)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(expected, got)
    elif sparse.issparse(expected):
        assert (expected.dtype, expected.shape) == (got.dtype, got.shape)
        np.testing.assert_allclose(expected.toarray(), got.toarray(), rtol=1e-6, atol=1e-9)
    elif expected.dtype.kind == "f":
        assert (expected.dtype, expected.shape) == (got.dtype, got.shape)
        np.testing.assert_allclose(expected, got, rtol=1e-6, atol=1e-9)
    else:
        np.testing.assert_array_equal(expected, got, strict=True)


def check_schema(folder: Path) -> None:
    """Hold golden rows and answers to the JSON schema that `contract.json` is."""
    document = json.loads((folder / "contract.json").read_bytes())
    Draft202012Validator.check_schema(document)
    for one in json.loads((folder / "golden.json").read_bytes()):
        Draft202012Validator(document).validate({one["method"]: {"rows": one["rows"], "predictions": one["answers"]}})


def hold_to_its_word(model: Any, rows: Any, folder: Path) -> Capture:
    """Capture a model, and see that every method that it has answers from afar as it does here."""
    taken, loaded = captured(model, rows, folder)

    assert not [one for one in taken.findings if one.kind == "contract"]
    check_schema(folder)
    assert [one for one in CAN if hasattr(model, one)] == [one.name for one in taken.contract.methods if one.name in CAN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in taken.contract.methods:
            assert_same(getattr(model, method.name)(rows), answered(loaded, method, rows))
    return taken


@pytest.mark.parametrize("name", estimators.names())
def test_estimators_answer_as_in_the_notebook(name: str, tmp_path: Path) -> None:
    """Each method of each estimator has a contract, and gives its own kind of answer through JSON, or the estimator is refused."""
    data = estimators.data_of(name)
    model = estimators.fit(name, data)

    if name in CANNOT:
        with pytest.raises(errors.NotDeployable, match=f"`model` is an? {name}, which has none of the methods predict, "):
            captured(model, data.X, tmp_path)
        return
    hold_to_its_word(model, data.X, tmp_path)


NUMERIC = [name for name in estimators.names() if name not in CANNOT and estimators.data_of(name).X is estimators.X]
"""Those that answer about rows of plain numbers."""


@pytest.mark.parametrize("name", [name for name in NUMERIC if hasattr(estimators.make(name), "set_output")])
def test_tables_come_back_as_tables(name: str, tmp_path: Path) -> None:
    """What was fitted on a table, and told to give back tables, does so from afar: names, types and index."""
    rows = pd.DataFrame(estimators.X, columns=["height", "weight", "age", "dose"], index=[f"row {at}" for at in range(24)])
    model = estimators.make(name)
    if name not in SPARSELY:
        model.set_output(transform="pandas")
    model = estimators.fit(name, estimators.data_of(name)._replace(X=rows), model)

    taken = hold_to_its_word(model, rows, tmp_path)

    assert list(rows.columns) == [column.name for column in taken.contract.methods[0].input.columns]


def takes_sparse(name: str) -> bool:
    """Ask an estimator whether it takes sparse rows."""
    model = estimators.make(name)
    tags = model.__sklearn_tags__() if hasattr(model, "__sklearn_tags__") else None
    return bool(tags.input_tags.sparse if tags is not None else "sparse" in model._get_tags()["X_types"])


@pytest.mark.parametrize("name", [name for name in NUMERIC if name not in DENSELY and takes_sparse(name)])
def test_sparse_rows_reach_the_model_as_such(name: str, tmp_path: Path) -> None:
    """What was asked with a sparse matrix gets one of the same class from afar, and its sparse answers come back as such."""
    rows = sparse.csr_array(np.where(estimators.X > 1.5, estimators.X, 0.0))
    model = estimators.fit(name, estimators.data_of(name)._replace(X=rows))

    taken = hold_to_its_word(model, rows, tmp_path)

    assert ("sparse", "csr_array") == (taken.contract.methods[0].input.kind, taken.contract.methods[0].input.name)
