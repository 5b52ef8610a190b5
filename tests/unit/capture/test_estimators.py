"""Every estimator of scikit-learn that can predict or transform is captured, and answers as in the notebook."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
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
        predictions = json.loads(loaded.methods[method.name](body).body)["predictions"]
    return codec.decode_answer(predictions, method.output, rows.index if hasattr(rows, "iloc") else None)


def assert_same(expected: Any, got: Any) -> None:
    """Hold an answer against another one: kind, dtype, shape, names and numbers."""
    assert type(expected) is type(got)
    if isinstance(expected, list | tuple):
        assert len(expected) == len(got)
        for one, other in zip(expected, got, strict=True):
            assert_same(one, other)
    elif isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(expected, got)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(expected, got)
    elif sparse.issparse(expected):
        assert (expected.dtype, expected.shape) == (got.dtype, got.shape)
        np.testing.assert_allclose(expected.toarray(), got.toarray(), rtol=1e-6, atol=1e-9)
    elif expected.dtype.kind == "f":
        assert expected.dtype == got.dtype
        np.testing.assert_allclose(expected, got, rtol=1e-6, atol=1e-9, strict=True)
    else:
        np.testing.assert_array_equal(expected, got, strict=True)


def hold_to_its_word(model: Any, rows: Any, folder: Path) -> Capture:
    """Capture a model, and see that every method that it has answers from afar as it does here."""
    taken, loaded = captured(model, rows, folder)

    assert not [one for one in taken.findings if one.kind == "contract"]
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
