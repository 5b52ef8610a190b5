"""Contracts out of live data: dtype, nullability, categories, ranges and an example of every column."""

from __future__ import annotations

import decimal
import enum
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from . import polar
from .columns import column_of, is_extension
from .contract import Column, Input, Output
from .dtypes import family, marker, name_of, object_dtype, to_json
from .polar import is_polars
from .sparse import is_sparse
from .tensors import library_of, plain

_PLAIN = frozenset({str, bool, int, float, type(None), decimal.Decimal})
_TOLD = ("isoformat", "tolist", "total_seconds", "freqstr")  # of dates, numpy's scalars and arrays, durations, periods
WIDE = 100  # columns from which on plain numbers are described together
LONGEST = 200  # characters of an example
NAMES = {str: "str", bool: "bool", int: "int", float: "float", dict: "dict", list: "list", tuple: "list"}


def describe_input(value: Any) -> Input:
    """Describe what a model is called with.

    Args:
        value: A frame, series, array, sparse matrix or list; anything else is one value for the whole request.

    Returns:
        What its method accepts.

    Raises:
        TypeError: If JSON cannot hold its values.
    """
    if library := library_of(value):
        return msgspec.structs.replace(describe_input(plain(value)), library=library)
    if is_polars(value):
        kind, columns, name = _polars(value)
        return Input(kind=kind, columns=columns, dtype=columns[0].dtype if kind == "series" else None, name=name, library="polars")
    if _is_frame(value):
        return Input(kind="frame", columns=_columns(value), dtype=_label_dtype(value))
    if hasattr(value, "iloc"):
        column = _column(value, _text(value.name))
        return Input(kind="series", columns=(column,), dtype=column.dtype, name=_series_name(value))
    if is_extension(value):
        return describe_input(column_of(value))
    if is_sparse(value):
        return Input(
            kind="sparse", shape=_shape(value), dtype=name_of(value.dtype), name=type(value).__name__,
            nullable=_has_missing(value.tocoo().data), infinite=_has_infinite(value.tocoo().data),
        )  # fmt: skip
    if _is_array(value):
        dtype, missing = _array_dtype(value), _has_missing(value)
        return Input(kind="array", shape=_shape(value), dtype=dtype, nullable=missing, infinite=_has_infinite(value))
    if isinstance(value, list | tuple):
        return _describe_list(value)
    _check_objects([value])
    return Input(kind="value")


def describe_output(answer: Any, rows: int) -> Output:
    """Describe what a model returned.

    Args:
        answer: What it returned.
        rows: How many rows it was given.

    Returns:
        What its method returns; `value` where the answer is no container of one answer a row.

    Raises:
        TypeError: If JSON cannot hold the answer.
    """
    if _is_container(answer):
        return _describe_container(answer)
    if isinstance(answer, dict):
        return _describe_dict(answer, rows)
    if not isinstance(answer, list | tuple):
        to_json(answer)
        return Output(kind="value")
    kind: Literal["list", "tuple"] = "list" if isinstance(answer, list) else "tuple"
    if _has_parts(answer, rows):
        return Output(kind=kind, parts=tuple(_describe_container(one) for one in answer))
    if len(answer) == rows:
        return msgspec.structs.replace(describe_calls(answer), kind=kind)
    to_json(answer)
    return Output(kind="value")


def _describe_dict(answer: dict[Any, Any], rows: int) -> Output:
    """Tell a dict of columns, such as one of means and one of deviations, from an answer that is one object."""
    parts = tuple(describe_output(one, rows) for one in answer.values())
    if not parts or any(one.kind == "value" for one in parts) or not all(isinstance(name, str) for name in answer):
        to_json(answer)
        return Output(kind="value")
    return Output(kind="dict", parts=parts, names=tuple(answer))


def _describe_container(answer: Any) -> Output:
    if library := library_of(answer):
        return msgspec.structs.replace(_describe_container(plain(answer)), library=library)
    if is_polars(answer):
        kind, columns, name = _polars(answer)
        return Output(kind=kind, columns=columns, dtype=columns[0].dtype if kind == "series" else None, name=name, library="polars")
    if _is_frame(answer):
        return Output(kind="frame", columns=_columns(answer), dtype=_label_dtype(answer))
    if hasattr(answer, "iloc"):
        column = _column(answer, _text(answer.name))
        return Output(kind="series", columns=(column,), dtype=column.dtype, name=_series_name(answer))
    if is_extension(answer):
        return _describe_container(column_of(answer))
    if is_sparse(answer):
        return Output(
            kind="sparse", shape=_shape(answer), dtype=name_of(answer.dtype), name=type(answer).__name__,
            infinite=_has_infinite(answer.tocoo().data),
        )  # fmt: skip
    return Output(kind="array", shape=_shape(answer), dtype=_array_dtype(answer), infinite=_has_infinite(answer))


