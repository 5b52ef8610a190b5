"""CatBoost's models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.frameworks.base import TABLE, About, Saved, save_pickle
from jupyter_deploy.values import Column, Input


class Catboost:
    """Takes `CatBoostClassifier`, `CatBoostRegressor` and their like; never imports catboost, which the model's own kernel has."""

    name = "catboost"
    about = About(
        title="CatBoost",
        takes="`CatBoost`, `CatBoostClassifier`, `CatBoostRegressor`, `CatBoostRanker`",
        methods="`predict`, `predict_proba`",
        saved="CatBoost cbm",
        example=f"{TABLE}from catboost import CatBoostClassifier\n\n"
        "model = CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False).fit(X, y)\n",
        unfitted="CatBoostClassifier()",
        needs=("catboost",),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is one of CatBoost's."""
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "CatBoost" and base.__module__ == "catboost.core" for base in kind.__mro__)

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, and a model that has not been fitted."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a fitted model.",
                f"Fit one first, `model = {model.__name__}().fit(X, y)`, then deploy `model`.",
            )
        if not model.is_fitted():
            raise errors.NotDeployable(
                f"`{name}` is a {type(model).__name__} that has not been fitted.", f"Run `{name}.fit(X, y)` first, then deploy it."
            )

    def serve(self, model: object) -> object:
        """Give the model itself."""
        return model

    def methods(self, model: object) -> tuple[str, ...]:
        """List the methods that this kind of model has."""
        return tuple(method for method in ("predict", "predict_proba") if callable(getattr(model, method, None)))

    def contract(self, model: Any) -> Input | None:
        """Read the names or the number of features that the model was fitted on."""
        names = list(model.feature_names_)
        if names == [str(number) for number in range(len(names))]:
            return Input(kind="array", shape=(None, len(names)), dtype="float64")
        texts = {*model.get_cat_feature_indices(), *model.get_text_feature_indices()}
        kinds = ("object" if number in texts else "float64" for number in range(len(names)))
        return Input(kind="frame", columns=tuple(Column(name=name, dtype=kind) for name, kind in zip(names, kinds, strict=True)))

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write the model in CatBoost's own format, named by its class."""
        whole = save_pickle(model, folder, pickler)
        if type(model).__module__ != "catboost.core":
            return whole._replace(reason="its class is one's own")
        file = f"{type(model).__name__}.cbm"
        model.save_model(str(folder / file))
        return Saved(file, "CatBoost cbm", self.name, spare=whole)
