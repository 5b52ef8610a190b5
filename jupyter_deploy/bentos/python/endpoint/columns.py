"""Columns out of JSON: each dtype of the contract gets a builder, made once, so that a request pays for its values alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from . import polar
from .contract import Column
from .dtypes import INFINITE, PARSED, category_key, extension, family, is_numpy, missing, unit
from .texts import parse

Build = Callable[[Sequence[Any]], Any]

_PLAIN_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PLAIN_TIME = r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,%d})?)?)?"
_FINEST = {"ms": 3, "us": 6, "ns": 9}
_REACH = ("1678", "2261")  # the years that nanoseconds reach as a whole; beyond them numpy would go round in silence


def builder(dtype: str, categories: tuple[Any, ...] | None = None) -> Build:
    """Prepare to build columns of one dtype out of JSON values that fit it.

    Args:
        dtype: A dtype of the contract.
        categories: The categories of a categorical column.

    Returns:
        What makes a numpy array, or one of pandas' arrays, out of one JSON value a row. It raises KeyError for an unknown category,
        ValueError, TypeError or OverflowError for another value that does not fit.
    """
    import numpy as np

    if is_numpy(dtype):
        exact = np.dtype(dtype)
        return lambda values: np.array(values, dtype=exact)
    if dtype.startswith("object"):
        return _objects(dtype)
    if dtype.startswith(("<U", ">U")):
        return _texts(dtype)
    if dtype.startswith("StringDType"):
        return _wide_texts(dtype)
    if dtype.startswith("category"):
        return _categories(categories or (), ordered=dtype == "category[ordered]")
    return _dates(dtype) if family(dtype) in ("date", "duration") and "pyarrow" not in dtype else _extension(dtype)


def _objects(dtype: str) -> Build:
    import numpy as np

    absent, parsed = missing(dtype), family(dtype) in PARSED

    def build(values: Sequence[Any]) -> Any:
        filled = np.empty(len(values), dtype=object)
        for place, value in enumerate(values):  # one by one: a list among them must not become a dimension
            filled[place] = absent if value is None else parse(value, dtype) if parsed else value
        return filled

    return build


def _wide_texts(dtype: str) -> Build:
    import numpy as np

    kinds: Any = np.dtypes  # numpy 2 has texts of any length
    exact = kinds.StringDType(na_object=np.nan) if "nan" in dtype else kinds.StringDType()
    return lambda values: np.array([np.nan if one is None else one for one in values], dtype=exact)


def _texts(dtype: str) -> Build:
    """Texts of numpy's are as wide as the widest, so that none is cut off."""
    import numpy as np

    exact = np.dtype(dtype)

    def build(values: Sequence[Any]) -> Any:
        made = np.array(values, dtype=np.str_)
        return made.astype(exact) if made.dtype.itemsize <= exact.itemsize else made

    return build


def _categories(categories: tuple[Any, ...], *, ordered: bool) -> Build:
    import pandas as pd

    exact = pd.CategoricalDtype(list(categories), ordered=ordered)
    places = {category_key(one): place for place, one in enumerate(categories)}

    def build(values: Sequence[Any]) -> Any:
        codes = [-1 if one is None else places[category_key(one)] for one in values]
        return pd.Categorical.from_codes(codes, dtype=exact)

    return build


def _dates(dtype: str) -> Build:
    import numpy as np
    import pandas as pd

    is_plain = "," not in dtype
    coarse = np.dtype(dtype) if is_plain and f"[{unit(dtype)}]" not in dtype else None  # numpy counts days too, pandas does not
    plain = np.dtype(f"datetime64[{unit(dtype)}]") if dtype.startswith("datetime64") and is_plain else None
    low, high = _REACH if coarse is None else ("0001", "9999")
    shaped = _plain_date(dtype, coarse)

    def build(values: Sequence[Any]) -> Any:
        if plain is not None and all(one and shaped.fullmatch(one) and low <= one[:4] <= high for one in values):
            made = np.array(values, dtype=plain)
            return made if coarse is None else made.astype(coarse)
        moments = [pd.NaT if one is None else parse(one, dtype) for one in values]
        if coarse is None:
            return pd.Series(moments, dtype=dtype).array
        seconds = f"{coarse.name.partition('[')[0]}[s]"  # by way of numpy: old versions of pandas make nanoseconds on the way
        return np.array([None if one is pd.NaT else one.to_numpy() for one in moments], dtype=seconds).astype(coarse)

    return build