def describe_calls(answers: Sequence[Any]) -> Output:
    """Describe a list of answers, such as what a function returned that was called once for each row.

    Args:
        answers: One answer a row.

    Returns:
        A list; it says what each answer is where all are tuples, or tables, columns or arrays of one kind.

    Raises:
        TypeError: If JSON cannot hold an answer, or it has an index of its own, which JSON would lose.
    """
    if not all(_is_container(one) for one in answers):
        to_json(answers)
        plain = not answers or not all(type(one) is tuple for one in answers)
        return Output(kind="list", each=None if plain else Output(kind="tuple"))
    for one in answers:
        if hasattr(one, "iloc") and type(one.index).__name__ != "RangeIndex":
            raise TypeError(f"the index of a {type(one).__name__} would be lost; return it with `reset_index()`")
    found = {_plain(_describe_container(one)) for one in answers}
    if len(found) != 1:
        to_json(answers)
        return Output(kind="list")
    return Output(kind="list", each=found.pop())


def _is_container(answer: Any) -> bool:
    return hasattr(answer, "iloc") or is_sparse(answer) or is_polars(answer) or _is_array(answer)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0


def _plain(output: Output) -> Output:
    """Leave out what differs from answer to answer: ranges, examples, how many rows, how long a text is."""
    columns = tuple(Column(name=one.name, dtype=one.dtype, categories=one.categories) for one in output.columns)
    dtype = "<U0" if (output.dtype or "").startswith("<U") else output.dtype
    return msgspec.structs.replace(output, columns=columns, dtype=dtype)


def _describe_list(value: Sequence[Any]) -> Input:
    kinds = {type(one) for one in value}
    names = {NAMES.get(kind, "object") for kind in kinds}
    if names == {"list"} and value and value[0]:
        inner = {NAMES.get(type(one), "object") for row in value for one in row}
        sizes = {len(row) for row in value}
        if len(sizes) == 1 and inner <= {"int", "float"}:
            dtype, missing = "float" if "float" in inner else "int", any(marker(one) for row in value for one in row)
            return Input(kind="list", shape=(None, sizes.pop()), dtype=dtype, nullable=missing)
    _check_objects(value)
    if len(kinds) == 1 and kinds <= {set, frozenset}:
        return Input(kind="list", dtype=kinds.pop().__name__)
    if names <= {"int", "float"} and "float" in names:
        return Input(kind="list", dtype="float", nullable=any(marker(one) for one in value))
    return Input(kind="list", dtype=names.pop() if len(names) == 1 and "object" not in names else None)


def _polars(value: Any) -> tuple[Literal["frame", "series"], tuple[Column, ...], str | None]:
    if type(value).__name__ == "DataFrame":
        return "frame", tuple(polar.describe(one, one.name) for one in value.iter_columns()), None
    return "series", (polar.describe(value, value.name),), value.name


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def _has_parts(answer: Sequence[Any], rows: int) -> bool:
    """Tell several arrays of one answer a row each from one array a row; tables of probabilities and tuples leave no doubt."""
    if not answer or not all(_is_container(one) and one.shape[0] == rows for one in answer):
        return False
    return len(answer) != rows or isinstance(answer, tuple) or all(one.ndim == 2 for one in answer)


def _shape(value: Any) -> tuple[int | None, ...]:
    if is_sparse(value) and value.ndim != 2:
        raise TypeError(f"JSON cannot hold a {type(value).__name__} of {value.ndim} dimensions; make a plain array of it")
    return (None, *(int(size) for size in value.shape[1:]))


def _array_dtype(array: Any) -> str:
    if hasattr(array, "mask"):
        raise TypeError("JSON cannot hold a masked array; fill it, such as with `.filled(numpy.nan)`")
    if array.dtype.kind == "O":
        values = array.ravel().tolist()
        _check_objects(values)
        return object_dtype(values)
    return name_of(array.dtype)


def _has_missing(array: Any) -> bool:
    if array.dtype.kind in "fmM":
        return bool((array != array).any())  # noqa: PLR0124 (what is missing differs from itself)
    return array.dtype.kind in "OT" and any(marker(one) for one in array.ravel().tolist())


def _has_infinite(array: Any) -> bool:
    if array.dtype.kind != "f":
        return False
    import numpy as np

    return bool(np.isinf(array).any())


def _text(name: Any) -> str:
    return "" if name is None else str(name)


def _series_name(series: Any) -> str | int | None:
    return series.name if series.name is None or type(series.name) in (str, int) else str(series.name)


