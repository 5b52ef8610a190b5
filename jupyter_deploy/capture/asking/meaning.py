"""What an answer says of a row, as far as the model tells: labels, probabilities, scores or features, and their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.values import Output

MOST = 1_000  # names of features; a vocabulary of a hundred thousand words is no part of a contract
_BY_CLASS = {"predict_proba": "probabilities", "predict_log_proba": "log probabilities", "decision_function": "scores"}


def told(model: Any, attribute: str, output: Output, answers: list[Any]) -> Output:
    """Say what the answers of a method mean.

    Args:
        model: The live model.
        attribute: The method.
        output: What it returned.
        answers: Some of its answers, as JSON.

    Returns:
        The output with its meaning, classes and names, where the model knows them.
    """
    known = _classes(model)
    if attribute == "predict":
        return _labels(output, known, answers)
    if attribute in _BY_CLASS:
        return _by_class(output, known, _BY_CLASS[attribute])
    if attribute == "score_samples":
        return _replace(output, meaning="scores")
    return _features(model, output, known) if attribute == "transform" else output


def _labels(output: Output, known: Any, answers: list[Any]) -> Output:
    """Take classes for labels where every answer is one of them: a model may keep something else under that name."""
    if known is None:
        return output
    if _is_several(known):
        width = len(known)
        fits = all(isinstance(row, list) and len(row) == width for row in answers)
        fits = fits and all(_among(column, one) for column, one in zip(zip(*answers, strict=True), known, strict=True))
    else:
        fits = _among(answers, known)
    if fits:
        return _replace(output, meaning="labels", classes=known)
    is_indicator = output.shape is not None and len(output.shape) == 2 and output.shape[1] == len(known)
    return _replace(output, meaning="labels", names=tuple(map(str, known))) if is_indicator else output


def _by_class(output: Output, known: Any, meaning: str) -> Output:
    if output.parts:
        several = known if _is_several(known) and len(known) == len(output.parts) else (None,) * len(output.parts)
        parts = tuple(_by_class(part, one, meaning) for part, one in zip(output.parts, several, strict=True))
        return _replace(output, meaning=meaning, parts=parts)
    width = output.shape[1] if output.shape is not None and len(output.shape) == 2 else len(output.columns)
    fits = known is not None and not _is_several(known) and len(known) == width
    return _replace(output, meaning=meaning, classes=known if fits else None)


def _features(model: Any, output: Output, known: Any) -> Output:
    width = output.shape[1] if output.shape is not None and len(output.shape) == 2 else None
    names = None
    if width is not None and width <= MOST:
        names = _names(model) or (tuple(map(str, known)) if known is not None else None)
    return _replace(output, meaning="features", names=names if names is not None and len(names) == width else None)


def _names(model: Any) -> tuple[str, ...] | None:
    try:
        return tuple(str(one) for one in model.get_feature_names_out())
    except Exception:  # noqa: BLE001 (the model's own code; a step of a pipeline may know no names, and says so in its own way)
        return None


def _classes(model: Any) -> tuple[Any, ...] | None:
    try:
        known = model.classes_
        several = isinstance(known, list) and bool(known) and all(hasattr(one, "tolist") for one in known)
        return tuple(tuple(_listed(one)) for one in known) if several else tuple(_listed(known))
    except Exception:  # noqa: BLE001 (a property of the model's own, such as of a search whose best model has no classes)
        return None


def _listed(classes: Iterable[Any]) -> list[Any]:
    return [codec.encode_value(one) for one in classes]


def _is_several(known: Any) -> bool:
    return isinstance(known, tuple) and bool(known) and all(isinstance(one, tuple) for one in known)


def _among(answers: Iterable[Any], known: Iterable[Any]) -> bool:
    allowed = {(isinstance(one, str), one) for one in known}
    return all(isinstance(one, (str, int, float)) and (isinstance(one, str), one) in allowed for one in answers)


def _replace(output: Output, **changes: Any) -> Output:
    return msgspec.structs.replace(output, **changes)