def _plain_date(dtype: str, coarse: Any) -> re.Pattern[str]:
    """The dates that numpy reads by itself, and of which the dtype loses nothing."""
    if coarse is not None:
        return re.compile(_PLAIN_DAY if dtype == "datetime64[D]" else "(?!)")
    digits = _FINEST.get(unit(dtype), 0)
    return re.compile(_PLAIN_DAY + (_PLAIN_TIME % digits if digits else _PLAIN_TIME.replace(r"(\.[0-9]{1,%d})?", "")))


def _extension(dtype: str) -> Build:
    import pandas as pd

    exact: Any = extension(dtype)
    if family(dtype) == "float":
        return lambda values: pd.array([INFINITE.get(one, one) for one in values], dtype=exact)
    if family(dtype) in PARSED:
        return lambda values: pd.array([None if one is None else parse(one, dtype) for one in values], dtype=exact)
    return lambda values: pd.array(values, dtype=exact)


def is_extension(value: Any) -> bool:
    """Say whether a value is one of pandas' own arrays, such as `series.array`, without an index.

    Args:
        value: Any value.

    Returns:
        Whether it is one.
    """
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "_from_sequence")


def column_of(array: Any) -> Any:
    """Make a series of one of pandas' own arrays.

    Args:
        array: The array.

    Returns:
        The series, counted from 0.
    """
    import pandas as pd

    return pd.Series(array)


class Series:
    """Builds series of one dtype.

    Args:
        dtype: A dtype of the contract.
        categories: The categories of a categorical one.
    """

    def __init__(self, dtype: str, categories: tuple[Any, ...] | None = None) -> None:
        self._build = builder(dtype, categories)
        self._dtype = "object" if dtype.startswith("object") else None  # or pandas makes texts of its own out of objects

    def __call__(self, values: Sequence[Any], **options: Any) -> Any:
        """Build one.

        Args:
            values: One JSON value a row.
            **options: `name` and `index` of the series.

        Returns:
            The series.
        """
        import pandas as pd

        return pd.Series(self._build(values), dtype=self._dtype, **options)


class Frame:
    """Builds frames with the same columns.

    Args:
        columns: The columns.
        labelled: The dtype of their names; None where they are texts.
        library: Whose frames.
    """

    def __init__(self, columns: Sequence[Column], labelled: str | None, library: str = "pandas") -> None:
        self._polars = tuple(columns) if library == "polars" else None
        if self._polars is not None:
            return
        self.labels = labels(columns, labelled)
        self._build = [
            Series(column.dtype) if column.dtype.startswith("object") else builder(column.dtype, column.categories)
            for column in columns
        ]

    def __call__(self, values: Sequence[Sequence[Any]], index: Any = None, size: int = 0) -> Any:
        """Build one.

        Args:
            values: The values of each column.
            index: The frame's index; a range where None.
            size: How many rows there are where there is no column to tell.

        Returns:
            The frame.
        """
        if self._polars is not None:
            import polars as pl

            return pl.DataFrame([polar.build(column, one) for column, one in zip(self._polars, values, strict=True)])
        import pandas as pd

        rows = pd.RangeIndex(len(values[0]) if values else size)
        made = pd.DataFrame({place: build(values[place]) for place, build in enumerate(self._build)}, index=rows, copy=False)
        made.columns = self.labels
        return made if index is None else made.set_axis(index)


def labels(columns: Sequence[Column], labelled: str | None) -> Any:
    """Build the index of a frame's columns.

    Args:
        columns: The columns.
        labelled: The dtype of their names; None where they are texts.

    Returns:
        One of pandas' indexes.
    """
    import pandas as pd

    names = pd.Index([column.name for column in columns])
    return names if labelled is None else names.astype(labelled)


def listed(rows: list[Any], dtype: str | None, *, nullable: bool) -> list[Any]:
    """Build a list with one element a row.

    Args:
        rows: One JSON value a row.
        dtype: What the elements are, where one thing is known of all.
        nullable: Whether null stands for not-a-number among numbers.

    Returns:
        The list.
    """
    make = {"set": set, "frozenset": frozenset}.get(dtype or "")
    if make is not None:
        return [make(row) for row in rows]
    return _with_nan(rows) if dtype == "float" and nullable else rows


def _with_nan(rows: list[Any]) -> list[Any]:
    return [_with_nan(one) if isinstance(one, list) else math.nan if one is None else one for one in rows]
