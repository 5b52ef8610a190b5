"""The slow, exact second look at an input that does not fit: every value against its column, each error with its path.

Messages name what was expected and which kind of JSON came; the caller's value itself never stands in one.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable
from typing import Any

from .contract import Column
from .dtypes import INFINITE, PARSED, category_key, family, limits, parse, zoned
from .problems import MOST

LONGEST = 64  # characters of a key that are looked at
EXPECTED = {
    "float": "a number", "int": "a whole number", "bool": "true or false", "string": "a string", "date": "a date as ISO 8601 text",
    "duration": "a duration as ISO 8601 text", "period": "a period as ISO 8601 text", "time": "a time of day as ISO 8601 text",
    "decimal": "a decimal number as text", "list": "a list", "set": "a list", "frozenset": "a list", "dict": "an object",
}  # fmt: skip
_CONTAINERS = ("list", "set", "frozenset", "dict")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_SHOWN = re.compile(r"[\w .()%/+-]{1,64}")


class Found(Exception):
    """There are as many errors as fit into one answer."""


class Errors:
    """The errors that were found so far."""

    def __init__(self) -> None:
        self.list: list[tuple[str, str]] = []

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
        column: The column.

    Returns:
        The value to use and an empty string, or None and what is wrong.
    """
    kind = family(column.dtype)
    if value is None:
        return None, "" if column.nullable else f"expected {_expected(column)}, got null"
    if kind == "category":
        categories = {category_key(one) for one in column.categories or ()}
        known = isinstance(value, str | int | float) and category_key(value) in categories
        return value, "" if known else f"not one of the {len(categories)} known categories"
    if column.dtype in _CONTAINERS:
        good = isinstance(value, dict if column.dtype == "dict" else list)
        return value, "" if good else f"expected {EXPECTED[column.dtype]}, got {named(value)}"
    return _FITS[kind](value, column)


def _expected(column: Column) -> str:
    kind = family(column.dtype)
    if kind == "category":
        return f"one of the {len(column.categories or ())} known categories"
    return EXPECTED.get(column.dtype) or EXPECTED.get(kind, "a value")


def _wrong(value: Any, column: Column) -> tuple[None, str]:
    return None, f"expected {_expected(column)}, got {named(value)}"


def _fit_float(value: Any, column: Column) -> tuple[Any, str]:
    if column.infinite and isinstance(value, str) and value in INFINITE:
        return INFINITE[value], ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(value, column)
    try:
        return float(value), ""
    except OverflowError:
        return None, "too large for a number"


def _fit_int(value: Any, column: Column) -> tuple[Any, str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(value, column)
    if int(value) != value:
        return None, "expected a whole number, got a fraction"
    bounds = limits(column.dtype)
    if bounds and not bounds[0] <= value <= bounds[1]:
        return None, f"outside the range of {column.dtype}"
    return int(value), ""


def _fit_parsed(value: Any, column: Column) -> tuple[Any, str]:
    numeric = family(column.dtype) == "decimal" and isinstance(value, int | float) and not isinstance(value, bool)
    if not (isinstance(value, str) or numeric):
        return _wrong(value, column)
    try:
        parse(value, column.dtype)
    except ValueError as error:
        zone = "with a time zone" if zoned(column.dtype) else "without a time zone"
        return None, f"expected a date {zone}" if str(error) == "time zone" else f"expected {_expected(column)}"
    return value, ""


def _fit_bool(value: Any, column: Column) -> tuple[Any, str]:
    return (value, "") if isinstance(value, bool) else _wrong(value, column)


def _fit_string(value: Any, column: Column) -> tuple[Any, str]:
    return (value, "") if isinstance(value, str) else _wrong(value, column)


def _fit_any(value: Any, _column: Column) -> tuple[Any, str]:
    return value, ""


_FITS = {
    "float": _fit_float, "int": _fit_int, "bool": _fit_bool, "string": _fit_string, "any": _fit_any,
    **dict.fromkeys(PARSED, _fit_parsed),
}  # fmt: skip


def fit_object(
    row: dict[str, Any], columns: tuple[Column, ...], path: str, errors: Errors, *, optional: bool = False
) -> dict[str, Any]:
    """Fit an object into columns, by name.

    Args:
        row: The caller's object.
        columns: The columns, or parameters.
        path: Where the object stands.
        errors: Where to add what is wrong.
        optional: Whether a nullable one may be absent, as a parameter with a default may.

    Returns:
        The values by name.
    """
    unknown_keys(row, [column.name for column in columns], path, errors, "parameter" if optional else "column")
    made = {}
    for column in columns:
        if column.name not in row:
            if not (optional and column.nullable):
                errors.add(f"{path}.{column.name}", "missing")
            continue
        made[column.name], wrong = fit(row[column.name], column)
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
    if row.keys() <= set(known):
        return
    for key in row:
        if key not in known:
            near = difflib.get_close_matches(key[:LONGEST], known, n=1, cutoff=0.6)
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
        made, wrong = fit(value, column)
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
    made = {}
    for key, value in row.items():
        if not _NUMBER.fullmatch(key) or int(key) >= width:
            errors.add(f"{path}.{shown(key)}", f"expected the number of a column, 0 to {width - 1}")
            continue
        made[int(key)], wrong = fit(value, column)
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
