"""Results of statsmodels: regressions, with a formula or without, and forecasts of time series."""

from __future__ import annotations

import io
import pickle
import re
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.statsmodels import Forecasts, serve
from jupyter_deploy.frameworks.base import TABLE, About, Saved, save_pickle
from jupyter_deploy.values import Column, Input

RESULTS = {("statsmodels.base.wrapper", "ResultsWrapper"), ("statsmodels.base.model", "Results")}
UNFITTED = ("statsmodels.base.model", "Model")


class Statsmodels:
    """Takes what `fit` of statsmodels' models returns; never imports statsmodels, which the model's own kernel has."""

    name = "statsmodels"
    about = About(
        title="statsmodels",
        takes="the results of `fit`: OLS, GLM, Logit and their like, with a formula or without; ARIMA, SARIMAX, Holt-Winters, VAR",
        methods="`predict`; for time series `forecast` and `get_forecast`, which take `steps`",
        saved="cloudpickle; regressions without their training data where they predict alike",
        example=f"{TABLE}import statsmodels.api as sm\n\nmodel = sm.OLS(y, X).fit()\n",
        unfitted="sm.OLS(y, X)",
        needs=("statsmodels",),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class or unfitted model that was given by mistake, is one of statsmodels'."""
        kind = model if isinstance(model, type) else type(model)
        bases = {(base.__module__, base.__name__) for base in kind.__mro__}
        return bool(bases & {*RESULTS, UNFITTED})

    def check(self, model: object, name: str) -> None:
        """Refuse a class, a model without its results, and results that can neither predict nor forecast."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not the results of a fit.",
                "Fit a model first, `model = OLS(y, X).fit()`, then deploy `model`.",
            )
        if any((base.__module__, base.__name__) == UNFITTED for base in type(model).__mro__):
            raise errors.NotDeployable(
                f"`{name}` is a model, {type(model).__name__}, that has not been fitted.",
                f"Deploy the results of its fit: `results = {name}.fit()`, then `%deploy results`.",
            )
        if not self.methods(model):
            raise errors.NotDeployable(
                f"`{name}` is a {type(model).__name__}, which can neither predict nor forecast.",
                "Deploy the results of a regression or of a time series.",
            )

    def serve(self, model: Any) -> object:
        """Give the results themselves, or what forecasts with plain arguments."""
        return serve(model)

    def methods(self, model: Any) -> tuple[str, ...]:
        """List `predict`, or for a time series its forecasts."""
        served = serve(model)
        known = ("forecast", "get_forecast") if isinstance(served, Forecasts) else ("predict",)
        return tuple(one for one in known if callable(getattr(model, one, None)))

    def contract(self, model: Any) -> Input | None:
        """Read the variables of the formula, or the columns of the design matrix."""
        if isinstance(serve(model), Forecasts):
            return Input(kind="arguments")
        data, formula = getattr(model.model, "data", None), getattr(model.model, "formula", None)
        if formula is not None:
            return _variables(str(formula), getattr(data, "frame", None))
        names = getattr(model.model, "exog_names", None) or []
        if hasattr(getattr(data, "orig_exog", None), "columns"):
            return Input(kind="frame", columns=tuple(Column(name=str(name), dtype="float64") for name in names))
        return Input(kind="array", shape=(None, len(names)), dtype="float64") if names else None

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Pickle the results twice: with the data that they were fitted on, and where they predict alike without, without."""
        whole = save_pickle(model, folder, pickler, loader="statsmodels")
        copy = _loaded((folder / whole.file).read_bytes(), model)
        if isinstance(serve(model), Forecasts) or not hasattr(copy, "remove_data"):  # forecasts go on from the data
            return whole
        try:
            copy.remove_data()
            with (folder / "without_data.pkl").open("wb") as file:
                pickler(copy, file)
        except Exception as error:  # noqa: BLE001 (another library's own code, which some of its models do not support)
            return whole._replace(reason=f"its training data cannot be removed: {type(error).__name__}")
        return Saved("without_data.pkl", "cloudpickle without its training data", "statsmodels", spare=whole)


def _loaded(data: bytes, model: Any) -> Any:
    """Load a copy, which a formula refuses that calls functions of the notebook: it is read anew where there are none."""
    try:
        return pickle.load(io.BytesIO(data))  # noqa: S301 (what was written just now)
    except Exception as error:
        formula = getattr(getattr(model, "model", None), "formula", "")
        raise errors.NotPicklable(
            f"The results cannot be loaded again: {type(error).__name__}: {error}."
            + (f" Their formula is `{formula}`." if formula else ""),
            "Names in a formula must be columns, or functions of numpy: make a column of what others compute, and fit again.",
        ) from error


def _variables(formula: str, frame: Any) -> Input | None:
    """Find the columns that stand on the right of a formula."""
    if frame is None:
        return None
    right = formula.rpartition("~")[2]
    words = set(re.findall(r"[^\W\d]\w*", right))
    known = [name for name in frame.columns if str(name) in words or f'Q("{name}")' in right or f"Q('{name}')" in right]
    columns = tuple(Column(name=str(name), dtype=str(frame[name].dtype)) for name in known)
    return Input(kind="frame", columns=columns) if columns else None
