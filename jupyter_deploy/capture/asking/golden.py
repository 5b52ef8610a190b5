"""Golden rows: inputs and the answers that the notebook's own model gives to them.

The model is asked with rows that went to JSON and back, as a caller's do, so that a release is compared with what the notebook
answers to the same request. It is asked again, with other global random numbers and with the notebook's own rows: that shows a
model that draws random numbers, and one that JSON makes answer otherwise.
"""

from __future__ import annotations

import copy
import functools
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from jupyter_deploy import errors
from jupyter_deploy.answers import ABSOLUTE, largest, same
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.hints import by_name, settled
from jupyter_deploy.capture.asking import calls, chance, kinds, meaning, selection, union
from jupyter_deploy.capture.asking.chance import Twice
from jupyter_deploy.capture.asking.contract import Data
from jupyter_deploy.capture.asking.selection import Batch
from jupyter_deploy.values import Contract, Finding, Golden, Input, Method, Output

FAITHFUL = 1e-6  # relative tolerance of floats that went to JSON and back; they lose nothing there, sums of them may
FIRST, AGAIN = 1, 2  # what the global random numbers begin with
LONG = 2.0  # seconds; a model that takes longer is asked again for fewer rows, and not asked which rows it refuses


class Question(NamedTuple):
    """Whom to ask, and how much.

    Attributes:
        model: The live model; its answers do not disturb the notebook's random numbers.
        name: What the person called it.
        methods: Attribute names, the one to show first in front; an empty one stands for calling the model.
        most: How many golden rows of each method to take at most.
        tolerance: Relative tolerance of floats when two answers are compared.
        shape_only: Whether it may answer twice otherwise.
    """

    model: Any
    name: str
    methods: tuple[str, ...]
    most: int
    tolerance: float
    shape_only: bool = False


class Asked(NamedTuple):
    """What the model answered.

    Attributes:
        contract: Every method that answered.
        golden: The golden rows of each, request by request.
        origin: Where they were found, for people.
        findings: Recorded calls that they do not cover, and what callers get otherwise than the notebook.
        failed: Why a method is left out, by attribute.
    """

    contract: Contract
    golden: list[Golden]
    origin: str
    findings: tuple[Finding, ...]
    failed: dict[str, str] = {}


class Answered(NamedTuple):
    """What one method answered to one request.

    Attributes:
        batch: The rows.
        output: What the answer is.
        answers: One answer a row, as JSON.
        altered: What is of another kind after it went to JSON and back.
    """

    batch: Batch
    output: Output
    answers: list[Any]
    altered: tuple[str, ...] = ()


class NoAnswer(Exception):
    """The model does not take the data."""


def ask(question: Question, first: Data, recorded: tuple[Data, ...] = (), training: tuple[Data, ...] = ()) -> Asked:
    """Ask every method of a model.

    Args:
        question: Whom to ask, and how much.
        first: What says which kind of data the model takes.
        recorded: What it was called on besides.
        training: What it was fitted on.

    Returns:
        Contract and golden rows; a method other than the first that raises is left out of both. One that does not take what the
        others take is asked what the notebook called it with.

    Raises:
        NoAnswer: If the first data cannot be written as JSON, or the first method does not take them.
        NonDeterministic: If the model does not answer twice alike.
    """
    if first.by_name and not first.value:
        return _unasked(question, first)
    forward = tuple(one for one in question.methods if one not in calls.BACKWARD) or question.methods
    shared = tuple(one for one in recorded if one.method not in calls.BACKWARD or one.method in forward)
    asked = _ask_together(question._replace(methods=forward), first, shared, training)
    for attribute in question.methods:
        if all(one.attribute != attribute for one in asked.contract.methods):
            own = tuple(one for one in recorded if one.method == attribute)
            asked = _joined(asked, _ask_alone(question._replace(methods=(attribute,)), own, asked.failed.get(attribute, "")))
    return asked


def _ask_alone(question: Question, own: tuple[Data, ...], reason: str) -> Asked:
    """Ask a method what the notebook called it with; where it answers none of that, say that it is left out."""
    for data in own:
        try:
            return _ask_together(question, data, own, ())
        except NoAnswer as error:  # noqa: PERF203 (each candidate is its own attempt)
            reason = reason or str(error)
    method = f"{question.name}.{question.methods[0]}"
    finding = Finding(
        kind="contract", subject=method,
        message=f"`{method}` is left out: {reason or 'the notebook no longer holds what it was called with'}.",
        hint=f"To have it, call `{method}` in a cell with rows that it takes, and deploy again.",
    )  # fmt: skip
    return Asked(Contract(methods=()), [], "", (finding,))


