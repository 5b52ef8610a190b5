"""Rows that fit the contract become the model's argument; what can be prepared for it is prepared once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import polar, sparse
from .columns import Frame, Series, builder, labels, listed
from .contract import Column, Input
from .dtypes import is_numpy

Built = Callable[[list[Any]], Any]


def builder_of(input: Input) -> Built:
    """Prepare to build the arguments of one method.

    Args:
        input: What the method accepts.

    Returns:
        What makes the argument out of rows: tuples in the columns' order for a frame, else one JSON value a row. It raises
        KeyError, ValueError, TypeError or OverflowError for a value that does not fit after all.
    """
    return _BUILDERS[input.kind](input)


def of_columns(input: Input) -> Callable[[list[list[Any]]], Any]:
    """Prepare to build the frames of one method column by column.

    Args:
        input: What the method accepts.

    Returns:
        What makes the frame out of a list of JSON values for each column; it raises what `builder_of` does.
    """
    if not _is_block(input.columns):
        return Frame(input.columns, input.dtype, input.library)
    import numpy as np
    import pandas as pd

    names, dtype = labels(input.columns, input.dtype), np.dtype(input.columns[0].dtype)
    return lambda columns: pd.DataFrame(
        np.stack([np.array(one, dtype=dtype) for one in columns], axis=1), columns=names, copy=False
    )


def rest(input: Input) -> tuple[int | None, ...]:
    """Give the shape of one row.

    Args:
        input: What a method accepts.

    Returns:
        The shape without the number of rows.
    """
    return (input.shape or (None,))[1:]


def _frame(input: Input) -> Built:
    columns = input.columns
    if _is_block(columns):
        return _block(input)
    build = Frame(columns, input.dtype, input.library)
    return lambda rows: build(list(zip(*rows, strict=True)) if rows else [() for _ in columns], size=len(rows))


def _is_block(columns: Sequence[Column]) -> bool:
    return len({column.dtype for column in columns}) == 1 and is_numpy(columns[0].dtype) and len(columns) > 1


def _block(input: Input) -> Built:
    """A frame whose columns have one dtype is one block of memory, and several times cheaper to build."""
    import numpy as np
    import pandas as pd

    names, dtype = labels(input.columns, input.dtype), np.dtype(input.columns[0].dtype)
    return lambda rows: pd.DataFrame(np.array(rows, dtype=dtype).reshape(len(rows), len(names)), columns=names, copy=False)


def _series(input: Input) -> Built:
    if input.library == "polars":
        return lambda rows: polar.build(input.columns[0], rows)
    build = Series(input.dtype or "object", input.columns[0].categories if input.columns else None)
    return lambda rows: build(rows, name=input.name)


def _array(input: Input) -> Built:
    import numpy as np

    inner, dtype = rest(input), input.dtype
    known = tuple(size for size in inner if size is not None)
    if len(known) < len(inner):
        none = np.empty((0, *(size or 0 for size in inner)), dtype=dtype)
        return lambda rows: np.array(rows, dtype=dtype) if rows else none
    if is_numpy(dtype or "float64"):
        exact = np.dtype(dtype or "float64")
        return lambda rows: np.array(rows, dtype=exact).reshape(len(rows), *known)
    build = builder(dtype or "float64")

    def nested(rows: list[Any]) -> Any:
        flat = rows
        for _ in inner:
            flat = [one for row in flat for one in row]
        return np.asarray(build(flat)).reshape(len(rows), *known)

    return nested


def _sparse(input: Input) -> Built:
    shape, dtype, name = input.shape or (None, 0), input.dtype or "float64", str(input.name or "csr_matrix")
    return lambda rows: sparse.build(rows, shape, dtype, name)


def _list(input: Input) -> Built:
    return lambda rows: listed(rows, input.dtype, nullable=input.nullable)


def _arguments(input: Input) -> Built:
    names = [column.name for column in input.columns]
    return lambda rows: [dict(zip(names, row, strict=True)) if type(row) is tuple else row for row in rows]


def _value(_input: Input) -> Built:
    return lambda rows: rows[0]


_BUILDERS: dict[str, Callable[[Input], Built]] = {
    "frame": _frame, "series": _series, "array": _array, "sparse": _sparse, "list": _list, "arguments": _arguments,
    "value": _value,
}  # fmt: skip
