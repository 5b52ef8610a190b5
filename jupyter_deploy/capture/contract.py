"""On what a model can be called: from an example, from the notebook's own calls, or from what the model knows of its features."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.capture import calls
from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.values import Input

MISSING: Any = object()
"""Stands for an example that was not given; None may be one."""


class Data(NamedTuple):
    """Something to call the model on.

    Attributes:
        value: A batch of rows; where `by_name`, a list with the named arguments of one call each.
        origin: Where it was found, for people.
        by_name: Whether the model takes named arguments, one call a row.
        input: What it is, where that is known better than the data tells.
        cell: The number of the cell that it was found in; 0 where it was in none.
        left_out: Arguments that the call had besides the rows.
    """

    value: Any
    origin: str
    by_name: bool = False
    input: Input | None = None
    cell: int = 0
    left_out: tuple[str, ...] = ()

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
    """

    candidates: Iterator[Data]
    recorded: tuple[Data, ...]
    training: tuple[Data, ...]


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
    candidates = _candidates(search, found, known) if example is MISSING else _from_example(search, example, known)
    recorded = tuple(_from_calls(search, [call for call in found if call.rank != calls.FITTED]))
    fitted = tuple(_from_calls(search, [call for call in found if call.rank == calls.FITTED]))
    return Found(candidates, recorded, fitted or tuple(_like_training(search.namespace, known)))


def _candidates(search: calls.Search, found: list[calls.Call], known: Input | None) -> Iterator[Data]:
    if known is not None and known.kind == "frame":  # a live table with the model's columns tells more than values without names
        yield from _from_calls(search, [call for call in found if call.rank != calls.LITERAL])
        yield from _from_variables(search.namespace, known)
    yield from _from_calls(search, found)
    if known is not None:
        yield from _from_variables(search.namespace, known)
        yield from _made_up(known)


def _from_example(search: calls.Search, example: Any, known: Input | None) -> Iterator[Data]:
    origin = "the given example"
    if "" not in search.methods:
        yield Data(_as_table(example, known), origin)
        return
    parameters = signature(search.model)
    required = [one for one in parameters.values() if one.default is one.empty]
    if len(required) <= 1 and is_batch(example):
        yield Data(example, origin)
    if isinstance(example, dict) and example and example.keys() <= parameters.keys():
        yield Data([example], origin, by_name=True)
    elif is_batch(example) and len(required) > 1:
        yield from _calls_by_row(example, [one.name for one in required], parameters, origin)
    else:
        named = _bind(parameters, example if isinstance(example, tuple) else (example,), {})
        if named is not None:
            yield Data([named], origin, by_name=True)


def _calls_by_row(example: Any, required: list[str], parameters: Mapping[str, Any], origin: str) -> Iterator[Data]:
    """Take the rows of a table, or a list of objects, as the named arguments of one call each."""
    rows = example.to_dict("records") if hasattr(example, "to_dict") and hasattr(example, "columns") else example
    if isinstance(rows, list) and rows and all(isinstance(row, dict) and row.keys() >= set(required) for row in rows):
        yield Data([{name: row[name] for name in row if name in parameters} for row in rows], origin, by_name=True)


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
    parameters = signature(search.model) if "" in search.methods else {}
    for call in found:
        if len(call.positional) == 1 and not call.named and is_batch(call.positional[0]):
            yield Data(call.positional[0], call.origin, cell=call.cell)
        elif "" not in search.methods:
            value, left_out = _rows_of(call)
            if is_batch(value):
                yield Data(value, call.origin, cell=call.cell, left_out=left_out)
        named = _bind(parameters, call.positional, call.named) if "" in search.methods else None
        if named is not None:
            by_name.append(named)
            of.append(call)
    if by_name:
        more = f" and {len(by_name) - 1} more" if len(by_name) > 1 else ""
        yield Data(by_name, of[0].origin + more, by_name=True, cell=of[0].cell)


def _rows_of(call: calls.Call) -> tuple[Any, tuple[str, ...]]:
    """Find the rows among the arguments of a method's call, and name the other ones."""
    if call.positional:
        others = [f"its argument {at}" for at in range(2, len(call.positional) + 1)]
        return call.positional[0], (*others, *(f"`{name}`" for name in call.named))
    rows = "X" if "X" in call.named else next(iter(call.named))
    return call.named[rows], tuple(f"`{name}`" for name in call.named if name != rows)


def _bind(
    parameters: Mapping[str, inspect.Parameter], positional: tuple[Any, ...], named: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Name the arguments of one call; None where they do not fit, or cannot be given by name."""
    try:
        bound = inspect.Signature(list(parameters.values())).bind(*positional, **named)
    except TypeError:
        return None
    return dict(bound.arguments)


def signature(function: object) -> dict[str, inspect.Parameter]:
    """List the parameters of a function that can be given by name.

    Args:
        function: The function, or an object that can be called.

    Returns:
        Parameters by name; nothing where the function does not tell, as some built-in ones.
    """
    try:
        found = inspect.signature(function).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}
    return {name: one for name, one in found.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}


def is_batch(value: object) -> bool:
    """Say whether a value holds rows, rather than being one argument among others.

    Args:
        value: Any object.

    Returns:
        Whether it is a list, an array, a table or a column with at least one row.
    """
    if isinstance(value, list):
        return bool(value)
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
    tables = {name: value for name, value in namespace.items() if not name.startswith("_") and is_batch(value)}
    same = [name for name, value in tables.items() if [str(one) for one in getattr(value, "columns", ())] == wanted]
    if same:
        best = max(same, key=lambda name: ("train" in name.lower(), len(namespace[name])))
        yield Data(namespace[best], f"the variable {best}")


def _made_up(known: Input) -> Iterator[Data]:
    """Make one row of zeros of what the model knows, since the notebook holds no data any more."""
    numpy: Any = sys.modules.get("numpy")
    pandas: Any = sys.modules.get("pandas")
    origin = "a made-up row of zeros, because the notebook holds no data with the model's features"
    if known.kind == "array" and numpy and known.shape and len(known.shape) > 1 and known.shape[1] is not None:
        yield Data(numpy.zeros((1, known.shape[1])), origin, input=known)
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
    call = f"{name}.{method}(X_test)" if method else f"{name}(X_test)"
    found = "what the notebook holds could not be used" if failures else ""
    found = found or f"no executed cell calls `{call}` with a variable that still exists"
    reasons = "".join(f"\n  {one}" for one in list(dict.fromkeys(failures))[:3])
    return errors.NoContract(
        f"Nothing says what `{name}` accepts: {found}{':' if reasons else '.'}{reasons}",
        f"Give some rows as an example: `%deploy {name} --example X_test`, or run `{call}` in a cell and deploy again.",
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