def _joined(asked: Asked, more: Asked) -> Asked:
    methods = (*asked.contract.methods, *more.contract.methods)
    return asked._replace(
        contract=Contract(methods=methods), golden=asked.golden + more.golden, findings=(*asked.findings, *more.findings)
    )


def _ask_together(question: Question, first: Data, recorded: tuple[Data, ...], training: tuple[Data, ...]) -> Asked:
    try:
        own = first.input or _describe(question, first)
        wide = own if first.input else union.of_inputs(own, _described((*recorded, *training)))
        try:
            asked = _ask(question, wide, selection.select(first, recorded, training, wide, question.most))
        except NoAnswer:
            if wide == own:
                raise
            asked = _ask(question, own, selection.select(first, recorded, training, own, question.most))
    except (TypeError, ValueError) as error:
        raise NoAnswer(f"{first.place} cannot be written as JSON: {error}") from error
    return asked._replace(findings=(*asked.findings, *_not_covered(question.name, recorded)))


def _describe(question: Question, data: Data) -> Input:
    function = _function(question.model, question.methods[0])
    return codec.describe_arguments(data.value, function) if data.by_name else codec.describe_batch(data.value, function)


def _function(model: Any, attribute: str) -> Any:
    return getattr(model, attribute) if attribute else model


def _unasked(question: Question, data: Data) -> Asked:
    """Take the word of a function's own signature, since no call of it is known."""
    attribute = question.methods[0]
    described, function = data.input or _describe(question, data), _function(question.model, attribute)
    output = codec.with_schema(Output(kind="list"), function, [], together=described.kind == "list")
    method = Method(name=attribute or "predict", attribute=attribute, input=described, output=output)
    finding = Finding(
        kind="golden", subject=question.name,
        message=f"No executed cell calls `{question.name}` with literals, or variables that still exist: "
        "type hints say what it accepts, but nothing proves what it answers.",
        hint="Call it in a cell and deploy again, or give its arguments with `--example`.",
    )  # fmt: skip
    return Asked(Contract(methods=(method,)), [], "", (finding,))


def _described(others: Iterable[Data]) -> Iterator[Input]:
    for value in {id(one.value): one.value for one in others if not one.by_name}.values():
        try:
            yield codec.describe_input(value)
        except (TypeError, ValueError):  # noqa: PERF203 (each is described by itself)
            continue


def _ask(question: Question, input: Input, batches: list[Batch]) -> Asked:
    lead, rest = batches[0], batches[1:]
    methods: list[Method] = []
    golden: list[Golden] = []
    used: dict[str, Data] = {}
    failed: dict[str, str] = {}
    altered: list[Finding] = []
    for attribute in question.methods:
        method = Method(name=attribute or "predict", attribute=attribute, input=input, output=Output(kind="value"))
        try:
            answered = [_answer(question, method, lead)]
        except errors.DeployError:
            raise
        except Exception as error:  # the model's own code, which may raise anything
            failed[attribute] = f"{lead.data.place}: {_reason(question, method, lead, error)}"
            if not methods:
                raise NoAnswer(failed[attribute]) from error
            continue
        more = (_whatever_is_answered(question, method, batch) for batch in rest)
        answered += [one for one in more if one is not None and union.fits(answered[0].output, one.output)]
        output = union.of_outputs(answered[0].output, (one.output for one in answered[1:]))
        answers = [row for one in answered for row in one.answers]
        output = codec.with_schema(output, _function(question.model, attribute), answers, together=input.kind != "arguments")
        output = meaning.told(question.model, attribute, _with_index(question, method, output, lead), answers)
        altered += _altered(question.name, method.name, answered[0].altered)
        methods.append(Method(name=method.name, attribute=attribute, input=input, output=output))
        golden += [
            Golden(method=method.name, rows=one.batch.rows, answers=one.answers, origin=one.batch.data.origin,
                   shape_only=question.shape_only)
            for one in answered
        ]  # fmt: skip
        used.update({one.batch.data.place: one.batch.data for one in answered})
    found = tuple(used.values())
    return Asked(Contract(methods=tuple(methods)), golden, _origin(found), tuple(altered), failed)


