"""Golden rows: inputs and the answers that the notebook's own model gives to them.

The model is asked with rows that went to JSON and back, as a caller's do, so that a release is compared with what the notebook
answers to the same request.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from jupyter_deploy.answers import same
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


FAITHFUL = 1e-6  # relative tolerance of floats that went to JSON and back; they lose nothing there, sums of them may


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
        original = codec.take(data.value, described, most)
        rows = codec.encode_input(original, described)
    except (TypeError, ValueError) as error:
        raise NoAnswer(f"{data.origin} cannot be written as JSON: {error}") from error
    body = codec.to_json({"rows": rows})
    found: list[Method] = []
    golden: list[Golden] = []
    for attribute in methods:
        try:
            method, answers = _ask_one(model, attribute, described, body, len(rows))
            _check_faithful(model, method, original, body, answers)
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


def _check_faithful(model: Any, method: Method, original: Any, body: bytes, answers: list[Any]) -> None:
    """Check that the model answers the notebook's own rows as it answers what JSON makes of them.

    A model that answers twice otherwise is left alone here: the verification gate refuses it, with the rows that differ.
    """
    if method.input.kind == "arguments":
        return  # its calls are made of JSON's own values
    expected, own = _sent(answers), _again(model, method, original)
    if same(own, expected, FAITHFUL) or not same(_again(model, method, codec.decode_rows(body, method.input)), expected, FAITHFUL):
        return
    row = next((at for at, pair in enumerate(zip(own, expected, strict=False)) if not same(*pair, FAITHFUL)), 0)
    reason = "JSON has no infinite numbers, for one" if b"null" in body else "a type of theirs has no form in JSON"
    raise NoAnswer(f"row {row} is answered otherwise when it comes as JSON, as callers send it: {reason}")


def _again(model: Any, method: Method, argument: Any) -> Any:
    function = getattr(model, method.attribute) if method.attribute else model
    with undisturbed():
        return _sent(codec.encode_answer(function(argument), method.output))


def _sent(answers: list[Any]) -> Any:
    return json.loads(codec.to_json(answers))


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
