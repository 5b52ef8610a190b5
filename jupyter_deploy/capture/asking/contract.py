"""On what a model can be called: from an example, from the notebook's own calls, or from what the model knows of its features."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import codec, tensors
from jupyter_deploy.bentos.python.endpoint.hints import Signature, signature_of
from jupyter_deploy.capture.asking import calls
from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.values import Input

MISSING: Any = object()
"""Stands for an example that was not given; None may be one."""


ONE = (bool, int, float, str, dict)
"""What a function returns that gives one answer for a whole table."""


class Data(NamedTuple):
    """Something to call the model on.

    Attributes:
        value: A batch of rows; where `by_name`, a list with the named arguments of one call each.
        origin: Where it was found, for people.
        by_name: Whether the model takes named arguments, one call a row.
        input: What it is, where that is known better than the data tells.
        cell: The number of the cell that it was found in; 0 where it was in none.
        left_out: Arguments that the call had besides the rows.
        method: The method that was called with it; empty where it is no method's own.
    """

    value: Any
    origin: str
    by_name: bool = False
    input: Input | None = None
    cell: int = 0
    left_out: tuple[str, ...] = ()
    method: str = ""

    @property
    def place(self) -> str:
        """Where it was found, such as `cell 7: model.predict(X_test)`."""
        return f"cell {self.cell}: {self.origin}" if self.cell else self.origin


class Found(NamedTuple):
    """What a notebook says of a model's input.

    Attributes:
        candidates: What the model may be called on, the best first; where an example is given, nothing else.
        recorded: What it was called on in the executed cells, the newest first.
        training: What it was fitted on, where that is in memory.
        methods: The methods to ask, the one to show first in front.
    """

    candidates: Iterator[Data]
    recorded: tuple[Data, ...]
    training: tuple[Data, ...]
    methods: tuple[str, ...]


def find(search: calls.Search, notebook: Notebook, example: Any, known: Input | None) -> Found:
    """Look for what a model is called on.

    Args:
        search: The model, its name, its methods and the notebook's variables.
        notebook: The executed cells.
        example: What the person gave; `MISSING` where nothing.
        known: What the model knows of its input.

    Returns:
        What was found.
    """
    found = calls.find(search, notebook)
    forward = [call for call in found if call.method not in calls.BACKWARD] or found
    candidates = _candidates(search, forward, known) if example is MISSING else _from_example(search, example, known)
    recorded = (*_from_calls(search, [call for call in found if call.rank != calls.FITTED]), *_from_model(search))
    fitted = tuple(_from_calls(search, [call for call in found if call.rank == calls.FITTED]))
    called = calls.names(search, notebook)
    methods = tuple(one for one in search.methods if one not in calls.ON_DEMAND or one in called) or search.methods
    return Found(candidates, recorded, fitted or tuple(_like_training(search.namespace, known)), methods)


def _candidates(search: calls.Search, found: list[calls.Call], known: Input | None) -> Iterator[Data]:
    if known is not None and known.kind == "frame":  # a live table with the model's columns tells more than values without names
        yield from _from_calls(search, [call for call in found if call.rank != calls.LITERAL])
        yield from _from_model(search)
        yield from _from_variables(search.namespace, known)
    yield from _from_calls(search, found)
    yield from _from_model(search)
    if known is not None:
        yield from _from_variables(search.namespace, known)
        yield from _made_up(known)
    yield from _from_signature(search)


def _from_example(search: calls.Search, example: Any, known: Input | None) -> Iterator[Data]:
    origin = "the given example"
    if search.translates:
        example, _ = search.served.rows_of((example,), {})
    if not search.by_name:
        yield Data(_as_table(example, known), origin)
        return
    signature = signature_of(search.function)
    if signature is None:
        yield Data(example, origin)
        return
    required = [one.name for one in signature.parameters.values() if one.required]
    if len(required) <= 1 and is_batch(example):
        yield Data(example, origin)
        if _is_rows(search, example, signature):
            return
    if isinstance(example, dict) and example and (signature.others or example.keys() <= signature.parameters.keys()):
        yield Data([example], origin, by_name=True)
    elif is_batch(example) and len(required) > 1:
        yield from _calls_by_row(example, required, signature, origin)
    else:
        named = _bind(signature, example if isinstance(example, tuple) else (example,), {})
        if named is not None:
            yield Data([named], origin, by_name=True)


def _calls_by_row(example: Any, required: list[str], signature: Signature, origin: str) -> Iterator[Data]:
    """Take the rows of a table, or a list of objects, as the named arguments of one call each."""
    rows = example.to_dict("records") if hasattr(example, "to_dict") and hasattr(example, "columns") else example
    if isinstance(rows, list) and rows and all(isinstance(row, dict) and row.keys() >= set(required) for row in rows):
        known = [{name: row[name] for name in row if signature.others or name in signature.parameters} for row in rows]
        yield Data(known, origin, by_name=True)


def _as_table(example: Any, known: Input | None) -> Any:
    """Make a table of an object by column, or of a list of them, for a model that was fitted on a table."""
    records = [example] if isinstance(example, dict) else example
    is_records = isinstance(records, list) and bool(records) and all(isinstance(one, dict) for one in records)
    if not is_records or known is None or known.kind != "frame" or "pandas" not in sys.modules:
        return example
    return sys.modules["pandas"].DataFrame(records)


def _from_calls(search: calls.Search, found: list[calls.Call]) -> Iterator[Data]:
    by_name: list[dict[str, Any]] = []
    of: list[calls.Call] = []
    signature = signature_of(search.function) if search.by_name else None
    for call in found:
        if search.translates:
            value, named = search.served.rows_of(call.positional, call.named)
            if value is not None:
                told = tuple(f"`{name}`" for name in named)
                yield Data(value, call.origin, cell=call.cell, left_out=told, method=call.method)
        elif len(call.positional) == 1 and not call.named and is_batch(call.positional[0]):
            yield Data(call.positional[0], call.origin, cell=call.cell, method=call.method)
        elif "" not in search.methods:
            value, left_out = _rows_of(call)
            if is_batch(value):
                yield Data(value, call.origin, cell=call.cell, left_out=left_out, method=call.method)
        one = signature is not None and _is_one_call(search, call, signature)
        named = _bind(signature, call.positional, call.named) if signature is not None and one else None
        if named is not None:
            by_name.append(named)
            of.append(call)
    if by_name:
        more = f" and {len(by_name) - 1} more" if len(by_name) > 1 else ""
        yield Data(by_name, of[0].origin + more, by_name=True, cell=of[0].cell)


def _from_model(search: calls.Search) -> Iterator[Data]:
    """Take the rows that were saved with the model, as MLflow does."""
    value = getattr(search.served, "input_example", None)
    if is_batch(value):
        yield Data(value, "the model's own input example")


def _rows_of(call: calls.Call) -> tuple[Any, tuple[str, ...]]:
    """Find the rows among the arguments of a method's call, and name the other ones."""
    if call.positional:
        others = [f"its argument {at}" for at in range(2, len(call.positional) + 1)]
        return call.positional[0], (*others, *(f"`{name}`" for name in call.named))
    rows = "X" if "X" in call.named else next(iter(call.named))
    return call.named[rows], tuple(f"`{name}`" for name in call.named if name != rows)


