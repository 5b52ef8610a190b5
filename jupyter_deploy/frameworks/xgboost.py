"""xgboost's boosters and estimators; as a step of a pipeline an estimator is scikit-learn's."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from jupyter_deploy import errors, plugins
from jupyter_deploy.bentos.python.endpoint.loaders.xgboost import ESTIMATOR, MODEL, Rows
from jupyter_deploy.frameworks.base import TABLE, About, Saved, save_pickle
from jupyter_deploy.values import Column, Input

_DTYPES = {"int": "int64", "i": "bool", "q": "float64", "float": "float64", "c": "category"}


class Xgboost:
    """Takes `xgboost.Booster` and xgboost's own estimators; never imports xgboost, which the model's own kernel has."""

    name = "xgboost"
    about = About(
        title="xgboost",
        takes="`Booster`, which takes rows as estimators do, and the estimators; within a pipeline they are scikit-learn's",
        methods="`predict`; those of estimators",
        saved="xgboost UBJ",
        example=f"{TABLE}import xgboost\n\nmodel = xgboost.XGBClassifier(n_estimators=5).fit(X, y)\n",
        unfitted="xgboost.XGBClassifier()",
        needs=("xgboost", "sklearn"),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is a booster or an estimator; a subclass of one is not."""
        kind = model if isinstance(model, type) else type(model)
        return _is_estimator(kind) or any(base.__name__ == "Booster" and base.__module__ == "xgboost.core" for base in kind.__mro__)

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, an unfitted estimator, and a booster without a tree."""
        if _is_estimator(model if isinstance(model, type) else type(model)):
            _sklearn().check(model, name)
            return
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a fitted model.",
                f"Fit one first, `model = {model.__name__}(...)` or `xgboost.train(...)`, then deploy `model`.",
            )
        if not _rounds(model):
            raise errors.NotDeployable(f"`{name}` is a Booster that has not been fitted.", f"Fit it, then deploy `{name}`.")

    def serve(self, model: Any) -> object:
        """Give the estimator, or what takes rows, where a booster itself takes a `DMatrix`."""
        return model if _is_estimator(type(model)) else Rows(model)

    def methods(self, model: object) -> tuple[str, ...]:
        """List the methods of an estimator, or the one method of a booster."""
        methods: tuple[str, ...] = _sklearn().methods(model) if _is_estimator(type(model)) else ("predict",)
        return methods

    def contract(self, model: Any) -> Input | None:
        """Read the names or the number of features that the booster was fitted on."""
        if _is_estimator(type(model)):
            model = model.get_booster()
        if model.feature_names:
            types = model.feature_types or ["float"] * len(model.feature_names)
            pairs = zip(model.feature_names, types, strict=True)
            return Input(kind="frame", columns=tuple(Column(name=name, dtype=_DTYPES.get(kind, "float64")) for name, kind in pairs))
        return Input(kind="array", shape=(None, int(model.num_features())), dtype="float64")

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write the model in xgboost's own format, with the class and parameters of an estimator beside it."""
        whole = save_pickle(model, folder, pickler, loader=self.name)
        own = folder / "xgboost"
        own.mkdir()
        if _is_estimator(type(model)):
            known = {key: one for key, one in model.get_params().items() if one is not None and not _is_nan(one)}
            try:
                told = json.dumps({"class": type(model).__name__, "parameters": known}, sort_keys=True)
            except TypeError:
                own.rmdir()
                return whole._replace(reason="its parameters hold more than texts and numbers")
            (own / ESTIMATOR).write_text(told, encoding="utf-8")
            model = model.get_booster()
        (own / MODEL).write_bytes(model.save_raw("ubj"))
        return Saved(own.name, "xgboost UBJ", self.name, spare=whole)


def _is_estimator(kind: type) -> bool:
    return kind.__module__ == "xgboost.sklearn" and kind.__name__.startswith("XGB")


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _sklearn() -> Any:
    """Give what knows estimators; the registry is the door to another framework."""
    return plugins.load("frameworks", "sklearn")()


def _rounds(model: Any) -> int:
    core: Any = sys.modules["xgboost.core"]
    try:
        return int(model.num_boosted_rounds())
    except core.XGBoostError:  # it does not even know its features
        return 0
