"""The slow, exact second look at an input that does not fit: every value against its column, each error with its path.

Messages name what was expected and which kind of JSON came; the caller's value itself never stands in one.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable
from typing import Any

from .cells import Fit, fit, fitting, named
from .contract import Column
from .problems import MOST

__all__ = [
    "Errors", "Found", "collected", "fit", "fit_cells", "fit_list", "fit_nested", "fit_object", "fit_sparse", "fitting", "named",
    "shown", "unknown_keys",
]  # fmt: skip

LONGEST = 64  # characters of a key that are looked at
WIDE = 1_000  # names among which none is looked for that is near to a wrong one: it would take seconds
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_SHOWN = re.compile(r"[\w .()%/+-]{1,64}")


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


def shown(key: str) -> str:
    """Make a caller's key fit for a path.

    Args:
        key: A key of the caller's JSON.

    Returns:
        The key, or `?` where it is not an ordinary name.
    """
    return key if _SHOWN.fullmatch(key) else "?"


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
    if len(shape) == 1:
        return fit_cells(value, column, path, errors)
    return [fit_nested(one, shape[1:], column, f"{path}[{place}]", errors) for place, one in enumerate(value)]


def fit_cells(values: list[Any], column: Column, path: str, errors: Errors) -> list[Any]:
    """Fit a list of values, of which there may be millions.

    Args:
        values: The caller's list.
        column: What each of them must fit.
        path: Where the list stands.
        errors: Where to add what is wrong.

    Returns:
        The values to use.
    """
    look, made = errors.fit(column), []
    for place, value in enumerate(values):
        one, wrong = look(value)
        if wrong:
            errors.add(f"{path}[{place}]", wrong)
        made.append(one)
    return made


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
