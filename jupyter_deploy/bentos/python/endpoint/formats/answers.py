"""What a model gave, as named columns: as arrays where it gave arrays, so that they are written without a detour through JSON."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from .. import codec, tensors
from ..contract import Method, Output
from ..dtypes import INFINITE, is_numpy
from ..model import Answers

WIDEST = 1_000  # columns into which an array is taken apart
_PLAIN = "biufUM"


def columns_of(answers: Answers, method: Method, *, wide: bool) -> dict[str, Any]:
    """Give answers by column.

    Args:
        answers: What the model gave.
        method: The method, after which a single column is called.
        wide: Whether an array of two dimensions becomes one column for each of its own.

    Returns:
        An array of numpy's, or a list of JSON values, by name; all have one length, that of the rows.
    """
    output, native = method.output, answers.native
    found: Iterator[tuple[str, Any]]
    if native is None or output.kind == "value" or output.each is not None:
        found = _of_rows(answers.rows, output, method.name)
    else:
        found = _of_native(native, output, method.name)
    made = dict(found)
    if any(len(one) != answers.size for one in made.values()):
        made = {method.name: compact(answers.rows)}
    if not wide:
        return made
    apart: dict[str, Any] = {}
    for name, values in made.items():
        names = _names(output) if len(made) == 1 else None
        apart |= dict(_apart(name, values, names))
    return apart


def _names(output: Output) -> list[str] | None:
    """Name the columns of an array as the contract does."""
    known = output.names or (output.classes if output.meaning != "labels" else None)
    told = [str(one) for one in known or ()]
    return told if told and len(set(told)) == len(told) else None


def _apart(name: str, values: Any, names: list[str] | None) -> Iterator[tuple[str, Any]]:
    if isinstance(values, list) or values.ndim != 2 or not 0 < values.shape[1] <= WIDEST:
        yield name, values
        return
    width = values.shape[1]
    told = names if names is not None and len(names) == width else [f"{name}_{place}" for place in range(width)]
    for place, one in enumerate(told):
        yield one, values[:, place]


def _of_native(native: Any, output: Output, name: str) -> Iterator[tuple[str, Any]]:
    native = tensors.plain(native)
    if output.kind == "dict":
        for key, part in zip(output.names or (), output.parts, strict=True):
            yield from _of_native(native[key], part, key)
    elif output.parts:
        for place, (one, part) in enumerate(zip(native, output.parts, strict=True)):
            yield from _of_native(one, part, f"{name}_{place}")
    elif output.group > 1 and hasattr(native, "reshape"):
        yield name, native.reshape(-1, output.group, *native.shape[1:])
    elif hasattr(native, "columns") and hasattr(native, "shape"):
        for place, column in enumerate(native.columns):
            yield str(column), _column(native.iloc[:, place] if hasattr(native, "iloc") else native.to_series(place))
    else:
        yield name, _column(native)


def _column(value: Any) -> Any:
    """Give an array where numpy holds the values as they are, else JSON values."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None and is_numpy(str(dtype)) and hasattr(value, "to_numpy"):
        return value.to_numpy()
    if dtype is not None and hasattr(value, "ndim") and getattr(dtype, "kind", "O") in _PLAIN and not hasattr(value, "iloc"):
        return value if hasattr(value, "reshape") and not hasattr(value, "tocsr") else codec.encode_answer(value)
    return compact(codec.encode_answer(value))


def _of_rows(rows: list[Any], output: Output, name: str) -> Iterator[tuple[str, Any]]:
    if output.kind == "dict":
        for key, part in zip(output.names or (), output.parts, strict=True):
            yield from _of_rows([row[key] for row in rows], part, key)
    elif output.parts:
        for place, part in enumerate(output.parts):
            yield from _of_rows([row[place] for row in rows], part, f"{name}_{place}")
    elif output.kind == "frame":
        for column in output.columns:
            yield column.name, compact([row[column.name] for row in rows], column.dtype)
    else:
        yield name, compact(rows, output.dtype if output.kind in ("array", "series") else None)


def compact(values: list[Any], dtype: str | None = None) -> Any:
    """Make an array of JSON values where they are of one kind.

    Args:
        values: One JSON value a row, lists of one length included.
        dtype: The dtype that they were written from.

    Returns:
        An array of numpy's, or the values themselves.
    """
    if importlib.util.find_spec("numpy") is None:  # a function of plain values, in an environment without it
        return values
    flat, shape = values, [len(values)]
    while flat and all(isinstance(one, list) for one in flat) and len({len(one) for one in flat}) == 1:
        shape.append(len(flat[0]))
        flat = [one for row in flat for one in row]
    made = _array_of(flat, dtype if dtype is not None and _is_plain(dtype) else None)
    return values if made is None else made.reshape(shape)


def _is_plain(dtype: str) -> bool:
    return is_numpy(dtype) or (dtype.startswith("datetime64[") and "," not in dtype)


def _array_of(flat: list[Any], dtype: str | None) -> Any:
    """Make an array of values of one kind; None where they are of several, or numpy does not hold them as they are."""
    import numpy as np

    kinds, kind = set(map(type, flat)), None if dtype is None else np.dtype(dtype).kind
    floats = (float in kinds or kind == "f") and kinds <= {float, int, type(None), str}
    if (
        any(isinstance(one, str) and one not in INFINITE for one in flat)
        if floats
        else kind != "M" and kinds not in ({bool}, {int})
    ):
        return None
    try:
        if kind == "M":
            return np.array(["NaT" if one is None else one for one in flat], dtype=dtype)
        made = np.array(
            [INFINITE.get(one, one) if isinstance(one, str) else one for one in flat], dtype="float64" if floats else None
        )
    except (ValueError, TypeError, OverflowError):
        return None
    return None if made.dtype.kind not in "biuf" else made.astype(dtype) if made.dtype.kind == kind else made
