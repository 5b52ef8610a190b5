"""LightGBM's boosters; its estimators for scikit-learn are that framework's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.frameworks.base import TABLE, About, Saved, save_pickle
from jupyter_deploy.values import Column, Input


class Lightgbm:
    """Takes `lightgbm.Booster`; never imports lightgbm, which the model's own kernel has."""

    name = "lightgbm"
    about = About(
        title="LightGBM",
        takes="`Booster`; the estimators are scikit-learn's",
        methods="`predict`",
        saved="LightGBM text; its estimators with cloudpickle",
        example=f"{TABLE}import lightgbm\n\nmodel = lightgbm.train({{'verbose': -1}}, lightgbm.Dataset(X, y), 5)\n",
        needs=("lightgbm",),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is a booster."""
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "Booster" and base.__module__ == "lightgbm.basic" for base in kind.__mro__)

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, and a booster without a tree."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a fitted model.",
                f"Fit one first, `model = {model.__name__}(...)` or `lightgbm.train(...)`, then deploy `model`.",
            )
        if not model.num_trees():
            raise errors.NotDeployable(f"`{name}` is a Booster that has not been fitted.", f"Fit it, then deploy `{name}`.")

    def serve(self, model: object) -> object:
        """Give the booster itself."""
        return model

    def methods(self, model: object) -> tuple[str, ...]:  # noqa: ARG002 (every booster has the same)
        """List the one method."""
        return ("predict",)

    def contract(self, model: Any) -> Input | None:
        """Read the names or the number of features that the booster was fitted on."""
        names = model.feature_name()
        if names == [f"Column_{number}" for number in range(len(names))]:
            return Input(kind="array", shape=(None, len(names)), dtype="float64")
        return Input(kind="frame", columns=tuple(Column(name=name, dtype="float64") for name in names))

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write the booster as LightGBM's own text, with as many trees as it predicts with."""
        whole = save_pickle(model, folder, pickler)
        (folder / "model.txt").write_text(model.model_to_string(), encoding="utf-8")
        return Saved("model.txt", "LightGBM text", self.name, spare=whole)
