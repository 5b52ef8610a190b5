"""Loads what the notebook pickled."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


def load(path: Path) -> Any:
    """Load a pickled model; it is the author's own code, out of a bundle whose digest was checked.

    Args:
        path: The file.

    Returns:
        The model.

    Raises:
        Exception: Whatever the model's own code raises, such as ImportError where a package is missing.
    """
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 (see the docstring: never anything that came over the network)
