"""Loads a booster of LightGBM's."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load(path: Path) -> Any:
    """Load a booster.

    Args:
        path: The file with LightGBM's own text.

    Returns:
        The booster.

    Raises:
        ImportError: If LightGBM is missing.
    """
    import lightgbm

    return lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
