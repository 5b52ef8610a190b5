"""polars' tables and columns on the wire; a dtype of theirs is called by its own name after `polars.`, such as `polars.Int64`."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any

from .contract import Column
from .dtypes import INFINITE, PARSED, array_to_json, family, to_json
from .texts import parse

_PLAIN = ("Int", "UInt", "Float", "Boolean", "String", "Date", "Datetime", "Time", "Duration", "Categorical", "Enum", "Decimal")


def is_polars(value: Any) -> bool:
    """Say whether a value is a table or a column of polars.

    Args:
        value: Any value.

    Returns:
        Whether it is one.

    Raises:
        TypeError: If it is a table that was not computed yet.
    """
    if type(value).__module__.partition(".")[0] != "polars":
        return False
    if type(value).__name__ == "LazyFrame":
        raise TypeError("JSON cannot hold a LazyFrame of polars; compute it with `.collect()`")
    return type(value).__name__ in ("DataFrame", "Series")


def describe(series: Any, name: str) -> Column:
    """Describe a column.

    Args:
        series: One of polars' series.
        name: The column's name.

    Returns:
        The column.

    Raises:
        TypeError: If JSON cannot hold its values.
    """
    kind = str(series.dtype)
    if not kind.startswith(_PLAIN):
        raise TypeError(f"polars' {kind} has no form in JSON; convert it to another dtype (column `{name}`)")
    seen = series.drop_nulls()
    dtype = f"polars.{kind.partition('(')[0] if kind.startswith('Enum') else kind}"
    floats = kind.startswith("Float")
    if floats:
        gaps, seen = bool(seen.is_nan().any()), seen.drop_nans()
        dtype += "[nan]" if gaps and not series.null_count() else ""
    lowest = to_json(seen.min()) if family(dtype) in ("float", "int", "date") and len(seen) else None
    highest = to_json(seen.max()) if lowest is not None else None
    return Column(
        name=name, dtype=dtype, nullable=bool(series.null_count()) or dtype.endswith("[nan]"),
        categories=tuple(seen.dtype.categories.to_list()) if kind.startswith("Enum") else None,
        minimum=lowest if highest is not None else None, maximum=highest, example=to_json(seen[0]) if len(seen) else None,
        infinite=floats and bool(seen.is_infinite().any()),
    )  # fmt: skip


def encode(series: Any) -> list[Any]:
    """Write a column.

    Args:
        series: One of polars' series.

    Returns:
        One JSON value a row.
    """
    if str(series.dtype).startswith("Float"):
        return array_to_json(series.to_numpy())
    return [to_json(one) for one in series.to_list()]


def build(column: Column, values: Sequence[Any]) -> Any:
    """Build a column.

    Args:
        column: The column.
        values: One JSON value a row.

    Returns:
        One of polars' series.

    Raises:
        ValueError: If a value does not fit.
    """
    import polars as pl

    dtype = column.dtype.removeprefix("polars.")
    absent, kind = math.nan if dtype.endswith("[nan]") else None, family(column.dtype)
    if kind in PARSED:
        values = [None if one is None else parse(one, column.dtype) for one in values]
    elif kind == "float":
        values = [absent if one is None else INFINITE.get(one, one) for one in values]
    exact = pl.Enum(list(column.categories or ())) if dtype == "Enum" else _dtype(dtype.removesuffix("[nan]"))
    try:
        return pl.Series(column.name, values, dtype=exact)
    except pl.exceptions.PolarsError as error:  # which is no ValueError
        raise ValueError("a value does not fit") from error


def _dtype(name: str) -> Any:
    """Make a dtype from its name, such as `Datetime(time_unit='us', time_zone=None)`."""
    import polars as pl

    kind, _, parameters = name.partition("(")
    if not parameters or kind == "Categorical":
        return getattr(pl, kind)
    named = ast.parse(f"f({parameters}", mode="eval").body.keywords  # type: ignore[attr-defined]  # of a call
    return getattr(pl, kind)(**{one.arg: ast.literal_eval(one.value) for one in named})
