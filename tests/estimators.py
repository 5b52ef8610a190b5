"""Every estimator of scikit-learn, with data that suits it: what the tests fit, capture and ask."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sklearn.experimental.enable_halving_search_cv
import sklearn.experimental.enable_iterative_imputer  # noqa: F401 (both make estimators known)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators

ROWS = 24


class Data(NamedTuple):
    """What an estimator is fitted on.

    Attributes:
        X: The rows; also what its methods are asked with.
        y: The targets.
    """

    X: Any
    y: Any


def matrix(columns: int = 4) -> Any:
    """Positive numbers with some structure, the same ones each time."""
    return np.random.default_rng(0).gamma(2.0, 1.0, (ROWS, columns)).round(3) + 0.1


LABELS = np.array(["no", "perhaps", "yes"])[np.arange(ROWS) % 3]
X = matrix()
X[:, 0] += np.arange(ROWS) % 3  # so that classes can be told apart
NUMBERS = X[:, 0] + X[:, 1]
SEVERAL = np.column_stack([NUMBERS, X[:, 2]])
TEXTS = ["one fish", "two fish", "red fish", "blue bird"] * 6
RECORDS = [{"colour": "red", "size": 1.5}, {"colour": "blue", "size": 2.0}, {"size": 3.0}] * 8
CATEGORIES = pd.DataFrame({"plan": ["a", "b", "c"] * 8, "city": pd.Categorical(["Rome", "Oslo"] * 12)})
BINARY = np.column_stack([np.arange(ROWS) % 2, np.arange(ROWS) // 2 % 2])

SMALL: dict[str, Any] = {
    "n_estimators": 3, "max_iter": 20, "cv": 2, "n_init": 1, "n_components": 2, "n_clusters": 3, "n_neighbors": 3,
    "random_state": 0, "n_subsets": 1, "max_subpopulation": 20, "n_resampling": 5, "n_refinements": 1,
}  # fmt: skip
"""Parameters that are set wherever an estimator has them, so that fitting takes milliseconds."""

KEPT: dict[str, tuple[str, ...]] = {
    "LinearDiscriminantAnalysis": ("n_components",), "TSNE": ("max_iter",),
}  # fmt: skip
"""Parameters of `SMALL` that an estimator keeps as they are."""

MAKE: dict[str, Callable[[Any], Any]] = {
    "ClassifierChain": lambda kind: kind(LogisticRegression()),
    "ColumnTransformer": lambda kind: kind([("scaled", StandardScaler(), [0, 1]), ("ranged", MinMaxScaler(), [2, 3])]),
    "FeatureHasher": lambda kind: kind(n_features=16),
    "FeatureUnion": lambda kind: kind([("scaled", StandardScaler()), ("ranged", MinMaxScaler())]),
    "FixedThresholdClassifier": lambda kind: kind(GaussianNB()),
    "FrozenEstimator": lambda kind: kind(GaussianNB().fit(X, LABELS)),
    "GridSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    "HalvingGridSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, random_state=0),
    "HalvingRandomSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, random_state=0),
    "IsotonicRegression": lambda kind: kind(out_of_bounds="clip"),
    "LocalOutlierFactor": lambda kind: kind(n_neighbors=3, novelty=True),
    "MultiOutputClassifier": lambda kind: kind(GaussianNB()),
    "MultiOutputRegressor": lambda kind: kind(Ridge()),
    "OneVsOneClassifier": lambda kind: kind(LogisticRegression()),
    "OneVsRestClassifier": lambda kind: kind(LogisticRegression()),
    "OrthogonalMatchingPursuitCV": lambda kind: kind(max_iter=3, cv=2),
    "OutputCodeClassifier": lambda kind: kind(LogisticRegression(), random_state=0),
    "PatchExtractor": lambda kind: kind(patch_size=(2, 2)),
    "Pipeline": lambda kind: kind([("scaled", StandardScaler()), ("model", LogisticRegression())]),
    "RANSACRegressor": lambda kind: kind(Ridge(), min_samples=5, random_state=0),
    "RFE": lambda kind: kind(LogisticRegression()),
    "RFECV": lambda kind: kind(LogisticRegression(), cv=2),
    "RadiusNeighborsClassifier": lambda kind: kind(radius=50.0),
    "RadiusNeighborsRegressor": lambda kind: kind(radius=50.0),
    "RandomizedSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}, n_iter=2, cv=2, random_state=0),
    "RegressorChain": lambda kind: kind(Ridge()),
    "SelectFromModel": lambda kind: kind(LogisticRegression()),
    "SelectKBest": lambda kind: kind(k=2),
    "SelfTrainingClassifier": lambda kind: kind(GaussianNB()),
    "SequentialFeatureSelector": lambda kind: kind(GaussianNB(), n_features_to_select=2, cv=2),
    "SpectralBiclustering": lambda kind: kind(2, random_state=0, n_best=2, n_components=3),
    "SparseCoder": lambda kind: kind(matrix()[:3]),
    "SplineTransformer": lambda kind: kind(n_knots=3),
    "StackingClassifier": lambda kind: kind([("bayes", GaussianNB()), ("line", LogisticRegression())], cv=2),
    "StackingRegressor": lambda kind: kind([("ridge", Ridge()), ("other", Ridge(2.0))], cv=2),
    "TransformedTargetRegressor": lambda kind: kind(Ridge(), func=np.log, inverse_func=np.exp),
    "TunedThresholdClassifierCV": lambda kind: kind(GaussianNB(), cv=2),
    "VotingClassifier": lambda kind: kind([("bayes", GaussianNB()), ("line", LogisticRegression())], voting="soft"),
    "VotingRegressor": lambda kind: kind([("ridge", Ridge()), ("other", Ridge(2.0))]),
}

CLASSIFYING = frozenset({
    "GridSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "RandomizedSearchCV", "Pipeline", "RFE", "RFECV", "SelectFdr",
    "SelectFpr", "SelectFromModel", "SelectFwe", "SelectKBest", "SelectPercentile", "SequentialFeatureSelector",
    "NeighborhoodComponentsAnalysis",
})  # fmt: skip
"""What needs labels as targets, though it is no classifier, or only as much of one as what it wraps."""

DATA: dict[str, Data] = {
    "CategoricalNB": Data(BINARY, LABELS),
    "ClassifierChain": Data(X, BINARY),
    "ComplementNB": Data(X, LABELS),
    "CountVectorizer": Data(TEXTS, None),
    "DictVectorizer": Data(RECORDS, None),
    "FeatureHasher": Data(RECORDS, None),
    "HashingVectorizer": Data(TEXTS, None),
    "FixedThresholdClassifier": Data(X, BINARY[:, 0]),
    "TunedThresholdClassifierCV": Data(X, BINARY[:, 0]),
    "IsotonicRegression": Data(X[:, 0], NUMBERS),
    "KernelCenterer": Data(X @ X.T, None),
    "LabelBinarizer": Data(LABELS, None),
    "LabelEncoder": Data(LABELS, None),
    "MissingIndicator": Data(np.where(X > 4, np.nan, X), None),
    "MultiLabelBinarizer": Data([{"a", "b"}, {"c"}, {"a"}] * 8, None),
    "MultiOutputClassifier": Data(X, np.column_stack([LABELS, LABELS[::-1]])),
    "OneHotEncoder": Data(CATEGORIES, None),
    "OrdinalEncoder": Data(CATEGORIES, None),
    "PatchExtractor": Data(np.arange(ROWS * 16.0).reshape(ROWS, 4, 4), None),
    "SelfTrainingClassifier": Data(X, np.where(np.arange(ROWS) % 5, np.arange(ROWS) % 3, -1)),
    "TSNE": Data(np.tile(X, (2, 1)), None),
    "TargetEncoder": Data(CATEGORIES, NUMBERS),
    "TfidfVectorizer": Data(TEXTS, None),
    **dict.fromkeys(("CCA", "PLSCanonical", "PLSRegression", "PLSSVD", "MultiOutputRegressor", "RegressorChain",
                     "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"), Data(X, SEVERAL)),
    **dict.fromkeys(("KNNImputer", "SimpleImputer", "IterativeImputer", "HistGradientBoostingClassifier"),
                    Data(np.where(X > 4, np.nan, X), LABELS)),
}  # fmt: skip


def names() -> list[str]:
    """List every estimator by name."""
    return sorted(_kinds())


@functools.cache
def _kinds() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(all_estimators())


def data_of(name: str) -> Data:
    """Give an estimator its data: its own, or numbers, with targets of its kind."""
    bases = {base.__name__ for base in _kinds()[name].__mro__}
    return DATA.get(name) or Data(X, LABELS if name in CLASSIFYING or "ClassifierMixin" in bases else NUMBERS)


def fit(name: str, data: Data, made: Any = None) -> Any:
    """Fit an estimator, made here or given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(name) if made is None else made
        takes = inspect.signature(model.fit).parameters
        return model.fit(data.X, data.y) if len(takes) > 1 else model.fit(data.X)


def make(name: str) -> Any:
    """Make an estimator that is fitted in milliseconds."""
    kind = _kinds()[name]
    if name in MAKE:
        return MAKE[name](kind)
    known = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in SMALL.items() if key in known and key not in KEPT.get(name, ())})
