"""The models of the benches; a release imports this file, so it imports nothing that is not theirs."""

from __future__ import annotations

import numpy as np


class Small:
    """A small model, another one for each factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, rows: list[float]) -> list[float]:
        """Multiply."""
        return [row * self.factor for row in rows]


class Large:
    """A model that is one large array.

    Args:
        size: Its size in bytes.
    """

    def __init__(self, size: int) -> None:
        self.weights = np.random.default_rng(0).random(size // 8)

    def predict(self, rows: list[float]) -> list[float]:
        """Multiply by one weight."""
        return [row * float(self.weights[7]) for row in rows]
