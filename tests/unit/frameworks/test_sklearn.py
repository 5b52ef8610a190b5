"""scikit-learn's estimators: what can answer, by which methods, and what is known of the features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, KMeans
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from jupyter_deploy import errors
from jupyter_deploy.frameworks.sklearn import Sklearn
from jupyter_deploy.values import Column, Input

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]] * 3)
Y = np.array([0, 1, 0, 1] * 3)


class Own(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator of the user's own, which keeps what it learns under a name without an underscore."""

    def fit(self, rows: Any, answers: Any) -> Own:
        """Learn the mean."""
        self.mean = np.mean(answers)
        return self

    def predict(self, rows: Any) -> Any:
        """Answer the mean."""
        return np.full(len(rows), self.mean)


@pytest.mark.parametrize(
    ("model", "methods"),
    [
        (LogisticRegression().fit(X, Y), ("predict", "predict_proba", "predict_log_proba", "decision_function")),
        (SVC().fit(X, Y), ("predict", "decision_function")),
        (Ridge().fit(X, Y), ("predict",)),
        (KMeans(2, n_init=1).fit(X), ("predict", "transform")),
        (PCA(1).fit(X), ("score_samples", "transform", "inverse_transform")),
        (IsolationForest(n_estimators=2).fit(X), ("predict", "decision_function", "score_samples")),
        (make_pipeline(StandardScaler(), Ridge()).fit(X, Y), ("predict",)),
        (make_pipeline(StandardScaler(), PCA(1)).fit(X), ("score_samples", "transform", "inverse_transform")),
        (GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2).fit(X, Y), ("predict",)),
        (make_pipeline(StandardScaler(), "passthrough").fit(X), ("transform", "inverse_transform")),
        (FunctionTransformer(), ("transform", "inverse_transform")),
        (NearestNeighbors(n_neighbors=1).fit(X), ("kneighbors",)),
        (HashingVectorizer(), ("transform",)),
        (Own().fit(X, Y), ("predict",)),
        (make_pipeline(StandardScaler(), Own()).fit(X, Y), ("predict",)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_methods(model: Any, methods: tuple[str, ...]) -> None:
    """Fitted estimators are accepted with the methods that they have."""
    framework = Sklearn()
    assert framework.accepts(model)
    framework.check(model, "model")

    assert methods == framework.methods(model)


@pytest.mark.parametrize(
    "model", [Ridge(), make_pipeline(StandardScaler(), Ridge()), GridSearchCV(Ridge(), {"alpha": [1]}), TfidfVectorizer()], ids=str
)
def test_unfitted(model: Any) -> None:
    """An unfitted estimator is refused by its name."""
    with pytest.raises(errors.NotDeployable, match=f"`m` is a {type(model).__name__} that has not been fitted"):
        Sklearn().check(model, "m")


@pytest.mark.parametrize(
    ("model", "message", "hint"),
    [
        (DBSCAN(), "`m` is a DBSCAN, which has none of the methods", "It answers only for the data that it was fitted on"),
        (EmpiricalCovariance(), "`m` is an EmpiricalCovariance, which has none", "To ask it something else, deploy a function "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_to_ask(model: Any, message: str, hint: str) -> None:
    """An estimator that only labels the data it was fitted on, or knows something else of it, is refused with what to do."""
    with pytest.raises(errors.NotDeployable) as raised:
        Sklearn().check(model.fit(X), "m")

    assert raised.value.message.startswith(message)
    assert raised.value.hint.startswith(hint)


def test_not_taken() -> None:
    """What is no estimator is left to other frameworks."""
    framework = Sklearn()

    assert [False] * 4 == [framework.accepts(one) for one in (3, len, dict, np.array([1]))]
    assert framework.accepts(Ridge)


def test_missing_values_are_taken_by_those_that_say_so() -> None:
    """What nothing in the notebook shows, the model's tags tell: whether a value may be missing."""
    known = [Sklearn().contract(model.fit(X, Y)) for model in (Ridge(), HistGradientBoostingRegressor(max_iter=1))]

    assert [False, True] == [one is not None and one.nullable for one in known]


def test_known_features() -> None:
    """A model knows the names of its columns, or their number, also through a pipeline; a text pipeline knows nothing."""
    table = pd.DataFrame(X, columns=["a", "b"])
    frame = Input(kind="frame", columns=(Column(name="a", dtype="float64"), Column(name="b", dtype="float64")))
    framework = Sklearn()

    assert frame == framework.contract(Ridge().fit(table, Y))
    assert frame == framework.contract(make_pipeline(StandardScaler(), Ridge()).fit(table, Y))
    assert Input(kind="array", shape=(None, 2), dtype="float64") == framework.contract(Ridge().fit(X, Y))
    assert framework.contract(make_pipeline(TfidfVectorizer(), Ridge()).fit(["a bc", "de f"], [0, 1])) is None
