"""Ordered registries of implementations: the built-in ones first come through the same door as a third party's.

An implementation is named `module:Class` and is imported when it is first asked for. A third party declares an entry point in the
group `jupyter_deploy.<kind>`; two of one name are an error, never a silent replacement.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from jupyter_deploy import errors

BUILT_IN: dict[str, dict[str, str]] = {
    "frameworks": {
        "xgboost": "jupyter_deploy.frameworks.xgboost:Xgboost",  # before scikit-learn's: its estimators have a format of their own
        "sklearn": "jupyter_deploy.frameworks.sklearn:Sklearn",
        "lightgbm": "jupyter_deploy.frameworks.lightgbm:Lightgbm",
        "catboost": "jupyter_deploy.frameworks.catboost:Catboost",
        "mlflow": "jupyter_deploy.frameworks.mlflow:Mlflow",
        "statsmodels": "jupyter_deploy.frameworks.statsmodels:Statsmodels",
        "onnx": "jupyter_deploy.frameworks.onnx:Onnx",
        "transformers": "jupyter_deploy.frameworks.transformers:Transformers",
        "keras": "jupyter_deploy.frameworks.keras:Keras",
        "tensorflow": "jupyter_deploy.frameworks.tensorflow:Tensorflow",
        "torch": "jupyter_deploy.frameworks.torch:Torch",
        "callable": "jupyter_deploy.frameworks.callable:Callable",
    },
    "compilers": {
        "sklearn": "jupyter_deploy.compilers.onnx:Sklearn",
        "xgboost": "jupyter_deploy.compilers.onnx:Xgboost",
        "lightgbm": "jupyter_deploy.compilers.onnx:Lightgbm",
        "torch": "jupyter_deploy.compilers.onnx:Torch",
    },
    "languages": {"python": "jupyter_deploy.languages.python:Python"},
    "lockers": {
        "uv": "jupyter_deploy.lock.uv:Uv",
        "pip-tools": "jupyter_deploy.lock.piptools:PipTools",
    },
    "targets": {"local": "jupyter_deploy.targets.local.target:Local"},
}
LAST = ("callable",)  # takes whatever nobody else did, so it stays behind third parties


@cache
def names(kind: str) -> tuple[str, ...]:
    """List the implementations of one kind, in the order in which they are asked.

    Args:
        kind: `frameworks`, `compilers`, `languages`, `lockers` or `targets`.

    Returns:
        Their names.

    Raises:
        Conflict: If two implementations have one name.
    """
    found = _declared(kind)
    return tuple(sorted(found, key=lambda name: name in LAST))


@cache
def load(kind: str, name: str) -> Any:
    """Import one implementation.

    Args:
        kind: `frameworks`, `compilers`, `languages`, `lockers` or `targets`.
        name: Its name.

    Returns:
        The class.

    Raises:
        UnknownName: If there is none of that name.
        Conflict: If two implementations have one name.
    """
    found = _declared(kind)
    if name not in found:
        hint = errors.did_you_mean(name, found) or f"There are: {', '.join(found)}."
        raise errors.UnknownName(f"There is no `{name}` among the {kind}.", hint)
    module, _, attribute = found[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def _declared(kind: str) -> dict[str, str]:
    found = dict(BUILT_IN[kind])
    for entry in entry_points(group=f"jupyter_deploy.{kind}"):
        if entry.name in found:
            raise errors.Conflict(
                f"Two {kind} are called `{entry.name}`: {found[entry.name]} and {entry.value}.",
                "Uninstall one of them, or rename it.",
            )
        found[entry.name] = entry.value
    return found
