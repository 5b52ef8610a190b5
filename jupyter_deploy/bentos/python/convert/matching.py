"""Finds which output of which graph is the answer of which method, by asking both the same: what differs anywhere is no match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from endpoint.loaders.compiled import Routine, answer, session_of, tensor  # type: ignore[import-not-found]

from .forms import Graph
from .questions import Question

SMALLEST, ROUNDED = 1e-3, 1e-2  # how large a float is that the tolerance is relative to: at least, and of the largest in its row


class Match(NamedTuple):
    """A method that a graph answers.

    Attributes:
        routine: How.
        graph: The graph.
    """

    routine: Routine
    graph: Graph


class Runner:
    """A graph that is asked.

    Args:
        graph: The graph.

    Raises:
        Exception: Whatever ONNX Runtime raises at a graph that it does not run.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._session = session_of(graph.data)
        self.outputs = [one.name for one in self._session.get_outputs()]

    def outputs_of(self, argument: Any) -> dict[str, Any] | str:
        """Run the graph; gives each output, or why it refuses."""
        try:
            feeds = {feed.name: tensor(argument, feed) for feed in self.graph.feeds}
            return dict(zip(self.outputs, self._session.run(None, feeds), strict=True))
        except Exception as error:  # noqa: BLE001 (whatever a runtime raises at a value counts as a refusal)
            return f"{type(error).__name__}: {str(error)[:200]}"


def match(runner: Runner, attribute: str, asked: Sequence[Question], tolerance: float, file: str) -> Match | str:
    """See whether a graph answers a method.

    Args:
        runner: The graph.
        attribute: The method's name on the model.
        asked: What to ask, with the model's own answers.
        tolerance: Relative tolerance of floats.
        file: The graph's file.

    Returns:
        How it does, or why not.
    """
    answered = [runner.outputs_of(one.argument) for one in asked]
    first = next((one for one in asked if one.expected is not None), None)
    if first is None:
        return "the model itself answers nothing"
    why = ""
    for routine in _ways(runner, attribute, first, answered[asked.index(first)], file):
        wrong = _first_difference(routine, asked, answered, tolerance)
        if not wrong:
            return Match(routine, runner.graph)
        why = why or wrong
    refused = next((one for one in answered if isinstance(one, str)), "")
    return why or refused or "no output of the graph has the shape of its answer"


def _ways(runner: Runner, attribute: str, first: Question, outputs: Any, file: str) -> Iterator[Routine]:
    """List how an output may be read so that it has the shape of the model's answer."""
    if isinstance(outputs, str):
        return
    expected = first.expected
    dtype = "object" if expected.dtype.kind in "OUST" else str(expected.dtype)
    for name in runner.outputs:
        found = outputs[name]
        if not hasattr(found, "shape") or (found.dtype.kind in "OUS") != (dtype == "object"):
            continue
        ways: list[dict[str, Any]] = []
        if found.shape == expected.shape:
            ways = [{}, {"log": True}] if attribute == "predict_log_proba" else [{}]
        elif expected.ndim == 1 and found.shape == (len(expected), 1):
            ways = [{"flat": True}]
        elif expected.ndim == 1 and found.shape == (len(expected), 2):
            ways = [{"column": 1}]
        for way in ways:
            yield Routine(attribute=attribute, file=file, feeds=runner.graph.feeds, output=name, dtype=dtype, **way)


def _first_difference(routine: Routine, asked: Sequence[Question], answered: Sequence[Any], tolerance: float) -> str:
    for one, outputs in zip(asked, answered, strict=True):
        if one.expected is None:
            if not isinstance(outputs, str):
                return "the graph answers rows at which the model raises"
            continue
        if isinstance(outputs, str):
            return f"the graph refuses rows that the model answers: {outputs}"
        wrong = difference(one.expected, answer(outputs[routine.output], routine), tolerance)
        if wrong:
            return f"{wrong}{'' if one.golden else ' on rows that vary the golden ones'}"
    return ""


def difference(expected: Any, got: Any, tolerance: float) -> str:
    """Compare two answers.

    Args:
        expected: The model's.
        got: The graph's, made into the same dtype.
        tolerance: Relative tolerance of floats.

    Returns:
        What differs; empty where nothing does.
    """
    import numpy as np

    if expected.shape != got.shape:
        return f"its answer has the shape {got.shape} and not {expected.shape}"
    if expected.dtype.kind != "f":
        wrong = int((expected != got).reshape(len(expected), -1).any(axis=1).sum()) if len(expected) else 0
        return f"{wrong} of {len(expected)} answers are others" if wrong else ""
    if (np.isnan(expected) != np.isnan(got)).any():
        return "numbers are missing in other places"
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.where(expected == got, 0.0, np.abs(got - expected))
        rows = np.abs(np.where(np.isfinite(expected), expected, 0.0)).reshape(len(expected), -1)
        most = rows.max(axis=1, initial=0.0).reshape(-1, *[1] * (expected.ndim - 1)) * (ROUNDED if expected.ndim > 1 else 0.0)
        scale = np.maximum(np.maximum(np.abs(expected), np.abs(got)), np.maximum(most, SMALLEST))
        relative = np.nan_to_num(off / scale, nan=0.0, posinf=np.inf)
    worst = float(relative.max(initial=0.0))
    return f"answers differ by up to {worst:.1g}" if worst > tolerance else ""