def _with_index(question: Question, method: Method, output: Output, batch: Batch) -> Output:
    """Ask a model of tables once more with another index, to see whether its answers keep that of the rows."""
    if any(one.kind not in ("frame", "series") or one.library == "polars" for one in (output, method.input)):
        return output
    rows = len(batch.rows)
    moved = _as_sent(question.model, method, batch).set_axis(range(rows, 2 * rows))
    try:
        answer = _call(question.model, method, moved, AGAIN)
    except Exception:  # noqa: BLE001 (the model's own code, which may raise anything)
        return output
    is_own = hasattr(answer, "iloc") and answer.index.tolist() == list(range(rows))
    return msgspec.structs.replace(output, index="own") if is_own else output


def _whatever_is_answered(question: Question, method: Method, batch: Batch) -> Answered | None:
    """Ask for rows of which the model may refuse some, such as missing values; those are left out."""
    parts = _answered_parts(question, method, batch, time.perf_counter() + LONG)
    if len(parts) < 2:
        return parts[0] if parts else None
    kept = {place for part in parts for place in part.batch.places}
    together = _answered_parts(
        question, method, batch.only([at for at, place in enumerate(batch.places) if place in kept]), until=0
    )
    return together[0] if together else None


def _answered_parts(question: Question, method: Method, batch: Batch, until: float) -> list[Answered]:
    try:
        return [_answer(question, method, batch)]
    except errors.DeployError:
        raise
    except Exception:  # noqa: BLE001 (the model's own code, which may raise anything)
        half = len(batch.rows) // 2
        if not half or time.perf_counter() > until:
            return []
    halves = batch.only(range(half)), batch.only(range(half, len(batch.rows)))
    return [one for part in halves for one in _answered_parts(question, method, part, until)]


def _answer(question: Question, method: Method, batch: Batch) -> Answered:
    rows, began = len(batch.rows), time.perf_counter()
    answer = _call(question.model, method, _as_sent(question.model, method, batch), FIRST)
    seconds = time.perf_counter() - began
    if hasattr(answer, "iloc") and answer.index.tolist() != list(range(rows)):
        raise NoAnswer("its answer has an index of its own, in which JSON would lose whose answer is whose; keep that of the rows")
    output = _describe_answer(method.input, answer, rows)
    if output.kind == "array" and len(answer) > rows and len(answer) % rows == 0:
        output = _grouped(question.model, method, batch, output, answer)
    answers = codec.encode_answer(answer, output)
    if output.kind == "value" and method.input.kind not in ("arguments", "value"):
        if isinstance(answer, list | tuple):
            raise NoAnswer(f"it gave {len(answers[0])} answers to {rows} {'row' if rows == 1 else 'rows'}")
        given = "None" if answer is None else f"one {type(answer).__name__}"
        raise NoAnswer(f"it gave {given} for {rows} {'row' if rows == 1 else 'rows'} together, not one answer a row")
    if len(answers) != rows:
        raise NoAnswer(f"it gave {len(answers)} answers to {rows} {'row' if rows == 1 else 'rows'}")
    answered = Answered(batch, output, answers)
    if batch.edge:  # which the notebook never asked, so there is no answer of its own to be true to
        return answered
    _check(question, msgspec.structs.replace(method, output=output), answered, seconds)
    return answered._replace(altered=_kinds(question.model, method, answered, answer))


def _describe_answer(input: Input, answer: Any, rows: int) -> Output:
    if input.kind == "arguments":
        return codec.describe_calls(answer)
    if input.kind == "value":  # for which there is one answer, whatever that is
        codec.encode_value(answer)
        return Output(kind="value")
    return codec.describe_output(answer, rows)


def _grouped(model: Any, method: Method, batch: Batch, output: Output, answer: Any) -> Output:
    """Group an answer of several rows for each one where the first row alone gets the first of them, as an image its patches."""
    size = len(answer) // len(batch.rows)
    alone = _call(model, method, _as_sent(model, method, batch.only([0])), FIRST)
    first, own = (_sent(codec.encode_answer(one, output)) for one in (answer[:size], alone))
    return msgspec.structs.replace(output, group=size) if same(first, own, FAITHFUL) else output


def _kinds(model: Any, method: Method, answered: Answered, answer: Any) -> tuple[str, ...]:
    """Say what of the rows, and of the answer, is of another kind after JSON."""
    if method.input.kind in ("arguments", "value") or answered.output.kind == "value":
        return ()
    sent = kinds.difference(answered.batch.original, _as_sent(model, method, answered.batch))
    got = kinds.difference(answer, codec.decode_answer(_sent(answered.answers), answered.output))
    told = (f"what it is called with: {sent}" if sent else "", f"what its answer becomes for callers: {got}" if got else "")
    return tuple(one for one in told if one)


