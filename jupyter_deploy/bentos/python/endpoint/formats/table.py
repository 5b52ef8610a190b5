"""Tables that came by column or as whole arrays, checked against the contract and made into the model's argument.

Numbers and moments are checked and converted as whole arrays; everything else goes through the checks that JSON goes through, so
that every format has the same contract. A small table becomes rows, which may be answered together with those of other requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from .. import checks, polar, sparse
from ..columns import Series, builder, labels
from ..contract import Column, Input
from ..dtypes import array_to_json, is_numpy
from ..parts import SMALL, Part
from ..problems import MOST, InvalidInput
from ..rows import RowDecoder

EXACT = 1 << 53  # up to which every whole number is a float
_POLARS = {"polars.Boolean": "bool"}


class Cells(NamedTuple):
    """The values of one column.

    Attributes:
        held: An array of numpy's with numbers, booleans or moments, or a list of JSON values.
        absent: Which of the array's values are missing, beside those that are not-a-number; None where none is.
    """

    held: Any
    absent: Any = None

    def json(self) -> list[Any]:
        """Give the values as JSON."""
        if isinstance(self.held, list):
            return self.held
        made = _moments(self.held) if self.held.dtype.kind == "M" else array_to_json(self.held)
        if self.absent is not None:
            for place in self.absent.nonzero()[0].tolist():
                made[place] = None
        return made


def from_columns(cells: Mapping[str, Cells], size: int, decoder: RowDecoder, weight: int) -> Part:
    """Take a table by column.

    Args:
        cells: The values by column's name, all of one length.
        size: How many rows there are.
        decoder: What the method takes.
        weight: Bytes of the body.

    Returns:
        What the model is asked.

    Raises:
        InvalidInput: If it does not fit the contract.
    """
    input = decoder.input
    decoder.bound(size)
    if input.kind == "frame" and size > SMALL:
        return Part(None, _frame(cells, size, input), size, weight)
    if input.kind in ("array", "sparse", "series") and cells:
        whole = _stacked(cells, input)
        if whole is not None:
            return from_array(whole, decoder, weight)
    return from_rows(_rows(cells, size, input), decoder, weight)


def from_array(array: Any, decoder: RowDecoder, weight: int) -> Part:
    """Take one array whose first dimension are the rows.

    Args:
        array: One of numpy's, of numbers, booleans, texts or moments.
        decoder: What the method takes.
        weight: Bytes of the body.

    Returns:
        What the model is asked.

    Raises:
        InvalidInput: If it does not fit the contract.
    """
    input, size = decoder.input, len(array) if array.ndim else 1
    if input.kind == "value":
        return from_rows([json_of(array)], decoder, weight)
    if not array.ndim:
        raise InvalidInput([("rows", "expected an array whose first dimension are the rows, got a single value")])
    decoder.bound(size)
    if size > SMALL and input.kind == "frame" and array.ndim == 2 and array.shape[1] == len(input.columns):
        cells = {column.name: Cells(array[:, place]) for place, column in enumerate(input.columns)}
        return Part(None, _frame(cells, size, input), size, weight)
    if size > SMALL and input.kind in ("array", "sparse", "series") and is_numpy(_dtype(input)):
        return Part(None, _whole_argument(array, input), size, weight)
    return from_rows(json_of(array), decoder, weight)


def from_rows(rows: list[Any], decoder: RowDecoder, weight: int) -> Part:
    """Take rows as JSON values.

    Args:
        rows: One value a row.
        decoder: What the method takes.
        weight: Bytes of the body.

    Returns:
        What the model is asked.

    Raises:
        InvalidInput: If they do not fit the contract.
    """
    return decoder.parse(msgspec.json.encode(rows))._replace(weight=weight)


def json_of(array: Any) -> Any:
    """Write an array as nested lists of JSON values.

    Args:
        array: One of numpy's.

    Returns:
        Nested lists, or one value where it has no dimension.
    """
    if not array.ndim:
        return json_of(array.reshape(1))[0]
    return _moments(array) if array.dtype.kind == "M" else array_to_json(array)


def _moments(array: Any) -> Any:
    """Write moments as finely as the array counts: a day has no time."""
    import numpy as np

    texts = np.datetime_as_string(array).astype(object)
    texts[np.isnat(array)] = None
    return texts.tolist()


def _frame(cells: Mapping[str, Cells], size: int, input: Input) -> Any:
    errors = checks.Errors()
    made = checks.collected(_fitted_columns(cells, input, errors))
    if errors.list:
        raise InvalidInput(errors.list)
    if input.library == "polars":
        import polars as pl

        return pl.DataFrame(made)
    import numpy as np
    import pandas as pd

    if len(made) > 1 and len({column.dtype for column in input.columns}) == 1 and is_numpy(input.columns[0].dtype):
        block = np.stack(made, axis=1)  # one block of memory, as the rows of JSON become
        return pd.DataFrame(block, columns=labels(input.columns, input.dtype), copy=False)
    frame = pd.DataFrame(dict(enumerate(made)), index=pd.RangeIndex(size), copy=False)
    frame.columns = labels(input.columns, input.dtype)
    return frame


def _fitted_columns(cells: Mapping[str, Cells], input: Input, errors: checks.Errors) -> Iterable[Any]:
    checks.unknown_keys(dict(cells), [column.name for column in input.columns], "rows[0]", errors)
    for column in input.columns:
        if column.name in cells:
            yield _fitted(cells[column.name], column, input.library, errors)
        else:
            errors.add(f"rows[0].{column.name}", "missing")


def _fitted(cells: Cells, column: Column, library: str, errors: checks.Errors) -> Any:
    """Build one column; without meaning where something was wrong."""
    import numpy as np

    plain = _POLARS.get(column.dtype) or column.dtype.removeprefix("polars.").lower() if library == "polars" else column.dtype
    if not isinstance(cells.held, list) and cells.held.dtype.kind in "biufMm" and _is_plain(plain):
        made, bad = converted(cells, np.dtype(plain), column)
        if made is not None and library == "polars":
            return _polars(made, column, cells)
        if made is not None:
            return made
        for (place,) in bad:
            value = Cells(cells.held[place : place + 1], None if cells.absent is None else cells.absent[place : place + 1])
            errors.add(f"rows[{place}].{column.name}", checks.fit(value.json()[0], column)[1] or f"does not fit {column.dtype}")
        if bad:
            return None
    return _one_by_one(cells.json(), column, library, errors)


def _polars(made: Any, column: Column, cells: Cells) -> Any:
    import polars as pl

    if made.dtype.kind == "f" and not column.dtype.endswith("[nan]") and (made != made).any():  # noqa: PLR0124 (not-a-number)
        return polar.build(column, cells.json())
    return pl.Series(column.name, made)


def _is_plain(dtype: str) -> bool:
    return is_numpy(dtype) or (dtype.startswith(("datetime64[", "timedelta64[")) and "," not in dtype)


def converted(cells: Cells, exact: Any, column: Column) -> tuple[Any, list[Any]]:
    """Convert an array to a dtype of numpy's, where that loses nothing that JSON would keep.

    Args:
        cells: Numbers, booleans or moments.
        exact: The dtype.
        column: What each value must fit.

    Returns:
        The array, or None and the places of values that do not fit; None and no place where the values have to be looked at one by
        one.
    """
    import numpy as np

    values, absent = cells
    if exact.kind in "mM" and column.minimum is not None:
        return None, []  # a range of dates is compared one by one
    fits = {"f": "fiu", "i": "iuf", "u": "iuf", "b": "b", "M": "M", "m": "m"}[exact.kind]
    if values.dtype.kind not in fits:
        return None, np.argwhere(np.ones(values.shape, dtype=bool))[:MOST].tolist()
    gone = np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values) if values.dtype.kind == "f" else None
    gone = absent if gone is None else gone if absent is None else gone | absent
    gone = None if gone is None or not gone.any() else gone
    bad = np.zeros(values.shape, dtype=bool) if gone is None or column.nullable else gone
    if gone is not None and column.nullable and exact.kind not in "fmM":
        return None, []
    with np.errstate(all="ignore"):
        made = _cast(values, exact)
        bad = bad | (_lost(values, made, exact, column) & (True if gone is None else ~gone))
    if bad.any():
        return None, np.argwhere(bad)[:MOST].tolist()
    if gone is not None:
        made[gone] = np.nan if exact.kind == "f" else np.array("NaT", dtype=exact)
    return made, []


def _cast(values: Any, exact: Any) -> Any:
    import numpy as np

    return np.array(values, dtype=exact, order="C")  # a copy of its own, which the model may write into


def _lost(values: Any, made: Any, exact: Any, column: Column) -> Any:
    """Say which values became others, by the rules of `checks`; a float may round where the column has fewer digits."""
    import numpy as np

    lost = np.zeros(values.shape, dtype=bool)
    if exact.kind == "f":
        endless = ~np.isfinite(made)
        lost = endless if not column.infinite else endless & ~np.isinf(values) & ~np.isnan(values)
        if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
            large = (values > EXACT) | (values < -EXACT if values.dtype.kind == "i" else False)
            lost[large] |= np.array([int(float(one)) != one for one in values[large].tolist()], dtype=bool)
    elif exact.kind in "iu" and values.dtype.kind == "f":
        info = np.iinfo(exact)
        lost = ~((np.floor(values) == values) & (abs(values) <= EXACT) & (values >= float(info.min)) & (values <= float(info.max)))
    elif exact.kind in "iu":
        info = np.iinfo(exact)
        lost = (values < max(info.min, np.iinfo(values.dtype).min)) | (values > min(info.max, np.iinfo(values.dtype).max))
    elif exact.kind in "mM":
        lost = made.astype(values.dtype) != values
    low, high = column.minimum, column.maximum
    return lost if low is None or high is None or exact.kind not in "fiu" else lost | (made < low) | (made > high) & ~np.isinf(made)


def _one_by_one(values: list[Any], column: Column, library: str, errors: checks.Errors) -> Any:
    before = len(errors.list)
    fits = _fits(values, column)
    for place, (_, wrong) in enumerate(fits):
        if wrong:
            errors.add(f"rows[{place}].{column.name}", wrong)
    if len(errors.list) > before:
        return None
    made = [value for value, _ in fits]
    try:
        if library == "polars":
            return polar.build(column, made)
        return Series(column.dtype)(made) if column.dtype.startswith("object") else builder(column.dtype, column.categories)(made)
    except (ValueError, KeyError, TypeError, OverflowError):  # pandas is stricter somewhere than the checks are
        errors.add(f"rows.{column.name}", "a value does not fit its column")
        return None


def _fits(values: list[Any], column: Column) -> list[tuple[Any, str]]:
    """Fit values, each text once: a column of texts has few different ones."""
    look = checks.fitting(column)
    if all(isinstance(one, str | None) for one in values):
        known = {one: look(one) for one in set(values)}
        return [known[one] for one in values]
    return [look(one) for one in values]


def _dtype(input: Input) -> str:
    return input.dtype or "float64"


def _whole_argument(array: Any, input: Input) -> Any:
    """Make an array, a series or a sparse matrix out of an array of numbers."""
    import numpy as np

    shape = (None,) if input.kind == "series" else input.shape or (None,)
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        wanted = " x ".join("rows" if place == 0 else "any" if one is None else str(one) for place, one in enumerate(shape))
        raise InvalidInput([("rows", f"expected an array of {wanted}, got {' x '.join(map(str, array.shape))}")])
    column = (
        input.columns[0]
        if input.columns
        else Column(name="", dtype=_dtype(input), nullable=input.nullable, infinite=input.infinite)
    )
    made, bad = converted(Cells(array), np.dtype(_dtype(input)), column)
    if made is None:
        told = [
            ("rows" + "".join(f"[{one}]" for one in place), checks.fit(json_of(array[tuple(place)]), column)[1]) for place in bad
        ]
        raise InvalidInput(
            [(path, wrong or f"does not fit {column.dtype}") for path, wrong in told] or [("rows", "missing values")]
        )
    if input.kind == "series":
        import pandas as pd

        return pd.Series(made, name=input.name)
    return made if input.kind == "array" else sparse.from_dense(made, str(input.name or "csr_matrix"))


def _stacked(cells: Mapping[str, Cells], input: Input) -> Any:
    """Make one array of a table's columns, whatever they are called, as a model of arrays takes a frame's values."""
    import numpy as np

    arrays = [one.held for one in cells.values()]
    plain = all(not isinstance(one.held, list) and one.absent is None for one in cells.values())
    if not plain or len({one.dtype.kind for one in arrays}) > 1:
        return None
    flat = input.kind == "series" or len(input.shape or (None,)) == 1
    return arrays[0] if len(arrays) == 1 and (flat or arrays[0].ndim > 1) else np.stack(arrays, axis=1)


def _rows(cells: Mapping[str, Cells], size: int, input: Input) -> list[Any]:
    """Write a table by row, as JSON would have it."""
    columns = [one.json() for one in cells.values()]
    if input.kind in ("frame", "arguments") or len(columns) != 1:
        if input.kind in ("array", "sparse"):
            return [list(row) for row in zip(*columns, strict=True)]
        return [dict(zip(cells, row, strict=True)) for row in zip(*columns, strict=True)] if columns else [{}] * size
    nested = (
        input.kind in ("array", "sparse") and len(input.shape or (None,)) == 2 and not isinstance((columns[0] or [None])[0], list)
    )
    return [[one] for one in columns[0]] if nested else columns[0]
