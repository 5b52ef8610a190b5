"""Loads a model of CatBoost's."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load(path: Path) -> Any:
    """Load a model.

    Args:
        path: The file in CatBoost's own format, named by the model's class.

    Returns:
        The model.

    Raises:
        ImportError: If CatBoost is missing.
    """
    import catboost

    model = getattr(catboost, path.stem)()
    model.load_model(str(path))
    return model
