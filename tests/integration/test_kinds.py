"""Each kind of rows and answers on the whole walk: what `ep` gives back is what the notebook's own model gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import StandardScaler

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.home import Home

TABLE = pd.DataFrame(
    {"age": [18.0, 40.0, 63.0, 71.0], "dose": [1.5, np.nan, 0.5, 2.5]}, index=pd.Index(["ann", "bob", "cy", "dee"], name="who")
)
SEVERAL = np.array([["no", "low"], ["yes", "mid"], ["no", "high"], ["yes", "low"]])


def test_sparse_rows_and_answers(shared_home: Home) -> None:
    """A sparse matrix goes out as objects of what is not zero, and a sparse matrix of the same class comes back."""
    counts = CountVectorizer().fit_transform(["one fish two fish", "red fish", "blue bird", "one bird"])
    model = TfidfTransformer().fit(counts)

    endpoint = jd.deploy(model, name="words", example=counts, wait=True)
    got: Any = endpoint.transform(counts[:3])

    expected = model.transform(counts[:3])
    assert (type(expected), expected.dtype, expected.shape) == (type(got), got.dtype, got.shape)
    np.testing.assert_allclose(expected.toarray(), got.toarray(), rtol=1e-9)
    assert isinstance(expected, sparse.csr_matrix | sparse.csr_array)


def test_several_outputs_and_infinite_numbers(shared_home: Home) -> None:
    """A list with one array for each output comes back, infinite numbers included, and the classes of each are told."""
    rows = TABLE.fillna(1.0)
    model = RandomForestClassifier(5, random_state=0).fit(rows, SEVERAL)

    endpoint = jd.deploy(model, name="several", example=rows, wait=True)

    np.testing.assert_array_equal(model.predict(rows), endpoint.predict(rows))
    for expected, got in zip(model.predict_log_proba(rows), endpoint.predict_log_proba(rows), strict=True):
        assert np.isinf(expected).any()
        np.testing.assert_allclose(expected, got, rtol=1e-9)
    method = endpoint.contract.method("predict_proba")
    assert [("no", "yes"), ("high", "low", "mid")] == [tuple(one.classes) for one in method.output.parts]


def test_tables_keep_the_callers_index(shared_home: Home) -> None:
    """A table comes back as one, with the index that was sent; what was never missing in the notebook may not be missing now."""
    model = StandardScaler().set_output(transform="pandas").fit(TABLE)

    endpoint = jd.deploy(model, name="table", example=TABLE, wait=True)

    asked = TABLE[::-1]
    pd.testing.assert_frame_equal(model.transform(asked), endpoint.transform(asked))
    with pytest.raises(errors.CallFailed, match=r"rows\[0\]\.age: expected a number, got null"):
        endpoint.transform([{"age": None, "dose": None}])
