"""xgboost's boosters; its estimators for scikit-learn are that framework's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.xgboost import Rows
from jupyter_deploy.frameworks.base import Saved, save_pickle
from jupyter_deploy.values import Column, Input

_DTYPES = {"int": "int64", "i": "bool", "q": "float64", "float": "float64", "c": "category"}


class Xgboost:
    """Takes `xgboost.Booster`; never imports xgboost, which the model's own kernel has."""

    name = "xgboost"

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is a booster."""
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "Booster" and base.__module__ == "xgboost.core" for base in kind.__mro__)

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, and a booster without a tree."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a fitted model.",
                f"Fit one first, `model = {model.__name__}(...)` or `xgboost.train(...)`, then deploy `model`.",
            )
        if not _rounds(model):
            raise errors.NotDeployable(f"`{name}` is a Booster that has not been fitted.", f"Fit it, then deploy `{name}`.")

    def serve(self, model: Any) -> object:
        """Give what takes rows, where the booster itself takes a `DMatrix`."""
        return Rows(model)

    def methods(self, model: object) -> tuple[str, ...]:  # noqa: ARG002 (every booster has the same)
        """List the one method."""
        return ("predict",)

    def contract(self, model: Any) -> Input | None:
        """Read the names or the number of features that the booster was fitted on."""
        if model.feature_names:
            types = model.feature_types or ["float"] * len(model.feature_names)
            pairs = zip(model.feature_names, types, strict=True)
            return Input(kind="frame", columns=tuple(Column(name=name, dtype=_DTYPES.get(kind, "float64")) for name, kind in pairs))
        return Input(kind="array", shape=(None, int(model.num_features())), dtype="float64")

    def save(self, model: object, folder: Path, pickler: Any) -> Saved:
        """Pickle the booster, which keeps its own format within."""
        return save_pickle(model, folder, pickler, loader="xgboost")


def _rounds(model: Any) -> int:
    core: Any = sys.modules["xgboost.core"]
    try:
        return int(model.num_boosted_rounds())
    except core.XGBoostError:  # it does not even know its features
        return 0
