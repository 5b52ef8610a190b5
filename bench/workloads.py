"""What the servers of `make bench-serving` serve: the same models and rows for all of them.

`python bench/workloads.py FOLDER add lr` fits the named ones and keeps them there, for the interpreter that runs it. A release
imports this file, so it imports nothing at the top that is not every model's.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

FEATURES, TREES = 30, 100
WORDS = (
    "late",
    "refund",
    "broken",
    "thanks",
    "great",
    "order",
    "parcel",
    "price",
    "never",
    "again",
    "happy",
    "box",
    "screen",
    "battery",
)
FITTED = ("lr", "rf", "text")
TITLES = {"add": "a+b", "lr": "logistic regression", "rf": "random forest", "text": "TF-IDF + linear", "mlp": "PyTorch MLP"}


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def table(rows: int) -> Any:
    """Give rows of 30 measured features of breast tumours, again and again until there are enough.

    Args:
        rows: How many.

    Returns:
        An array of rows by 30 features.
    """
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer().data
    return np.ascontiguousarray(np.tile(data, (rows // len(data) + 1, 1))[:rows])


def texts(rows: int) -> list[str]:
    """Give short messages.

    Args:
        rows: How many.

    Returns:
        The messages, of 12 words each.
    """
    chance = random.Random(0)
    return [" ".join(chance.choices(WORDS, k=12)) for _ in range(rows)]


def rows_of(name: str, count: int) -> list[Any]:
    """Give rows of a workload as JSON holds them.

    Args:
        name: One of `TITLES`.
        count: How many.

    Returns:
        The rows.
    """
    if name == "add":
        return [{"a": float(number), "b": 0.5} for number in range(count)]
    if name == "text":
        return texts(count)
    found: list[Any] = table(count).tolist()
    return found


def fit(name: str) -> Any:
    """Fit a model, always the same one.

    Args:
        name: One of `TITLES`.

    Returns:
        The model; for `add` the function.
    """
    if name == "add":
        return add
    if name == "text":
        return _fit_text()
    if name == "mlp":
        return _make_mlp()
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    data, target = load_breast_cancer(return_X_y=True)
    made = LogisticRegression(max_iter=10_000) if name == "lr" else RandomForestClassifier(TREES, random_state=0)
    return made.fit(data, target)


def _fit_text() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    found = texts(2000)
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(found, ["refund" in one for one in found])


def _make_mlp() -> Any:
    import torch

    torch.manual_seed(0)
    layers = (torch.nn.Linear(FEATURES, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
    return torch.nn.Sequential(*layers).eval()


def keep(folder: Path, names: list[str]) -> None:
    """Fit models and keep each as a pickle, and as ONNX where this interpreter can convert it.

    Args:
        folder: Where to.
        names: Which ones.
    """
    import joblib

    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        joblib.dump(fit(name), folder / f"{name}.joblib")


if __name__ == "__main__":
    keep(Path(sys.argv[1]), sys.argv[2:])
