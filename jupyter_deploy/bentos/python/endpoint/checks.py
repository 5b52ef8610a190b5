"""The slow, exact second look at an input that does not fit: every value against its column, each error with its path.

Messages name what was expected and which kind of JSON came; the caller's value itself never stands in one. What loses nothing is
done (3.0 is a whole number, 3 is a number with a fraction too); what would lose something is refused, and so is another kind of
JSON: a text is no number, and neither is true.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

from .contract import Column
from .dtypes import INFINITE, PARSED, category_key, family, limits, zoned
from .problems import MOST
from .texts import parse

LONGEST = 64  # characters of a key that are looked at
WIDE = 1_000  # names among which none is looked for that is near to a wrong one: it would take seconds
EXACT = 1 << 53  # up to there a number with a fraction holds every whole number
HUGE = 1023  # bits of the largest whole number that is a number with a fraction at all
EXPECTED = {
    "float": "a number", "int": "a whole number", "bool": "true or false", "string": "a string", "date": "a date as ISO 8601 text",
    "duration": "a duration as ISO 8601 text", "period": "a period as ISO 8601 text", "time": "a time of day as ISO 8601 text",
    "decimal": "a decimal number as text", "list": "a list", "set": "a list", "frozenset": "a list", "dict": "an object",
}  # fmt: skip
_CONTAINERS = ("list", "set", "frozenset", "dict")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_SHOWN = re.compile(r"[\w .()%/+-]{1,64}")
_NARROW = re.compile(r"(?:sparse\[|polars\.)?(float16|halffloat|float32|float)(?![0-9])")
_LARGEST = {"float16": 65504.0, "halffloat": 65504.0, "float32": 3.4028234663852886e38}

Fit = Callable[[Any], tuple[Any, str]]
"""Fits one value: the value to use and an empty string, or anything and what is wrong."""


class Found(Exception):
    """There are as many errors as fit into one answer."""


class Errors:
    """The errors that were found so far."""

    def __init__(self) -> None:
        self.list: list[tuple[str, str]] = []
        self._fits: dict[int, tuple[Column, Fit]] = {}

    def add(self, path: str, message: str) -> None:
        """Add one.

        Args:
            path: The place in the caller's JSON.
            message: What is wrong there.

        Raises:
            Found: If there are enough.
        """
        self.list.append((path, message))
        if len(self.list) >= MOST:
            raise Found

    def fit(self, column: Column) -> Fit:
        """Prepare to fit values into a column, once for all of its values.

        Args:
            column: The column.

        Returns:
            What fits one value.
        """
        known = self._fits.get(id(column))
        if known is None:
            known = self._fits[id(column)] = (column, fitting(column))
        return known[1]


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


def shown(key: str) -> str:
    """Make a caller's key fit for a path.

    Args:
        key: A key of the caller's JSON.

    Returns:
        The key, or `?` where it is not an ordinary name.
    """
    return key if _SHOWN.fullmatch(key) else "?"


def fit(value: Any, column: Column) -> tuple[Any, str]:
    """Fit one value into a column.

    Args:
        value: The caller's JSON value.
        column: The column; where it has a range, the value must lie within it.

    Returns:
        The value to use and an empty string, or None and what is wrong.
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
    narrow = _NARROW.match(column.dtype.lower()) if column.dtype != "float" else None  # which is Python's own, and holds more
    largest = _LARGEST.get(narrow[1], _LARGEST["float32"]) if narrow else float("inf")
    expected = _expected(column)

    def fit_float(value: Any) -> tuple[Any, str]:
        if column.infinite and isinstance(value, str) and value in INFINITE:
            return INFINITE[value], ""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None, f"expected {expected}, got {named(value)}"
        if isinstance(value, int) and value.bit_length() > HUGE:
            return None, "too large for a number"
        made = float(value)
        if not -largest <= made <= largest:
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
        if isinstance(value, float) and abs(value) > EXACT:
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
    return lambda value: (value, "too large for a number" if isinstance(value, int) and value.bit_length() > HUGE else "")


