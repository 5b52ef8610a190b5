"""Anything else: objects with a method to call, and functions."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy import errors
from jupyter_deploy.frameworks.callable import Callable


class Model:
    """Has two methods that are known, and can be called."""

    def predict(self, rows: Any) -> Any:
        """Answer."""
        return rows

    def transform(self, rows: Any) -> Any:
        """Answer."""
        return rows

    def __call__(self, rows: Any) -> Any:
        """Answer."""
        return rows


class Called:
    """Can only be called."""

    def __call__(self, rows: Any) -> Any:
        """Answer."""
        return rows


async def waits(rows: Any) -> Any:
    """Answer later."""
    return rows


@pytest.mark.parametrize(
    ("model", "methods"),
    [
        (Model(), ("predict", "transform")), (Called(), ("",)), (len, ("",)), (lambda x: x, ("",)), (functools.partial(len), ("",)),
        (Model().predict, ("",)), (waits, ("",)), (np.exp, ("",)), (np.poly1d([1, 2]), ("",)),
    ],
)  # fmt: skip
def test_methods(model: Any, methods: tuple[str, ...]) -> None:
    """Known methods are found, and the object itself where it has none of them."""
    Callable().check(model, "model")

    assert methods == Callable().methods(model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "`m` is an int, which cannot be called."),
        ("text", "`m` is a str, which cannot be called."),
        (pd.DataFrame({"a": [1]}), "`m` is a DataFrame, which cannot be called."),
        (np.zeros(2), "`m` is a ndarray, which cannot be called."),
        (json, "`m` is a module."),
        (Model, "`m` is the class Model, not an object of it."),
    ],
    ids=["int", "str", "DataFrame", "ndarray", "module", "class"],
)
def test_refused(model: Any, message: str) -> None:
    """Data, modules and classes are refused by what they are."""
    with pytest.raises(errors.NotDeployable) as raised:
        Callable().check(model, "m")

    assert message == raised.value.message


class Holder:
    """Holds a model, and is none."""

    def __init__(self) -> None:
        self.kind = Model
        self.best_ = Model()


@pytest.mark.parametrize(
    ("model", "within"),
    [({"table": pd.DataFrame(), "eu": Model()}, "m['eu']"), ([1, Model()], "m[1]"), (Holder(), "m.best_")],
    ids=["dict", "list", "attribute"],
)
def test_a_model_within_is_named(model: Any, within: str) -> None:
    """Where something holds a model and is none, the hint says how to deploy that."""
    with pytest.raises(errors.NotDeployable) as caught:
        Callable().check(model, "m")

    assert caught.value.hint.endswith(f"It holds one: `%deploy {within}`.")
