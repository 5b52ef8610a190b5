"""Golden rows: inputs and the answers that the notebook's own model gives to them.

The model is asked with rows that went to JSON and back, as a caller's do, so that a release is compared with what the notebook
answers to the same request.
"""

from __future__ import annotations

import contextlib
import io
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.capture.contract import Data, signature
from jupyter_deploy.values import Contract, Golden, Input, Method


class Asked(NamedTuple):
    """What the model answered.

    Attributes:
        contract: Every method that answered.
        golden: The golden rows of each.
    """

    contract: Contract
    golden: list[Golden]


class NoAnswer(Exception):
    """The model does not take the data."""


def ask(model: Any, methods: tuple[str, ...], data: Data, most: int) -> Asked:
    """Ask every method of a model.

    Args:
        model: The live model; its answers do not disturb the notebook's random numbers.
        methods: Attribute names, the one to show first in front; an empty one stands for calling the model.
        data: What to ask it.
        most: How many golden rows to take at most.

    Returns:
        Contract and golden rows; a method other than the first that raises is left out of both.

    Raises:
        NoAnswer: If the data cannot be written as JSON, or the first method does not take it.
    """
    try:
        described = data.input or _describe(model, data)
        rows = codec.encode_input(codec.take(data.value, described, most), described)
    except (TypeError, ValueError) as error:
        raise NoAnswer(f"{data.origin} cannot be written as JSON: {error}") from error
    body = codec.to_json({"rows": rows})
    found: list[Method] = []
    golden: list[Golden] = []
    for attribute in methods:
        try:
            method, answers = _ask_one(model, attribute, described, body, len(rows))
        except Exception as error:  # the model's own code, which may raise anything
            if not found:
                kind = "" if isinstance(error, NoAnswer) else f"{type(error).__name__}: "
                raise NoAnswer(f"{data.origin}: {kind}{_first_line(error)}") from error
            continue
        found.append(method)
        golden.append(Golden(method=method.name, rows=rows, answers=answers, origin=data.origin))
    return Asked(Contract(methods=tuple(found)), golden)


def _describe(model: Any, data: Data) -> Input:
    if data.by_name:
        return codec.describe_arguments(data.value, model if signature(model) else None)
    return codec.describe_input(data.value)


def _ask_one(model: Any, attribute: str, described: Input, body: bytes, rows: int) -> tuple[Method, list[Any]]:
    argument = codec.decode_rows(body, described)
    function = getattr(model, attribute) if attribute else model
    with undisturbed():
        answer: Any = [function(**one) for one in argument] if described.kind == "arguments" else function(argument)
    if hasattr(answer, "iloc") and answer.index.tolist() != list(range(rows)):
        raise NoAnswer("its answer has an index of its own, in which JSON would lose whose answer is whose; keep that of the rows")
    if described.kind == "arguments":
        output = codec.describe_calls(answer)
    else:
        output = codec.describe_output(answer, rows, classes(model) if attribute == "predict_proba" else None)
    answers = codec.encode_answer(answer, output)
    if output.kind == "value" and described.kind not in ("arguments", "value"):
        if isinstance(answer, list | tuple):
            raise NoAnswer(f"it gave {len(answers[0])} answers to {rows} {'row' if rows == 1 else 'rows'}")
        given = "None" if answer is None else f"one {type(answer).__name__}"
        raise NoAnswer(f"it gave {given} for {rows} {'row' if rows == 1 else 'rows'} together, not one answer a row")
    if len(answers) != rows:
        raise NoAnswer(f"it gave {len(answers)} answers to {rows} {'row' if rows == 1 else 'rows'}")
    return Method(name=attribute or "predict", attribute=attribute, input=described, output=output), answers


def classes(model: Any) -> tuple[Any, ...] | None:
    """List the classes of a classifier.

    Args:
        model: The live model.

    Returns:
        The class of each column of its probabilities; None where it does not tell.
    """
    known = getattr(model, "classes_", None)
    return tuple(known.tolist()) if known is not None and getattr(known, "ndim", 0) == 1 else None


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the notebook's random numbers, output and warnings as they are while the model is asked."""
    numpy: Any = sys.modules.get("numpy")
    state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(state)
        if numpy:
            numpy.random.set_state(numpy_state)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
