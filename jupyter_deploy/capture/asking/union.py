"""One contract for several data: what the first of them is, as wide as all of them need."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from jupyter_deploy.bentos.python.endpoint.dtypes import family, is_numpy
from jupyter_deploy.values import Column, Input, Output

Side = TypeVar("Side", Input, Output)
_MARKERS = ("nan", "None", "NA", "NaT")


def of_inputs(first: Input, others: Iterable[Input]) -> Input:
    """Widen what a method accepts by other data that it was called on.

    Args:
        first: What describes the first data; kinds, order and names stay as it has them.
        others: What describes the other data; what does not go together with the first is passed over.

    Returns:
        What describes all of them.
    """
    for other in others:
        first = _widened(first, other)
        if first.kind == other.kind and not first.columns:
            first = msgspec.structs.replace(first, nullable=first.nullable or other.nullable)
    return first


def of_outputs(first: Output, others: Iterable[Output]) -> Output:
    """Widen what a method returns by other answers that it gave.

    Args:
        first: What describes the first answer.
        others: What describes the other answers.

    Returns:
        What describes all of them.
    """
    for other in others:
        first = _widened(first, other)
    return first


def fits(first: Output, other: Output) -> bool:
    """Say whether two answers can be read in one way.

    Args:
        first: What describes one answer.
        other: What describes another one.

    Returns:
        Whether kind, shape and columns are the same.
    """
    names = [[column.name for column in one.columns] for one in (first, other)]
    parts = len(first.parts) == len(other.parts) and all(map(fits, first.parts, other.parts))
    return (first.kind, first.shape, names[0]) == (other.kind, other.shape, names[1]) and parts


def _widened(first: Side, other: Side) -> Side:
    if first.kind != other.kind or first.shape != other.shape:
        return first
    known = {column.name: column for column in other.columns}
    columns = tuple(_column(one, known[one.name]) if one.name in known else one for one in first.columns)
    dtype = first.dtype
    if first.kind == "series" and columns:
        dtype = columns[0].dtype
    elif first.kind != "frame" and first.dtype and other.dtype:  # a frame's own dtype is that of its labels
        dtype = _dtype(first.dtype, other.dtype) or first.dtype
    return msgspec.structs.replace(first, columns=columns, dtype=dtype, infinite=first.infinite or other.infinite)


def _column(first: Column, other: Column) -> Column:
    dtype = _dtype(first.dtype, other.dtype)
    if dtype is None:
        return first
    ordered = dtype == "category[ordered]"
    if ordered and first.categories != other.categories:
        return first
    categories = first.categories
    if categories is not None and not ordered:
        categories = tuple({(type(one).__name__, one): one for one in (*categories, *(other.categories or ()))}.values())
    low, high = _range(first, other)
    return msgspec.structs.replace(
        first, dtype=dtype, nullable=first.nullable or other.nullable, categories=categories, minimum=low, maximum=high,
        example=other.example if first.example is None else first.example, infinite=first.infinite or other.infinite,
    )  # fmt: skip


def _range(first: Column, other: Column) -> tuple[Any, Any]:
    ends = [(one.minimum, one.maximum) for one in (first, other) if one.minimum is not None and one.maximum is not None]
    if len({isinstance(low, str) for low, _ in ends}) != 1:
        return first.minimum, first.maximum
    return min(low for low, _ in ends), max(high for _, high in ends)


def _dtype(first: str, other: str) -> str | None:
    """Find the dtype that holds both; None where there is none that is like the first."""
    if first == other:
        return first
    if first.startswith("object") and other.startswith("object"):
        return _objects(first, other)
    kinds = family(first), family(other)
    if first.startswith("<U") and other.startswith("<U"):
        return max(first, other, key=lambda one: int(one[2:]))
    if not (is_numpy(first) and is_numpy(other)):
        return "float" if {first, other} == {"int", "float"} else None
    if kinds in (("int", "int"), ("int", "float")):
        return str(sys.modules["numpy"].result_type(first, other))
    return first if kinds in (("float", "float"), ("float", "int")) else None


def _objects(first: str, other: str) -> str:
    """Name a column of objects by what both hold, and by how the first of them that misses a value writes it."""
    parts = [one.removeprefix("object").strip("[]").split(",") for one in (first, other)]
    held = [[word for word in one if word and word not in _MARKERS] for one in parts]
    missing = [word for one in parts for word in one if word in _MARKERS]
    same = held[0] if held[0] == held[1] else []
    details = [*same, *missing[:1]]
    return f"object[{','.join(details)}]" if details else "object"
