"""Models in the formats of their own libraries: which one is taken, and that it answers as the notebook's model does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

from jupyter_deploy.answers import same
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture, Golden, Manifest, from_json

NUMBERS = np.random.default_rng(0)
ROWS = pd.DataFrame({"a": NUMBERS.normal(size=120), "b": NUMBERS.normal(size=120)})
MIXED = ROWS.assign(kind=pd.Categorical(NUMBERS.choice(list("xyz"), 120)))
YES = (ROWS.a > 0).astype(int)
NOISE = NUMBERS.permutation(YES)
QUIET: dict[str, Any] = {"verbose": 0, "allow_writing_files": False, "iterations": 5}


def early_stopped() -> Any:
    """Fit a model that answers with fewer trees than it has."""
    fitted = xgboost.XGBClassifier(n_estimators=50, early_stopping_rounds=2, eval_metric="logloss")
    return fitted.fit(ROWS[:60], YES[:60], eval_set=[(ROWS[60:], NOISE[60:])], verbose=0)


def stopped_booster() -> Any:
    """Train a booster of LightGBM's that answers with fewer trees than it has."""
    valid, stop = lightgbm.Dataset(ROWS[60:], NOISE[60:]), lightgbm.early_stopping(2, verbose=False)
    return lightgbm.train({"verbose": -1}, lightgbm.Dataset(ROWS[:60], YES[:60]), 50, valid_sets=[valid], callbacks=[stop])


MODELS: dict[str, tuple[Any, Any, str]] = {
    "xgboost classifier": (lambda: xgboost.XGBClassifier(n_estimators=5).fit(ROWS, YES), ROWS, "xgboost UBJ"),
    "xgboost categories": (
        lambda: xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(MIXED, YES), MIXED, "xgboost UBJ"
    ),
    "xgboost missing": (
        lambda: xgboost.XGBRegressor(n_estimators=5, missing=-9.0).fit(ROWS.to_numpy(), YES), ROWS.to_numpy(), "xgboost UBJ"
    ),
    "xgboost forest": (lambda: xgboost.XGBRFClassifier(n_estimators=5).fit(ROWS, np.arange(120) % 3), ROWS, "xgboost UBJ"),
    "xgboost stopped": (early_stopped, ROWS, "xgboost UBJ"),
    "xgboost booster": (
        lambda: xgboost.train({}, xgboost.DMatrix(MIXED, YES, enable_categorical=True), 5), MIXED, "xgboost UBJ"
    ),
    "lightgbm booster": (lambda: lightgbm.train({"verbose": -1}, lightgbm.Dataset(MIXED, YES), 5), MIXED, "LightGBM text"),
    "lightgbm stopped": (stopped_booster, ROWS, "LightGBM text"),
    "catboost texts": (
        lambda: catboost.CatBoostClassifier(**QUIET, cat_features=["kind"]).fit(MIXED, np.where(YES, "yes", "no")), MIXED,
        "CatBoost cbm",
    ),
    "catboost plain": (lambda: catboost.CatBoost(QUIET).fit(ROWS, YES), ROWS, "CatBoost cbm"),
}  # fmt: skip


def take(model: Any, rows: Any, folder: Path) -> Capture:
    """Capture a model as the variable `model`."""
    return capture("model", {"__name__": "__main__", "model": model}, name="churn", folder=folder, example=rows)


def answers_alike(folder: Path) -> None:
    """Load what was captured and hold its answers against the notebook's."""
    loaded = endpoint.load(folder)
    for one in from_json((folder / "golden.json").read_bytes(), list[Golden]):
        answer = json.loads(loaded.methods[one.method](codec.to_json({"rows": one.rows})))["predictions"]
        assert same(one.answers, answer, 1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_answers_from_its_own_format(name: str, tmp_path: Path) -> None:
    """What is loaded from the library's own format gives the notebook's answers, by every method, and no pickle is left."""
    make, rows, expected = MODELS[name]
    model = make()
    taken = take(model, rows, tmp_path)

    assert expected == taken.saved
    assert expected == from_json((tmp_path / "manifest.json").read_bytes(), Manifest).saved
    assert [] == list((tmp_path / "model").rglob("*.pkl"))
    assert hasattr(model, "predict_proba") == (len(taken.contract.methods) > 1)
    answers_alike(tmp_path)


def test_what_its_own_format_cannot_hold_is_pickled(tmp_path: Path) -> None:
    """An estimator with an objective of one's own is a pickle, and the reason is told."""

    def squared(truth: Any, predicted: Any) -> tuple[Any, Any]:
        return predicted - truth, np.ones_like(predicted)

    taken = take(xgboost.XGBRegressor(n_estimators=5, objective=squared).fit(ROWS, YES), ROWS, tmp_path)

    assert "cloudpickle, because its parameters hold more than texts and numbers" == taken.saved
    answers_alike(tmp_path)


def test_the_same_model_is_the_same_capture(tmp_path: Path) -> None:
    """The library's own format gives the same bytes each time."""
    model = xgboost.XGBClassifier(n_estimators=5).fit(ROWS, YES)

    assert take(model, ROWS, tmp_path / "a").digest == take(model, ROWS, tmp_path / "b").digest
