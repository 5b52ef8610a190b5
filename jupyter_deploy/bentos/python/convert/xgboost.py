"""Boosters of xgboost's and its estimators; those within a pipeline are converted with that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from endpoint.contract import Input  # type: ignore[import-not-found]

from . import boosters
from .forms import Graph, block, width


def graphs(model: Any, input: Input) -> Iterator[Callable[[], Graph]]:
    """Offer two graphs, one of which sums in single precision, as xgboost itself does.

    Args:
        model: The booster, or what its loader made of it, or an estimator.
        input: What its method accepts.

    Yields:
        What makes it.

    Raises:
        Impossible: If no graph takes such an input.
    """
    count = width(input)
    found, classes = boosters.of_xgboost(boosters.booster_of(model)), getattr(model, "classes_", None)
    for single in (True, False):
        yield lambda single=single: Graph(  # type: ignore[misc]
            "trees", boosters.graph(found, count, classes, single=single), block(input, "float64")
        )
