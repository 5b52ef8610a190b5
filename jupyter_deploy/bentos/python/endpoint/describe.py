"""Contracts out of live data: dtype, nullability, categories, ranges and an example of every column."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from .contract import Column, Input, Output
from .dtypes import family, marker, object_dtype, to_json

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
    if _is_frame(value):
        return Input(kind="frame", columns=_columns(value), dtype=_label_dtype(value))
    if hasattr(value, "iloc"):
        column = _column(value, str(value.name) if value.name is not None else "")
        return Input(kind="series", columns=(column,), dtype=column.dtype, name=None if value.name is None else str(value.name))
    if hasattr(value, "tocsr"):
        return Input(kind="array", shape=_shape(value), dtype=str(value.dtype))
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
        return Input(kind="array", shape=_shape(value), dtype=_array_dtype(value))
    if isinstance(value, list | tuple):
        return _describe_list(value)
    to_json(value)
    return Input(kind="value")


def describe_output(answer: Any, rows: int, classes: Iterable[Any] | None = None) -> Output:
    """Describe what a model returned.

    Args:
        answer: What it returned.
        rows: How many rows it was given.
        classes: For probabilities, the class of each column.

    Returns:
        What its method returns; `value` where the answer is no container of one answer a row.

    Raises:
        TypeError: If JSON cannot hold the answer.
    """
    named = None if classes is None else tuple(to_json(one) for one in classes)
    if _is_frame(answer):
        return Output(kind="frame", columns=_columns(answer), dtype=_label_dtype(answer), classes=named)
    if hasattr(answer, "iloc"):
        column = _column(answer, str(answer.name) if answer.name is not None else "")
        return Output(kind="series", columns=(column,), dtype=column.dtype, name=None if answer.name is None else str(answer.name))
    if hasattr(answer, "tocsr"):
        return Output(kind="sparse", shape=_shape(answer), dtype=str(answer.dtype), name=type(answer).__name__)
    if hasattr(answer, "dtype") and getattr(answer, "ndim", 0) > 0:
        return Output(kind="array", shape=_shape(answer), dtype=_array_dtype(answer), classes=named)
    if isinstance(answer, list) and _is_multi_output(answer, rows):
        return Output(kind="list", shape=(len(answer), None, None), dtype=str(answer[0].dtype))
    to_json(answer)
    if isinstance(answer, list | tuple) and len(answer) == rows:
        return Output(kind="list")
    return Output(kind="value")


def describe_calls(answers: Sequence[Any]) -> Output:
    """Describe what a function returned that was called once for each row.

    Args:
        answers: What each call returned.

    Returns:
        A list; it says what each answer is where all are tables, columns or arrays of one kind.

    Raises:
        TypeError: If JSON cannot hold an answer, or it has an index of its own, which JSON would lose.
    """
    if not all(_is_container(one) for one in answers):
        to_json(answers)
        return Output(kind="list")
    for one in answers:
        if hasattr(one, "iloc") and type(one.index).__name__ != "RangeIndex":
            raise TypeError(f"the index of a {type(one).__name__} would be lost; return it with `reset_index()`")
    found = {_plain(describe_output(one, len(one))) for one in answers}
    if len(found) != 1:
        to_json(answers)
        return Output(kind="list")
    return Output(kind="list", each=found.pop())


def _is_container(answer: Any) -> bool:
    return hasattr(answer, "iloc") or (hasattr(answer, "dtype") and getattr(answer, "ndim", 0) > 0)


def _plain(output: Output) -> Output:
    """Leave out what differs from answer to answer: ranges, examples, how many rows."""
    columns = tuple(Column(name=one.name, dtype=one.dtype, categories=one.categories) for one in output.columns)
    return msgspec.structs.replace(output, columns=columns)


def describe_arguments(calls: Sequence[dict[str, Any]], function: Any = None) -> Input:
    """Describe the named arguments of a function.

    Args:
        calls: The arguments of one or more calls.
        function: The function; its parameters give the order and say which ones may be left out.

    Returns:
        What it accepts, one column a parameter.

    Raises:
        TypeError: If JSON cannot hold an argument.
    """
    names = list(dict.fromkeys(name for call in calls for name in call))
    optional: set[str] = set()
    if function is not None:
        parameters = inspect.signature(function).parameters.values()
        optional = {one.name for one in parameters if one.default is not one.empty and one.kind is not one.POSITIONAL_ONLY}
        known = [one.name for one in parameters]
        # one with a default that no call gave can be given all the same; of what kind it is, nobody knows
        names = [name for name in known if name in names or name in optional] + [name for name in names if name not in known]
    columns = tuple(_parameter(name, [call.get(name) for call in calls], name in optional) for name in names)
    return Input(kind="arguments", columns=columns)


def _parameter(name: str, values: list[Any], optional: bool) -> Column:
    seen = [one for one in values if not marker(one)]
    kinds = {NAMES.get(type(to_json(one)), "object") for one in seen}
    dtype = "float" if kinds == {"int", "float"} else kinds.pop() if len(kinds) == 1 else "object"
    return Column(name=name, dtype=dtype, nullable=optional or len(seen) < len(values), example=_example(seen))


def _describe_list(value: Sequence[Any]) -> Input:
    kinds = {type(one) for one in value}
    names = {NAMES.get(kind, "object") for kind in kinds}
    if names == {"list"} and value and value[0]:
        inner = {NAMES.get(type(one), "object") for row in value for one in row}
        sizes = {len(row) for row in value}
        if len(sizes) == 1 and inner <= {"int", "float"}:
            return Input(kind="list", shape=(None, sizes.pop()), dtype="float" if "float" in inner else "int")
    for one in value:
        to_json(one)
    if names == {"int", "float"}:
        return Input(kind="list", dtype="float")
    return Input(kind="list", dtype=names.pop() if len(names) == 1 and "object" not in names else None)


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def _is_multi_output(answer: list[Any], rows: int) -> bool:
    return bool(answer) and all(hasattr(one, "dtype") and getattr(one, "ndim", 0) == 2 and len(one) == rows for one in answer)


def _shape(value: Any) -> tuple[int | None, ...]:
    return (None, *(int(size) for size in value.shape[1:]))


def _array_dtype(array: Any) -> str:
    if array.dtype.kind == "O":
        to_json(array)
        return object_dtype(array.ravel().tolist())
    if array.dtype.kind in "cVS":
        raise TypeError(f"JSON cannot hold an array of {array.dtype}")
    return str(array.dtype)


def _label_dtype(frame: Any) -> str | None:
    labels = frame.columns
    if labels.nlevels > 1:
        raise TypeError("a frame with several levels of columns has no JSON form; give its columns plain names")
    if not labels.is_unique:
        raise TypeError(f"the frame has two columns of one name: {sorted({str(one) for one in labels[labels.duplicated()]})}")
    return str(labels.dtype) if labels.dtype.kind in "iuf" else None


def _columns(frame: Any) -> tuple[Column, ...]:
    _label_dtype(frame)
    return tuple(_column(frame.iloc[:, place], str(name)) for place, name in enumerate(frame.columns))


def _column(series: Any, name: str) -> Column:
    dtype, categories = str(series.dtype), None
    seen = series[series.notna()]
    if dtype == "category":
        categories = tuple(to_json(one) for one in series.cat.categories)
        dtype = "category[ordered]" if series.cat.ordered else "category"
    elif dtype == "object":
        dtype = object_dtype(series)
    elif series.dtype.kind in "cV":
        raise TypeError(f"JSON cannot hold the column `{name}` of {dtype}")
    low, high = _range(seen, dtype)
    return Column(
        name=name, dtype=dtype, nullable=len(seen) < len(series), categories=categories, minimum=low, maximum=high,
        example=_example(seen),
    )  # fmt: skip


def _range(seen: Any, dtype: str) -> tuple[Any, Any]:
    if not len(seen) or family(dtype) not in ("float", "int", "date"):
        return None, None
    low, high = to_json(seen.min()), to_json(seen.max())
    return (None, None) if low is None or high is None else (low, high)


def _example(seen: Any) -> Any:
    value = next((to_json(one) for one in seen), None)
    return value[:LONGEST] if isinstance(value, str) else value
