"""A forest that takes tables, for the cost of a row; a release imports this file."""

from __future__ import annotations

from typing import Any

import pyarrow  # noqa: F401 (so that it is in the release's environment, which reads Arrow where it is)


class Forest:
    """A random forest, called with a DataFrame.

    Args:
        model: The fitted forest.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, table: Any) -> Any:
        """Predict."""
        return self.model.predict(table)


def frame(rows: int) -> Any:
    """Give a table of 30 features.

    Args:
        rows: How many rows.

    Returns:
        A DataFrame.
    """
    import pandas as pd
    import workloads

    found = workloads.table(rows)
    return pd.DataFrame(found, columns=[f"f{number}" for number in range(found.shape[1])])


def fit() -> Forest:
    """Fit the forest on a table.

    Returns:
        The model.
    """
    import workloads
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    target = load_breast_cancer().target
    return Forest(RandomForestClassifier(workloads.TREES, random_state=0).fit(frame(len(target)), target))