_FITS: dict[str, Callable[[Column], Fit]] = {
    "float": _float, "int": _int, "bool": lambda column: _kind(column, bool), "string": lambda column: _kind(column, str),
    "any": _any, **dict.fromkeys(PARSED, _parsed),
}  # fmt: skip


def fit_object(row: dict[str, Any], columns: tuple[Column, ...], path: str, errors: Errors) -> dict[str, Any]:
    """Fit an object into columns, by name.

    Args:
        row: The caller's object.
        columns: The columns.
        path: Where the object stands.
        errors: Where to add what is wrong.

    Returns:
        The values by name.
    """
    unknown_keys(row, [column.name for column in columns], path, errors)
    made = {}
    for column in columns:
        if column.name not in row:
            errors.add(f"{path}.{column.name}", "missing")
            continue
        made[column.name], wrong = errors.fit(column)(row[column.name])
        if wrong:
            errors.add(f"{path}.{column.name}", wrong)
    return made


def unknown_keys(row: dict[str, Any], known: list[str], path: str, errors: Errors, noun: str = "column") -> None:
    """Point out keys that the contract does not have.

    Args:
        row: The caller's object.
        known: The names that the contract has.
        path: Where the object stands.
        errors: Where to add what is wrong.
        noun: What a key names.
    """
    names = set(known)
    if row.keys() <= names:
        return
    for key in row:
        if key not in names:
            near = difflib.get_close_matches(key[:LONGEST], known, n=1, cutoff=0.6) if len(known) <= WIDE else []
            errors.add(f"{path}.{shown(key)}", f"unknown {noun}" + (f", did you mean `{near[0]}`?" if near else ""))


def fit_list(row: list[Any], columns: tuple[Column, ...], path: str, errors: Errors) -> dict[str, Any]:
    """Fit a list into columns, by place.

    Args:
        row: The caller's list.
        columns: The columns, in order.
        path: Where the list stands.
        errors: Where to add what is wrong.

    Returns:
        The values by name.
    """
    if len(row) != len(columns):
        errors.add(path, f"expected {len(columns)} values, got {len(row)}")
        return {}
    return fit_object(dict(zip((column.name for column in columns), row, strict=True)), columns, path, errors)


def fit_nested(value: Any, shape: tuple[int | None, ...], column: Column, path: str, errors: Errors) -> Any:
    """Fit nested lists into a shape.

    Args:
        value: The caller's value.
        shape: What is left of the shape, the row's own dimension gone.
        column: What the innermost values must fit.
        path: Where the value stands.
        errors: Where to add what is wrong.

    Returns:
        The value to use.
    """
    if not shape:
        made, wrong = errors.fit(column)(value)
        if wrong:
            errors.add(path, wrong)
        return made
    if not isinstance(value, list):
        size = f"{shape[0]} values" if shape[0] is not None else "values"
        errors.add(path, f"expected a list of {size}, got {named(value)}")
        return None
    if shape[0] is not None and len(value) != shape[0]:
        errors.add(path, f"expected {shape[0]} values, got {len(value)}")
        return None
    return [fit_nested(one, shape[1:], column, f"{path}[{place}]", errors) for place, one in enumerate(value)]


def fit_sparse(row: dict[str, Any], width: int, column: Column, path: str, errors: Errors) -> dict[int, Any]:
    """Fit an object of the columns that are not zero, by number.

    Args:
        row: The caller's object.
        width: How many columns there are.
        column: What each value must fit.
        path: Where the object stands.
        errors: Where to add what is wrong.

    Returns:
        The values by number.
    """
    made, look = {}, errors.fit(column)
    for key, value in row.items():
        if not _NUMBER.fullmatch(key) or int(key) >= width:
            errors.add(f"{path}.{shown(key)}", f"expected the number of a column, 0 to {width - 1}")
            continue
        made[int(key)], wrong = look(value)
        if wrong:
            errors.add(f"{path}.{key}", wrong)
    return made


def collected(rows: Iterable[Any]) -> list[Any]:
    """Exhaust a check, up to the most errors that an answer holds.

    Args:
        rows: The check's values, made one by one.

    Returns:
        The values that were made; without meaning where there are errors.
    """
    made: list[Any] = []
    with contextlib.suppress(Found):
        made.extend(rows)
    return made
