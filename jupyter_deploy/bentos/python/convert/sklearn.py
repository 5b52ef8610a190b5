"""scikit-learn's estimators and pipelines, and those of other libraries among them, through skl2onnx."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from endpoint.contract import Input  # type: ignore[import-not-found]
from endpoint.loaders.compiled import Feed  # type: ignore[import-not-found]

from . import boosters, forests
from .forms import Graph, Impossible, block, is_number, is_text, width
from .trees import ASIDE, settle

Types = list[tuple[str, Any]]
OPSETS = {"": 20, "ai.onnx.ml": 3, ASIDE: 1}
SCORES: tuple[dict[str, Any], ...] = ({}, {"raw_scores": True})
"""What the second output of a classifier holds: probabilities, or what its decision function says."""


def graphs(model: Any, input: Input) -> Iterator[Callable[[], Graph]]:
    """Offer graphs, the likeliest to be exact first.

    Args:
        model: The estimator.
        input: What its methods accept.

    Yields:
        What makes one.

    Raises:
        Impossible: If no graph takes such an input.
    """
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    forests.register()
    boosters.register()
    last = _last(model)
    variants = SCORES if hasattr(last, "classes_") else ({},)
    if type(last).__name__ in ("GaussianMixture", "BayesianGaussianMixture"):
        variants = ({}, {"score_samples": True})
    for feeds, types in _inputs(input, DoubleTensorType, FloatTensorType):
        for options in variants:
            yield lambda feeds=feeds, types=types, options=options: _graph(model, last, feeds, types, options)  # type: ignore[misc]


def _graph(model: Any, last: Any, feeds: tuple[Feed, ...], types: Types, options: dict[str, Any]) -> Graph:
    from skl2onnx import convert_sklearn

    chosen = {"zipmap": False, **options} if hasattr(last, "classes_") else options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = convert_sklearn(
            model, initial_types=types, options={id(last): chosen} if chosen else None, target_opset=OPSETS, name="model"
        )
    return Graph(", ".join(sorted({type(kind).__name__ for _, kind in types})), settle(made), feeds)


def _inputs(input: Input, *numbers: Any) -> Iterator[tuple[tuple[Feed, ...], Types]]:
    from skl2onnx.common.data_types import StringTensorType

    if input.kind == "list" and input.dtype == "str" and input.shape is None:
        yield (Feed(name="X", dtype="object"),), [("X", StringTensorType([None, 1]))]
        return
    if input.kind == "frame" and not all(is_number(column.dtype) for column in input.columns):
        yield from _by_column(input, *numbers)
        return
    for kind, dtype in zip(numbers, ("float64", "float32"), strict=True):
        yield block(input, dtype), [("X", kind([None, width(input)]))]
    if input.kind == "frame":
        yield from _by_column(input, *numbers)


def _by_column(input: Input, double: Any, _single: Any) -> Iterator[tuple[tuple[Feed, ...], Types]]:
    """One tensor a column, for pipelines that choose columns by name; whole numbers as themselves, then as floats."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    wrong = [one for one in input.columns if not is_number(one.dtype) and not is_text(one.dtype, one.categories)]
    gaps = [one for one in input.columns if one.nullable and not one.dtype.lower().startswith("float")]
    if wrong or gaps:
        what = f"holds {wrong[0].dtype}" if wrong else "may miss values that are no floats"
        raise Impossible(f"its column `{(wrong or gaps)[0].name}` {what}")
    for whole in (True, False):
        feeds, types = [], []
        for place, column in enumerate(input.columns):
            text, integer = not is_number(column.dtype), column.dtype.lower().startswith(("int", "uint"))
            kind = StringTensorType if text else Int64TensorType if whole and integer else double
            feeds.append(
                Feed(name=column.name, dtype={StringTensorType: "object", double: "float64"}.get(kind, "int64"), columns=(place,))
            )
            types.append((column.name, kind([None, 1])))
        yield tuple(feeds), types
        if not any(column.dtype.lower().startswith(("int", "uint")) for column in input.columns):
            return


def _last(model: Any) -> Any:
    """Give the estimator that answers, within pipelines."""
    steps = getattr(model, "steps", None)
    return _last(steps[-1][1]) if isinstance(steps, list) and steps else model
