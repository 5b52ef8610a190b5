"""The model's own values become JSON and come back exactly; the notebook and the worker share every line of it.

Rows go in, one JSON value each; answers come out, one JSON value a row. `rows` decodes requests, `describe` makes contracts out of
data; their public functions stand here too, so that whoever needs the codec needs this module alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from . import dtypes, polar, sparse, tensors
from .arguments import describe_arguments, describe_batch, describe_hints, encode_call, with_schema
from .columns import Frame, Series, builder, column_of, is_extension
from .contract import Column, Input, Output
from .describe import describe_calls, describe_input, describe_output
from .problems import InvalidInput, InvalidJson
from .rows import RowDecoder

__all__ = [
    "InvalidInput", "InvalidJson", "RowDecoder", "count", "decode_answer", "decode_rows", "describe_arguments", "describe_batch",
    "describe_calls", "describe_hints", "describe_input", "describe_output", "encode_answer", "encode_input", "encode_value",
    "take", "to_json", "with_schema",
]  # fmt: skip

encode_value = dtypes.to_json
_SAME = {bool, int, str, type(None)}  # what JSON holds as it is
_ENCODER = msgspec.json.Encoder(enc_hook=dtypes.to_json)


def to_json(value: Any) -> bytes:
    """Write strict JSON.

    Args:
        value: What the functions of this module return, or any container of it.

    Returns:
        UTF-8; not-a-number and infinity are null.
    """
    return _ENCODER.encode(value)


def decode_rows(body: bytes, input: Input, function: Any = None) -> Any:
    """Decode one body; a server keeps a `RowDecoder` instead.

    Args:
        body: The request's body.
        input: What the method accepts.
        function: What is called, where its type hints matter.

    Returns:
        The model's argument.

    Raises:
        InvalidJson: If the body is not strict JSON.
        InvalidInput: If it does not fit the contract.
    """
    decoder = RowDecoder(input, function)
    return decoder.join([decoder.parse(body)])


def encode_input(value: Any, input: Input) -> list[Any]:
    """Make the rows of a request out of what the model is called with.

    Args:
        value: The model's argument; for `arguments`, one dict or a list of dicts.
        input: What the method accepts.

    Returns:
        One JSON value a row.

    Raises:
        TypeError: If the value holds no rows, or JSON cannot hold it.
        ValueError: If a row is too long or too short, or two columns have one name.
    """
    if input.kind == "value":
        return [dtypes.to_json(value)]
    if input.kind == "arguments":
        return [encode_call(call, input, encode_input) for call in ([value] if isinstance(value, dict) else value)]
    if input.kind == "frame" and isinstance(value, dict):
        return [dtypes.to_json(value)]
    if input.kind in ("array", "sparse") and hasattr(value, "columns"):
        value = value.to_numpy()  # a model of arrays takes a frame's values, whatever its columns are called
    if input.kind != "sparse" and sparse.is_sparse(value):
        value = value.toarray()
    if input.kind == "frame" and not hasattr(value, "columns"):
        return [_by_name(row, place, input) for place, row in enumerate(_rows(value))]
    return _rows(value)


def _by_name(row: Any, place: int, input: Input) -> dict[str, Any]:
    names = [column.name for column in input.columns]
    if isinstance(row, dict):
        return row
    if not isinstance(row, list):
        raise TypeError(f"row {place} is of type {type(row).__name__}, not a row of {len(names)} columns")
    if len(row) != len(names):
        raise ValueError(f"row {place} has {len(row)} values for {len(names)} columns")
    return dict(zip(names, row, strict=True))


def encode_answer(answer: Any, output: Output | None = None) -> list[Any]:
    """Make predictions out of what the model returned.

    Args:
        answer: What it returned.
        output: What it is known to return; needed where an answer is a list or tuple of arrays.

    Returns:
        One JSON value a row.
    """
    if output is not None and output.kind == "value":
        return [dtypes.to_json(answer)]
    if output is not None and output.each is not None:
        return [_rows(one) for one in answer]
    if output is not None and output.kind == "dict":
        columns = (encode_answer(answer[name], part) for name, part in zip(output.names or (), output.parts, strict=True))
        return [dict(zip(output.names or (), row, strict=True)) for row in zip(*columns, strict=True)]
    if output is not None and output.group > 1:
        rows = _rows(answer)
        return [rows[at : at + output.group] for at in range(0, len(rows), output.group)]
    if output is not None and output.parts:
        return [list(row) for row in zip(*(_rows(one) for one in answer), strict=True)]
    return _rows(answer)


def decode_answer(predictions: list[Any], output: Output, index: Any = None) -> Any:
    """Make the notebook model's own kind of answer out of predictions.

    Args:
        predictions: One JSON value a row.
        output: What the method returns.
        index: The index of the frame that was sent, for an answer that keeps it.

    Returns:
        An array, frame, series, sparse matrix, list, tuple or dict; for `value` the one answer, or a list where there are several.
    """
    if output.kind == "value":
        return predictions[0] if len(predictions) == 1 else predictions
    if output.group > 1:
        predictions = [one for row in predictions for one in row]
    return _DECODE[output.kind](predictions, output, index if output.index == "rows" else None)


def take(value: Any, input: Input, n: int) -> Any:
    """Take the first rows.

    Args:
        value: The model's argument.
        input: What the method accepts.
        n: How many rows at most.

    Returns:
        The same kind of value with at most `n` rows.
    """
    if input.kind == "value" or isinstance(value, dict):
        return value
    if hasattr(value, "iloc"):
        return value.iloc[:n]
    return type(value)(value.tocsr()[:n]) if sparse.is_sparse(value) else value[:n]


def count(value: Any) -> int:
    """Count the rows.

    Args:
        value: A container of rows, or anything else, which is one row.

    Returns:
        How many rows it has.
    """
    if isinstance(value, str | bytes | dict) or not (hasattr(value, "shape") or isinstance(value, list | tuple)):
        return 1
    shape = getattr(value, "shape", None)
    return int(shape[0] if shape else 1) if shape is not None else len(value)


def _rows(value: Any) -> list[Any]:
    if type(value) is list:
        return _values(value)
    if type(value).__name__ == "ndarray" and getattr(value, "ndim", 0) > 0:  # before all that others may be
        return dtypes.array_to_json(value)
    if polar.is_polars(value):
        if not hasattr(value, "columns"):
            return polar.encode(value)
        listed = zip(*(polar.encode(one) for one in value.iter_columns()), strict=True)
        return [dict(zip(value.columns, row, strict=True)) for row in listed]
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        names = [str(name) for name in value.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"the frame has two columns of one name: {sorted({one for one in names if names.count(one) > 1})}")
        columns = [_column(value.iloc[:, place]) for place in range(len(names))]
        if not names:
            return [{} for _ in range(len(value))]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if hasattr(value, "iloc"):
        return _column(value)
    if is_extension(value):
        return _column(column_of(value))
    if sparse.is_sparse(value):
        return sparse.encode(value)
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
        return dtypes.array_to_json(tensors.plain(value))
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | dict):
        raise TypeError(f"a value of type {type(value).__name__} is no table, array or list of rows")
    return [dtypes.to_json(one) for one in value]


def _values(values: list[Any]) -> list[Any]:
    kinds = set(map(type, values))
    if kinds <= _SAME or (kinds == {float} and (math.isfinite(sum(values)) or all(map(math.isfinite, values)))):
        return values.copy()
    return [dtypes.to_json(one) for one in values]


def _column(series: Any) -> list[Any]:
    name = str(series.dtype)
    if name == "category":
        return [dtypes.to_json(one) for one in series]
    if dtypes.is_numpy(name) or (name.startswith(("datetime64[", "timedelta64[")) and "," not in name):
        return dtypes.array_to_json(series.to_numpy())
    if dtypes.family(name) == "float":
        return dtypes.array_to_json(series.to_numpy(dtype="float64", na_value=float("nan")))
    return [dtypes.to_json(one) for one in series]


def _to_array(predictions: list[Any], output: Output, _index: Any = None) -> Any:
    import numpy as np

    dtype, shape = output.dtype or "object", output.shape or (None,)
    flat = predictions
    for _ in shape[1:]:
        flat = [one for row in flat for one in row]
    sizes, inner = [], predictions
    for size in shape[1:]:
        inner = inner[0] if inner else []
        sizes.append(len(inner) if size is None else size)
    made = np.asarray(builder(dtype)(flat))
    return tensors.made(made.reshape(len(predictions), *sizes), output.library)


def _to_frame(predictions: list[Any], output: Output, index: Any = None) -> Any:
    values = [[row[column.name] for row in predictions] for column in output.columns]
    return Frame(output.columns, output.dtype, output.library)(values, index, len(predictions))


def _to_series(predictions: list[Any], output: Output, index: Any = None) -> Any:
    column = output.columns[0] if output.columns else Column(name="", dtype=output.dtype or "object")
    if output.library == "polars":
        return polar.build(column, predictions)
    return Series(column.dtype, column.categories)(predictions, name=output.name, index=index)


def _to_sparse(predictions: list[Any], output: Output, _index: Any = None) -> Any:
    return sparse.build(predictions, output.shape or (None, 0), output.dtype or "float64", str(output.name or "csr_matrix"))


def _to_list(predictions: list[Any], output: Output, index: Any = None) -> Any:
    if output.each is not None:
        return [decode_answer(one, output.each) for one in predictions]
    if not output.parts:
        return predictions
    columns = zip(*predictions, strict=True) if predictions else ([] for _ in output.parts)
    return [decode_answer(list(one), part, index) for one, part in zip(columns, output.parts, strict=True)]


def _to_tuple(predictions: list[Any], output: Output, index: Any = None) -> Any:
    return tuple(_to_list(predictions, output, index))


def _to_dict(predictions: list[Any], output: Output, index: Any = None) -> Any:
    named = zip(output.names or (), output.parts, strict=True)
    return {name: decode_answer([row[name] for row in predictions], part, index) for name, part in named}


_DECODE = {
    "array": _to_array, "frame": _to_frame, "series": _to_series, "sparse": _to_sparse, "list": _to_list, "tuple": _to_tuple,
    "dict": _to_dict,
}  # fmt: skip