def _is_one_call(search: calls.Search, call: calls.Call, signature: Signature) -> bool:
    if call.rank not in (calls.ASKED, calls.LITERAL):
        return False
    given = [*call.positional, *call.named.values()]
    return len(given) != 1 or not _is_rows(search, given[0], signature)


def _is_rows(search: calls.Search, value: Any, signature: Signature) -> bool:
    """Whether the one argument of a call is rows and nothing else; a function may say that it gives one answer for all of it."""
    alone = not isinstance(value, list) or "" not in search.methods
    return is_batch(value) and alone and signature.returns not in ONE


def _bind(signature: Signature, positional: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any] | None:
    """Name the arguments of one call; None where they do not fit."""
    try:
        return signature.bind(positional, named)
    except TypeError:
        return None


def _from_signature(search: calls.Search) -> Iterator[Data]:
    """Take a function's word for what it accepts: one call where all has a default, else none."""
    signature = signature_of(search.function) if search.by_name else None
    if signature is None:
        return
    try:
        described = codec.describe_hints(search.function)
    except TypeError:  # a parameter has neither hint nor default
        return
    without = described.kind == "arguments" and not any(one.required for one in signature.parameters.values())
    yield Data([{}] if without else [], "its own defaults" if without else "its signature", by_name=True, input=described)


