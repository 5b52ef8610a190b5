"""FastAPI with pydantic models, as its documentation shows it: `uvicorn fast:app`, with `MODELS` and `SERVED` as in raw.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

MODELS = {
    name: joblib.load(Path(os.environ["MODELS"]) / f"{name}.joblib") for name in os.environ["SERVED"].split(",") if name != "add"
}
app = FastAPI()


class Pair(BaseModel):
    """A row of a+b."""

    a: float
    b: float


class Pairs(BaseModel):
    """A body of a+b."""

    rows: list[Pair]


class Table(BaseModel):
    """A body of a model of numbers."""

    rows: list[list[float]]


class Texts(BaseModel):
    """A body of a model of texts."""

    rows: list[str]


@app.post("/add")
async def add(body: Pairs) -> dict[str, Any]:
    """Add."""
    return {"predictions": [one.a + one.b for one in body.rows]}


@app.post("/lr")
async def lr(body: Table) -> dict[str, Any]:
    """Predict on the event loop, for it is quick."""
    return {"predictions": MODELS["lr"].predict(np.array(body.rows)).tolist()}


@app.post("/rf")
def rf(body: Table) -> dict[str, Any]:
    """Predict in a thread, for it is slow."""
    return {"predictions": MODELS["rf"].predict(np.array(body.rows)).tolist()}


@app.post("/text")
async def text(body: Texts) -> dict[str, Any]:
    """Predict on the event loop, for it is quick."""
    return {"predictions": MODELS["text"].predict(body.rows).tolist()}


@app.post("/mlp")
async def mlp(body: Table) -> dict[str, Any]:
    """Predict on the event loop, for it is quick."""
    import torch

    with torch.inference_mode():
        return {"predictions": MODELS["mlp"](torch.tensor(body.rows)).tolist()}
