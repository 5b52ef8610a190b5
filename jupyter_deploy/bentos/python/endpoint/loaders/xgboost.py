"""Loads a model of xgboost's, and lets a booster take rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import cloudpickle

MODEL, ESTIMATOR = "model.ubj", "estimator.json"


class Rows:
    """A booster that takes tables and arrays, as xgboost's estimators do.

    Args:
        booster: The booster, which itself takes a `DMatrix`.
    """

    def __init__(self, booster: Any) -> None:
        self.booster = booster

    def predict(self, rows: Any) -> Any:
        """Answer rows.

        Args:
            rows: A table with the booster's features, or an array in their order.

        Returns:
            What the booster answers to a `DMatrix` of them.
        """
        import xgboost

        named = {} if hasattr(rows, "columns") else {"feature_names": self.booster.feature_names}
        return self.booster.predict(xgboost.DMatrix(rows, enable_categorical=True, **named))


def load(path: Path) -> Any:
    """Load a model.

    Args:
        path: A pickle, or a folder with a model in xgboost's own format and what is known of its estimator.

    Returns:
        The estimator, or for a booster what takes rows.

    Raises:
        ImportError: If xgboost is missing.
    """
    import xgboost

    if path.is_file():
        model = cloudpickle.load(path)
        return Rows(model) if isinstance(model, xgboost.Booster) else model
    if not (path / ESTIMATOR).exists():
        return Rows(xgboost.Booster(model_file=path / MODEL))
    told = json.loads((path / ESTIMATOR).read_text(encoding="utf-8"))
    estimator = getattr(xgboost, told["class"])(**told["parameters"])
    estimator.load_model(path / MODEL)
    return estimator