def _label_dtype(frame: Any) -> str | None:
    names = frame.columns
    if names.nlevels > 1:
        raise TypeError("a frame with several levels of columns has no JSON form; give its columns plain names")
    if not names.is_unique:
        raise TypeError(f"the frame has two columns of one name: {sorted({str(one) for one in names[names.duplicated()]})}")
    if names.dtype.kind in "iuf":
        return str(names.dtype)
    other = next((type(one).__name__ for one in names if not isinstance(one, str)), None)
    if other is not None:
        raise TypeError(f"a column of the frame is named by a {other}; give its columns texts as names")
    return None


def _columns(frame: Any) -> tuple[Column, ...]:
    _label_dtype(frame)
    known = _plain_columns(frame) if frame.shape[1] > WIDE and len(frame) else {}
    return tuple(known.get(place) or _column(frame.iloc[:, place], str(name)) for place, name in enumerate(frame.columns))


def _plain_columns(frame: Any) -> dict[int, Column]:
    """Describe columns of plain numbers together: one by one, ten thousand of them would take seconds."""
    import numpy as np

    dtypes = frame.dtypes.tolist()
    found = {}
    for dtype in {one for one in dtypes if isinstance(one, np.dtype) and one.kind in "iuf" and one.isnative and one.itemsize <= 8}:
        places = [place for place, one in enumerate(dtypes) if one == dtype]
        values = frame.iloc[:, places].to_numpy()
        here = values == values  # noqa: PLR0124 (what is missing differs from itself)
        lows, highs = to_json(np.fmin.reduce(values)), to_json(np.fmax.reduce(values))
        examples = to_json(values[here.argmax(axis=0), np.arange(len(places))])
        infinite = np.isinf(values).any(axis=0).tolist()
        nullable = (~here.all(axis=0)).tolist()
        for place, low, high, example, gaps, endless in zip(places, lows, highs, examples, nullable, infinite, strict=True):
            ends = {} if low is None or high is None else {"minimum": low, "maximum": high}
            found[place] = Column(
                name=str(frame.columns[place]), dtype=str(dtype), nullable=gaps, example=example, infinite=endless, **ends
            )
    return found


def _column(series: Any, name: str) -> Column:
    try:
        dtype, categories = _dtype_of(series)
        seen = series[series.notna()]
        low, high = _range(seen, dtype)
        return Column(
            name=name, dtype=dtype, nullable=len(seen) < len(series), categories=categories, minimum=low, maximum=high,
            example=_example(seen), infinite=_is_infinite(seen, dtype),
        )  # fmt: skip
    except TypeError as error:
        raise TypeError(f"{error} (column `{name}`)") from error


def _dtype_of(series: Any) -> tuple[str, tuple[Any, ...] | None]:
    if str(series.dtype) == "object":
        values = series.tolist()
        _check_objects(values)
        return object_dtype(values), None
    if str(series.dtype) != "category":
        return name_of(series.dtype), None
    categories = series.cat.categories
    if categories.dtype.kind in "biuf" or all(isinstance(one, (str, bool, int, float)) for one in categories):
        return "category[ordered]" if series.cat.ordered else "category", tuple(to_json(one) for one in categories)
    raise TypeError(f"JSON cannot hold categories of type {type(categories[0]).__name__}; make texts of them before fitting")


def _check_objects(values: Iterable[Any]) -> None:
    """Check that JSON holds what stands in a table, array or list: a field of a record would come back without its class."""
    values = list(values)
    for kind, one in {type(one): one for one in values}.items():
        if kind in (list, tuple, set, frozenset, dict):
            _check_objects(within for one in values if type(one) is kind for within in (one.values() if kind is dict else one))
        elif not (kind in _PLAIN or marker(one) or any(hasattr(one, name) for name in _TOLD)) or isinstance(one, enum.Enum):
            raise TypeError(f"JSON cannot hold a {kind.__module__}.{kind.__qualname__}")
        elif hasattr(one, "tolist"):
            to_json(one)


def _range(seen: Any, dtype: str) -> tuple[Any, Any]:
    if not len(seen) or family(dtype) not in ("float", "int", "date", "decimal"):
        return None, None
    low, high = to_json(seen.min()), to_json(seen.max())
    return (None, None) if low is None or high is None else (low, high)


def _is_infinite(seen: Any, dtype: str) -> bool:
    return family(dtype) == "float" and len(seen) > 0 and any(math.isinf(one) for one in (seen.min(), seen.max()))


def _example(seen: Any) -> Any:
    value = next((to_json(one) for one in seen), None)
    return value[:LONGEST] if isinstance(value, str) else value
