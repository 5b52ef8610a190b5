"""One value of a caller's JSON against the column, or parameter, that it should fit.

What loses nothing is done: 3.0 is a whole number, 3 is a number with a fraction too. What would lose something is refused, and
so is another kind of JSON: a text is no number, and neither is true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from .contract import Column, Input
from .dtypes import INFINITE, PARSED, category_key, family, limits, zoned
from .texts import parse

EXACT = 1 << 53  # up to there a number with a fraction holds every whole number
HUGE = 1023  # bits of the largest whole number that is a number with a fraction at all
EXPECTED = {
    "float": "a number", "int": "a whole number", "bool": "true or false", "string": "a string", "date": "a date as ISO 8601 text",
    "duration": "a duration as ISO 8601 text", "period": "a period as ISO 8601 text", "time": "a time of day as ISO 8601 text",
    "decimal": "a decimal number as text", "list": "a list", "set": "a list", "frozenset": "a list", "dict": "an object",
}  # fmt: skip
_CONTAINERS = ("list", "set", "frozenset", "dict")
_NARROW = re.compile(r"(?:sparse\[|polars\.)?(float16|halffloat|float32|float)(?![0-9])")
_LARGEST = {"float16": 65504.0, "halffloat": 65504.0, "float32": 3.4028234663852886e38}

Fit = Callable[[Any], tuple[Any, str]]
"""Fits one value: the value to use and an empty string, or anything and what is wrong."""


def named(value: Any) -> str:
    """Name the kind of a JSON value.

    Args:
        value: A JSON value.

    Returns:
        Such as `a string`.
    """
    if value is None:
        return "null"
    kinds = ((bool, "a boolean"), (int | float, "a number"), (str, "a string"), (list, "a list"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")


def fit(value: Any, column: Column) -> tuple[Any, str]:
    """Fit one value into a column; for many, `fitting` prepares once.

    Args:
        value: The caller's JSON value.
        column: The column; where it has a range, the value must lie within it.

    Returns:
        The value to use and an empty string, or anything and what is wrong.
    """
    return fitting(column)(value)


def fitting(column: Column) -> Fit:
    """Prepare to fit values into a column.

    Args:
        column: The column; where it has a range, values must lie within it.

    Returns:
        What fits one value.
    """
    kind = family(column.dtype)
    look = _category(column) if kind == "category" else _container(column) if column.dtype in _CONTAINERS else _FITS[kind](column)
    null = "" if column.nullable else f"expected {_expected(column)}, got null"
    within = range_of(column, lambda bound: parse(bound, column.dtype) if kind in PARSED else bound)
    if within is None:
        return lambda value: look(value) if value is not None else (None, null)

    def fit_ranged(value: Any) -> tuple[Any, str]:
        if value is None:
            return None, null
        made, wrong = look(value)
        return made, wrong or within(parse(made, column.dtype) if kind in PARSED else made)

    return fit_ranged


def range_of(column: Column, make: Callable[[Any], Any]) -> Callable[[Any], str] | None:
    """Prepare to say whether values lie within the range of a column.

    Args:
        column: The column, or parameter.
        make: Makes of a bound what it is compared with.

    Returns:
        What says what is wrong with a value, or nothing; None where the column has no range.
    """
    if column.minimum is None or column.maximum is None:
        return None
    low, high = make(column.minimum), make(column.maximum)
    told = f"outside of the range of the notebook's data, {column.minimum} to {column.maximum}"

    def within(value: Any) -> str:
        if column.infinite and value in INFINITE.values():
            return ""
        try:
            return "" if low <= value <= high else told
        except TypeError:  # of another kind than what was seen, as a hint allows
            return ""

    return within


def largest(dtype: str) -> float:
    """Say how large numbers of a dtype may be.

    Args:
        dtype: A dtype of numbers with a fraction.

    Returns:
        The largest finite one; infinity where JSON's own numbers are no larger.
    """
    narrow = _NARROW.match(dtype.lower()) if dtype != "float" else None  # which is Python's own, and holds more
    return _LARGEST.get(narrow[1], _LARGEST["float32"]) if narrow else float("inf")


def without_ranges(input: Input) -> Input:
    """Forget which numbers and dates the notebook's own data had, so that others fit too.

    Args:
        input: What a method accepts.

    Returns:
        The same without ranges.
    """
    columns, others = tuple(map(_without_range, input.columns)), input.others
    return msgspec.structs.replace(input, columns=columns, others=None if others is None else _without_range(others))


def _without_range(column: Column) -> Column:
    holds = None if column.holds is None else without_ranges(column.holds)
    return msgspec.structs.replace(column, minimum=None, maximum=None, holds=holds)


def _expected(column: Column) -> str:
    kind = family(column.dtype)
    if kind == "category":
        return f"one of the {len(column.categories or ())} known categories"
    return EXPECTED.get(column.dtype) or EXPECTED.get(kind, "a value")


def _category(column: Column) -> Fit:
    known = {category_key(one) for one in column.categories or ()}
    wrong = f"not one of the {len(known)} known categories"

    def fit_category(value: Any) -> tuple[Any, str]:
        return value, "" if isinstance(value, str | int | float) and category_key(value) in known else wrong

    return fit_category


def _container(column: Column) -> Fit:
    return _kind(column, dict if column.dtype == "dict" else list)


def _kind(column: Column, kind: type) -> Fit:
    expected = _expected(column)
    return lambda value: (value, "") if isinstance(value, kind) else (None, f"expected {expected}, got {named(value)}")


def _float(column: Column) -> Fit:
    most, expected = largest(column.dtype), _expected(column)

    def fit_float(value: Any) -> tuple[Any, str]:
        if column.infinite and isinstance(value, str) and value in INFINITE:
            return INFINITE[value], ""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None, f"expected {expected}, got {named(value)}"
        if isinstance(value, int) and value.bit_length() > HUGE:
            return None, "too large for a number"
        made = float(value)
        if not -most <= made <= most:
            return None, f"too large for {column.dtype}"
        return made, "" if made == value else "too large to be kept exactly"

    return fit_float


def _int(column: Column) -> Fit:
    bounds, expected = limits(column.dtype), _expected(column)

    def fit_int(value: Any) -> tuple[Any, str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None, f"expected {expected}, got {named(value)}"
        if int(value) != value:
            return None, "expected a whole number, got a fraction"
        if bounds and not bounds[0] <= value <= bounds[1]:
            return None, f"outside the range of {column.dtype}"
        if isinstance(value, float) and abs(value) >= EXACT:
            return None, "a whole number as large as this is written without a point and an exponent"
        return int(value), "" if int(value).bit_length() <= HUGE else "too large for a number"

    return fit_int


def _parsed(column: Column) -> Fit:
    kind, expected = family(column.dtype), _expected(column)
    zone = f"expected a date {'with' if zoned(column.dtype) else 'without'} a time zone"

    def fit_parsed(value: Any) -> tuple[Any, str]:
        numeric = kind == "decimal" and isinstance(value, int | float) and not isinstance(value, bool)
        if not (isinstance(value, str) or numeric):
            return None, f"expected {expected}, got {named(value)}"
        try:
            parse(value, column.dtype)
        except (ValueError, OverflowError) as error:
            return None, zone if str(error) == "time zone" else f"expected {expected}"
        return value, ""

    return fit_parsed


def _any(_column: Column) -> Fit:
    return lambda value: (value, "")


_FITS: dict[str, Callable[[Column], Fit]] = {
    "float": _float, "int": _int, "bool": lambda column: _kind(column, bool), "string": lambda column: _kind(column, str),
    "any": _any, **dict.fromkeys(PARSED, _parsed),
}  # fmt: skip
