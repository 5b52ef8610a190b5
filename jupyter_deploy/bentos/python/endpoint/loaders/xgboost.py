"""Loads a booster of xgboost's, and lets it take rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import cloudpickle


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


def load(path: Path) -> Rows:
    """Load a pickled booster.

    Args:
        path: The file.

    Returns:
        What takes rows.

    Raises:
        ImportError: If xgboost is missing.
    """
    return Rows(cloudpickle.load(path))