def _call(model: Any, method: Method, argument: Any, seed: int) -> Any:
    function = _function(model, method.attribute)
    with chance.undisturbed(seed):
        if method.input.kind != "arguments":
            return settled(function(argument))
        call = by_name(function)
        return [call(one) for one in argument]


def _as_sent(model: Any, method: Method, batch: Batch) -> Any:
    return codec.decode_rows(codec.to_json({"rows": batch.rows}), method.input, _function(model, method.attribute))


def _check(question: Question, method: Method, answered: Answered, seconds: float) -> None:
    """Check that the model answers twice alike, and the notebook's own rows as it answers what JSON makes of them."""

    def again(argument: Any, seed: int = AGAIN) -> Any:
        return _sent(codec.encode_answer(_call(question.model, method, argument, seed), method.output))

    batch, expected = answered.batch, _sent(answered.answers)
    if seconds > LONG and len(batch.rows) > 1:
        batch = batch.only(range(max(1, int(len(batch.rows) * LONG / seconds))))
        expected = again(_as_sent(question.model, method, batch), FIRST)  # an answer may depend on what is asked with it
    own = again(copy.deepcopy(batch.original) if method.input.kind == "arguments" else batch.original)
    if Twice(expected, own).agree(question.tolerance, shape_only=question.shape_only):
        return
    for _ in range(2):  # once more than it takes, for what answers every other time otherwise
        twice = Twice(expected, again(_as_sent(question.model, method, batch)))
        if not twice.agree(question.tolerance, shape_only=question.shape_only):
            raise _refuse(question, method.name, twice)
    as_json = Twice(expected, own)
    scale = max(ABSOLUTE, largest(expected))  # what is nearly 0 depends on how rows lie in memory, as a distance to itself does
    if not as_json.agree(max(FAITHFUL, question.tolerance), shape_only=question.shape_only, scale=scale):
        row, _, _ = as_json.differing(FAITHFUL, scale)
        null = b"null" in codec.to_json(batch.rows)
        reason = kinds.difference(batch.original, _as_sent(question.model, method, batch)) or kinds.of_index(again, batch.original)
        reason = reason or ("JSON has no infinite numbers, for one" if null else "a type of theirs has no form in JSON")
        raise NoAnswer(f"row {row} is answered otherwise when it comes as JSON, as callers send it: {reason}")


def _refuse(question: Question, method: str, twice: Twice) -> errors.NonDeterministic:
    if question.shape_only:
        return chance.refuse_shape(question.name, method, twice)
    return chance.refuse(question.model, question.name, method, twice, question.tolerance)


def _sent(answers: list[Any]) -> Any:
    return json.loads(codec.to_json(answers))


def _altered(name: str, method: str, altered: tuple[str, ...]) -> Iterator[Finding]:
    for one in altered:
        yield Finding(
            kind="contract", subject=f"{name}.{method}",
            message=f"JSON changes a kind, though no golden answer: of `{name}.{method}`, {one}.",
        )  # fmt: skip


def _origin(used: tuple[Data, ...]) -> str:
    """Say where golden rows were found, such as `cell 7: model.predict(X_test) and 2 more calls`."""
    if not used:
        return ""
    calls = sum(not one.origin.startswith(selection.EDGE) for one in used) - 1
    more = f" and {calls} more call{'' if calls == 1 else 's'}" if calls else ""
    at_edge = "".join(f", {one.origin}" for one in used if one.origin.startswith(selection.EDGE))
    return f"{used[0].place}{more}{at_edge}"


def _not_covered(name: str, recorded: tuple[Data, ...]) -> Iterator[Finding]:
    for one in {(one.cell, one.origin): one for one in recorded}.values():
        if given := " and ".join(one.left_out):
            yield Finding(
                kind="golden", subject=f"cell {one.cell}",
                message=f"The notebook calls `{one.origin}` with {given}; callers give rows alone, and golden rows too.",
                hint=f"To keep that, deploy a function that takes the rows and calls `{name}` so.",
            )  # fmt: skip


def _reason(question: Question, method: Method, batch: Batch, error: Exception) -> str:
    if isinstance(error, NoAnswer):
        return str(error)
    told = (str(error).strip().splitlines() or ["no reason given"])[0]
    of_index = kinds.of_index(functools.partial(_call, question.model, method, seed=FIRST), batch.original)
    return f"{type(error).__name__}: {told}{of_index and f'; {of_index}'}"