def is_batch(value: object) -> bool:
    """Say whether a value holds rows, rather than being one argument among others.

    Args:
        value: Any object.

    Returns:
        Whether it is a list, an array, a table or a column with at least one row.
    """
    if isinstance(value, list):
        return bool(value)
    value = tensors.plain(value)
    family = type(value).__module__.partition(".")[0]
    shape = getattr(value, "shape", None)
    return family in ("numpy", "pandas", "scipy", "polars") and isinstance(shape, tuple) and bool(shape) and shape[0] > 0


def _from_variables(namespace: Mapping[str, Any], known: Input) -> Iterator[Data]:
    """Look for a live table with the model's columns, or a live array of its width."""
    public = (name for name in namespace if not name.startswith("_"))
    names = sorted(public, key=lambda name: ("test" not in name, "val" not in name))
    for name in names:
        value = namespace[name]
        if not is_batch(value) or isinstance(value, list):
            continue
        if known.kind == "frame" and hasattr(value, "columns"):
            wanted = [column.name for column in known.columns]
            if set(wanted) <= {str(one) for one in value.columns}:
                yield Data(value if list(value.columns) == wanted else value[wanted], f"the variable {name}")
        elif known.kind == "array" and not hasattr(value, "columns") and known.shape and value.shape[1:] == known.shape[1:]:
            yield Data(value, f"the variable {name}")


def _like_training(namespace: Mapping[str, Any], known: Input | None) -> Iterator[Data]:
    """Look for a live table with exactly the model's columns, one that says `train` in its name first, then the longest one."""
    if known is None or known.kind != "frame":
        return
    wanted = [column.name for column in known.columns]
    tables = {name: value for name, value in dict(namespace).items() if not name.startswith("_") and is_batch(value)}
    same = [name for name, value in tables.items() if [str(one) for one in getattr(value, "columns", ())] == wanted]
    if same:
        best = max(same, key=lambda name: ("train" in name.lower(), len(namespace[name])))
        yield Data(namespace[best], f"the variable {best}")


def _made_up(known: Input) -> Iterator[Data]:
    """Make one row of zeros of what the model knows, since the notebook holds no data any more."""
    numpy: Any = sys.modules.get("numpy")
    pandas: Any = sys.modules.get("pandas")
    origin = "a made-up row of zeros, because the notebook holds no data with the model's features"
    if known.kind == "array" and numpy and known.shape and len(known.shape) > 1 and None not in known.shape[1:]:
        yield Data(tensors.made(numpy.zeros((1, *known.shape[1:]), known.dtype), known.library), origin, input=known)
    elif known.kind == "frame" and pandas:
        yield Data(pandas.DataFrame([{column.name: 0.0 for column in known.columns}]), origin, input=known)


def nothing_found(search: calls.Search, failures: list[str]) -> errors.NoContract:
    """Say that nothing tells what the model accepts.

    Args:
        search: The model, its name, its methods and the notebook's variables.
        failures: What was tried, and how it failed.

    Returns:
        The error to raise.
    """
    name, method = search.expression, search.methods[0]
    called = f"({name})" if name.startswith("lambda") else name
    call = f"{called}.{method}(X_test)" if method else f"{called}(X_test)"
    found = "what the notebook holds could not be used" if failures else ""
    found = found or f"no executed cell calls `{call}` with a variable that still exists"
    reasons = "".join(f"\n  {one}" for one in list(dict.fromkeys(failures))[:3])
    begin = "Mend that, or give other" if failures else "Give some"
    return errors.NoContract(
        f"Nothing says what `{name}` accepts: {found}{':' if reasons else '.'}{reasons}",
        f"{begin} rows as an example: `%deploy {name} --example X_test`, or run `{call}` in a cell and deploy again.",
    )


def unfit_example(search: calls.Search, failures: list[str]) -> errors.NoContract:
    """Say that the model does not take the example that was given.

    Args:
        search: The model, its name, its methods and the notebook's variables.
        failures: What was tried, and how it failed.

    Returns:
        The error to raise.
    """
    name, method = search.expression, search.methods[0]
    call = f"{name}.{method}(...)" if method else f"{name}(...)"
    reason = failures[0] if failures else "the given example: its arguments do not fit"
    return errors.NoContract(
        f"`{name}` does not take {reason}.",
        f"Give what `{call}` takes: some rows, or for a function of several arguments a tuple or a dict of them.",
    )
