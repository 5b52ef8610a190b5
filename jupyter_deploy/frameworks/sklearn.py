"""scikit-learn's estimators and pipelines, and the user's own that derive from its base class."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders import skops
from jupyter_deploy.frameworks.base import TABLE, About, Saved, save_pickle
from jupyter_deploy.values import Column, Input

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")
MORE = ("inverse_transform", "kneighbors", "apply")
"""Methods that few callers want, or that take something else."""
STATELESS = ("FeatureHasher", "HashingVectorizer", "PatchExtractor")
"""Estimators that learn nothing, of which versions before 1.6 do not say so."""


class Sklearn:
    """Takes whatever derives from scikit-learn's `BaseEstimator`; never imports scikit-learn, which the model's own kernel has."""

    name = "sklearn"
    about = About(
        title="scikit-learn",
        takes="estimators and pipelines, also multi-output, clusterers, outlier detectors and one's own subclasses",
        methods="`predict`, `predict_proba`, `predict_log_proba`, `decision_function`, `score_samples`, `transform`; "
        "`inverse_transform`, `kneighbors`, `apply` where the notebook calls them",
        saved="skops where the notebook has imported it, else cloudpickle",
        example=f"{TABLE}from sklearn.linear_model import LogisticRegression\n\nmodel = LogisticRegression().fit(X, y)\n",
        unfitted="LogisticRegression()",
        needs=("sklearn",),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is an estimator."""
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "BaseEstimator" and base.__module__.startswith("sklearn.") for base in kind.__mro__)

    def check(self, model: object, name: str) -> None:
        """Refuse a class, an unfitted estimator, and one that can only answer for the data it was fitted on."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a fitted model.",
                f"Fit one first, `model = {model.__name__}().fit(X, y)`, then deploy `model`.",
            )
        if _unfitted(model):
            raise errors.NotDeployable(
                f"`{name}` is a {type(model).__name__} that has not been fitted.", f"Run `{name}.fit(X, y)` first, then deploy it."
            )
        if not self.methods(model):
            raise _cannot_answer(model, name)

    def serve(self, model: object) -> object:
        """Give the model itself."""
        return model

    def methods(self, model: object) -> tuple[str, ...]:
        """List the methods that this estimator has, as it is fitted."""
        return tuple(method for method in (*METHODS, *MORE) if callable(getattr(model, method, None)))

    def contract(self, model: object) -> Input | None:
        """Read the names or the number of features that the model was fitted on."""
        names = getattr(model, "feature_names_in_", None)
        if names is not None:
            gaps = _takes_nan(model)
            return Input(kind="frame", columns=tuple(Column(name=str(name), dtype="float64", nullable=gaps) for name in names))
        width = getattr(model, "n_features_in_", None)
        if width is None:
            return None
        return Input(kind="array", shape=(None, int(width)), dtype="float64", nullable=_takes_nan(model))

    def save(self, model: object, folder: Path, pickler: Any) -> Saved:
        """Write the model with skops where the notebook has imported that, which loads no code; else pickle it."""
        whole = save_pickle(model, folder, pickler)
        if "skops" not in sys.modules:  # to import it takes longer than the rest of a preview
            return whole._replace(reason="the notebook has not imported skops")
        try:
            skops.write(model, folder / "model.skops")
        except Exception as error:  # noqa: BLE001 (another library's writer, and the author's own classes among the steps)
            return whole._replace(
                reason=f"skops does not take it: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
            )
        return Saved("model.skops", "skops", "skops", modules=("skops",), spare=whole)


def _takes_nan(model: Any) -> bool:
    """Ask the model's own tags whether it takes missing values."""
    return bool(_tag(model, lambda tags: tags.input_tags.allow_nan, "allow_nan"))


def _needs_no_fit(model: Any) -> bool:
    """Ask the model's own tags whether it learns nothing."""
    return type(model).__name__ in STATELESS or _tag(model, lambda tags: tags.requires_fit, "requires_fit") is False


def _tag(model: Any, read: Callable[[Any], Any], older: str) -> Any:
    """Read a tag, which versions of scikit-learn before 1.6 keep in a dict."""
    try:
        tags = getattr(sys.modules["sklearn.utils"], "get_tags", None)
        return read(tags(model)) if tags is not None else model._get_tags()[older]  # noqa: SLF001
    except Exception:  # noqa: BLE001 (the user's own estimator among the steps, whose tags may be anything)
        return None


def _cannot_answer(model: Any, name: str) -> errors.NotDeployable:
    kind = type(model).__name__
    article = "an" if kind[0] in "AEIOU" else "a"
    if hasattr(model, "fit_predict") or hasattr(model, "fit_transform"):
        hint = "It answers only for the data that it was fitted on; deploy a model that can be asked about new rows."
    else:
        hint = f"To ask it something else, deploy a function that does: `def answer(rows): return {name}.score(rows)`."
    return errors.NotDeployable(
        f"`{name}` is {article} {kind}, which has none of the methods {', '.join((*METHODS, *MORE))}.", hint
    )


def _unfitted(model: Any) -> bool:
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps:
        return _unfitted(steps[-1][1])
    if not type(model).__module__.startswith("sklearn.") and not hasattr(model, "__sklearn_is_fitted__"):
        return False  # a class of the user's own may keep what it learns under any name; its answers will tell
    if isinstance(model, str) or not hasattr(model, "fit"):
        return False  # a pipeline's `passthrough`
    validation: Any = sys.modules["sklearn.utils.validation"]
    try:
        validation.check_is_fitted(model)
    except sys.modules["sklearn.exceptions"].NotFittedError:
        return not _needs_no_fit(model)
    return False
