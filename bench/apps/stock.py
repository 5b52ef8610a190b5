"""BentoML as its documentation shows it: `bentoml serve stock:Stock`, with `MODELS` and `SERVED` as in raw.py.

Each workload three ways: a plain method, an async one, and one that answers several requests in one call.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml
import joblib
import numpy as np
from pydantic import BaseModel

NAMES = os.environ["SERVED"].split(",")


class Pair(BaseModel):
    """A row of a+b."""

    a: float
    b: float


@bentoml.service(workers=1)
class Stock:
    """Every workload."""

    def __init__(self) -> None:
        self.models = {name: joblib.load(Path(os.environ["MODELS"]) / f"{name}.joblib") for name in NAMES if name != "add"}

    def _predict(self, name: str, rows: Any) -> Any:
        if name != "mlp":
            return self.models[name].predict(rows)
        import torch

        with torch.inference_mode():
            return self.models[name](torch.as_tensor(rows, dtype=torch.float32)).numpy()

    @bentoml.api
    def add(self, rows: list[Pair]) -> list[float]:
        """Add."""
        return [one.a + one.b for one in rows]

    @bentoml.api
    async def add_async(self, rows: list[Pair]) -> list[float]:
        """Add on the event loop."""
        return [one.a + one.b for one in rows]

    @bentoml.api
    def lr(self, rows: np.ndarray) -> np.ndarray:
        """Predict in a thread."""
        return self._predict("lr", rows)

    @bentoml.api
    async def lr_async(self, rows: np.ndarray) -> np.ndarray:
        """Predict on the event loop."""
        return self._predict("lr", rows)

    @bentoml.api(batchable=True, max_batch_size=512, max_latency_ms=1000)
    def lr_batch(self, rows: np.ndarray) -> np.ndarray:
        """Predict several requests in one call."""
        return self._predict("lr", rows)

    @bentoml.api
    def rf(self, rows: np.ndarray) -> np.ndarray:
        """Predict in a thread."""
        return self._predict("rf", rows)

    @bentoml.api(batchable=True, max_batch_size=512, max_latency_ms=1000)
    def rf_batch(self, rows: np.ndarray) -> np.ndarray:
        """Predict several requests in one call."""
        return self._predict("rf", rows)

    @bentoml.api
    def text(self, rows: list[str]) -> list[bool]:
        """Predict in a thread."""
        return self._predict("text", rows).tolist()

    @bentoml.api
    async def text_async(self, rows: list[str]) -> list[bool]:
        """Predict on the event loop."""
        return self._predict("text", rows).tolist()

    @bentoml.api(batchable=True, max_batch_size=512, max_latency_ms=1000)
    def text_batch(self, rows: list[str]) -> list[bool]:
        """Predict several requests in one call."""
        return self._predict("text", rows).tolist()

    @bentoml.api
    def mlp(self, rows: np.ndarray) -> np.ndarray:
        """Predict in a thread."""
        return self._predict("mlp", rows)

    @bentoml.api
    async def mlp_async(self, rows: np.ndarray) -> np.ndarray:
        """Predict on the event loop."""
        return self._predict("mlp", rows)

    @bentoml.api(batchable=True, max_batch_size=512, max_latency_ms=1000)
    def mlp_batch(self, rows: np.ndarray) -> np.ndarray:
        """Predict several requests in one call."""
        return self._predict("mlp", rows)
