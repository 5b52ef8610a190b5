"""What a dtype of the contract means on the wire: which JSON it takes, and how a column of it becomes JSON and comes back.

A dtype is pandas' or numpy's own name. Where the name alone would lose what the notebook's data is, a bracket says it:
`category[ordered]`, and for objects what they hold and how a missing one looks, such as `object[str,nan]` or `object[None]`.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import importlib
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

from .plain import plain
from .tensors import plain as plain_tensor

Family = Literal["float", "int", "bool", "string", "category", "date", "duration", "period", "time", "decimal", "any"]

_PREFIXES: tuple[tuple[str, Family], ...] = (
    ("polars.int", "int"), ("polars.uint", "int"), ("polars.float", "float"), ("polars.bool", "bool"), ("polars.str", "string"),
    ("polars.cat", "string"), ("polars.date", "date"), ("polars.time", "time"), ("polars.dur", "duration"),
    ("polars.dec", "decimal"), ("polars.enum", "category"),
    ("object[float", "float"), ("object[int", "int"), ("object[bool", "bool"), ("object[str", "string"), ("object[date", "date"),
    ("object[timestamp", "date"), ("object[time", "time"), ("object[decimal", "decimal"), ("object", "any"),
    ("float", "float"), ("double", "float"), ("int", "int"), ("uint", "int"), ("bool", "bool"), ("str", "string"),
    ("large_str", "string"),
    ("<u", "string"), (">u", "string"), ("category", "category"), ("datetime", "date"), ("timestamp", "date"), ("date32", "date"),
    ("timedelta", "duration"), ("duration", "duration"), ("period", "period"),
)  # fmt: skip
PARSED: frozenset[Family] = frozenset({"date", "duration", "period", "time", "decimal"})
"""Families that are texts in JSON, of which not every one will do."""

_HELD: dict[type, str] = {
    str: "str", bool: "bool", int: "int", float: "float", datetime.date: "date", datetime.datetime: "datetime",
    datetime.time: "time", decimal.Decimal: "decimal",
}  # fmt: skip
_ARROW = re.compile(r"(u?int\d+|float|double|halffloat|bool|string|large_string|timestamp\[.+\]|date32\[day\])\[pyarrow\]")
_BITS = re.compile(r"u?int(8|16|32|64)\b")
INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}
"""How infinite numbers are written where a number is expected, since JSON has none; not-a-number is null."""


@lru_cache(4096)
def family(dtype: str) -> Family:
    """Say which JSON a dtype takes.

    Args:
        dtype: A dtype of the contract.

    Returns:
        Its family; `any` where nothing narrower is known.
    """
    name = dtype.lower().removeprefix("sparse[")
    return next((found for prefix, found in _PREFIXES if name.startswith(prefix)), "any")


@lru_cache(4096)
def zoned(dtype: str) -> bool:
    """Say whether moments of a dtype have a time zone.

    Args:
        dtype: A dtype of the contract.

    Returns:
        Whether they must have one.
    """
    return "time_zone='" in dtype or ("," in dtype and not dtype.startswith(("object", "polars.")))


@lru_cache(4096)
def limits(dtype: str) -> tuple[int, int] | None:
    """Say which integers fit.

    Args:
        dtype: A dtype of the contract.

    Returns:
        The smallest and the largest, or None where any does.
    """
    name = dtype.lower().removeprefix("sparse[").removeprefix("polars.")
    found = _BITS.match(name)
    if not found:
        return None
    bits = int(found.group(1))
    return (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def is_numpy(dtype: str) -> bool:
    """Say whether numpy alone holds the dtype, without pandas.

    Args:
        dtype: A dtype of the contract.

    Returns:
        Whether it is a plain number or boolean of numpy's.
    """
    return re.fullmatch(r"(float|int|uint)\d+|bool", dtype) is not None


def name_of(dtype: Any) -> str:
    """Name a dtype so that it can be made again from its name.

    Args:
        dtype: A dtype of numpy or pandas, but no category.

    Returns:
        The name.

    Raises:
        TypeError: If JSON cannot hold its values, or nothing leads from a name to it.
    """
    if type(dtype).__module__.startswith("numpy"):
        if dtype.kind in "cVS" or (dtype.kind == "f" and dtype.itemsize > 8):
            raise TypeError(f"JSON cannot hold values of {dtype}")
        return str(dtype.newbyteorder("=") if dtype.kind in "iuf" else dtype)
    text = str(dtype)
    for name in (text, f"string[{getattr(dtype, 'storage', '')}]", "string[arrow]"):
        try:
            if extension(name) == dtype and ("[pyarrow]" not in text or _ARROW.match(text)):
                return name
        except (TypeError, ValueError, NotImplementedError, ImportError):  # noqa: PERF203 (pandas does not read every name it writes)
            continue
    raise TypeError(f"pandas makes no column of {dtype} from its name; convert it to another dtype before")


def extension(name: str) -> Any:
    """Make one of pandas' dtypes from its name.

    Args:
        name: A dtype of the contract.

    Returns:
        The dtype.
    """
    import pandas as pd

    if name == "string[arrow]":  # pandas reads Arrow's own texts as another dtype of its own
        return pd.ArrowDtype(importlib.import_module("pyarrow").string())
    sparse = re.fullmatch(r"Sparse\[(\w+), (nan|False|-?[\d.]+)\]", name)
    if sparse:
        fill = float(sparse[2]) if sparse[1].startswith("float") else sparse[2] == "True" if sparse[1] == "bool" else int(sparse[2])
        return pd.SparseDtype(sparse[1], fill)
    return pd.api.types.pandas_dtype(name)


def object_dtype(values: Iterable[Any]) -> str:
    """Name the dtype of a column of objects by what it holds.

    Args:
        values: The objects.

    Returns:
        `object`, with what it holds and how a missing one looks where that is one thing.
    """
    held: set[str] = set()
    missing: list[str] = []
    for value in values:
        mark = marker(value)
        if mark and mark not in missing:
            missing.append(mark)
        elif not mark:
            held.add("timestamp" if type(value).__name__ == "Timestamp" else _HELD.get(type(value), ""))
    if held == {"int", "float"}:
        held = {""}  # the difference between 1 and 1.0 stays visible to the model
    details = [one for one in held if one and len(held) == 1] + missing[:1]
    return f"object[{','.join(details)}]" if details else "object"


def marker(value: Any) -> str:
    """Say how a missing value is written.

    Args:
        value: Any value.

    Returns:
        `None`, `nan`, `NA`, `NaT`, or an empty string where the value is not missing.
    """
    if value is None:
        return "None"
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return {"NAType": "NA", "NaTType": "NaT"}.get(type(value).__name__, "")


def missing(dtype: str) -> Any:
    """Give what stands for null in a column of objects.

    Args:
        dtype: A dtype such as `object[str,nan]`.

    Returns:
        None unless the dtype names another marker.
    """
    found = dtype.rpartition("[")[2].rstrip("]").split(",")[-1]
    if found == "nan":
        return float("nan")
    if found in ("NA", "NaT"):
        import pandas as pd

        return pd.NA if found == "NA" else pd.NaT
    return None


def to_json(value: Any) -> Any:
    """Make one value fit for JSON, exactly where JSON can hold it.

    Args:
        value: A scalar of Python, numpy or pandas, or a container of them.

    Returns:
        None, a bool, int, float, str, list or dict; not-a-number and infinity become None.

    Raises:
        TypeError: If there is no JSON for it.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, enum.Enum):
        return to_json(plain(value))
    if isinstance(value, str | int):
        return str(value) if isinstance(value, str) else int(value)  # np.str_ and the like
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(to_json(key)): to_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((to_json(one) for one in value), key=repr)  # in one order, whatever the hashes of this process are
    if marker(value):
        return None
    return _foreign(value)


def array_to_json(array: Any) -> list[Any]:
    """Make an array fit for JSON, infinite numbers included.

    Args:
        array: One of numpy's, of any rank but 0.

    Returns:
        One JSON value a row.
    """
    kind = array.dtype.kind
    if kind in "mM":
        made: list[Any] = dates(array)
        return made
    if kind == "f":
        return _numbers(array)
    plain: list[Any] = array.tolist()
    return plain if kind in "biuU" else [to_json(one) for one in plain]


def _numbers(array: Any) -> list[Any]:
    import numpy as np

    finite = np.isfinite(array)
    if finite.all():
        plain: list[Any] = array.tolist()
        return plain
    texts = array.astype(object)
    texts[~finite] = None
    texts[array == np.inf], texts[array == -np.inf] = "Infinity", "-Infinity"
    told: list[Any] = texts.tolist()
    return told


def _foreign(value: Any) -> Any:
    if type(value).__module__ == "numpy" and getattr(value, "dtype", None) is not None and value.dtype.kind in "mM":
        return dates(value)
    if hasattr(value, "isoformat"):  # dates, times, pandas' timestamps and durations
        return _whole_minutes(value).isoformat()
    if hasattr(value, "numpy") and hasattr(value, "dtype"):  # tensors
        return to_json(plain_tensor(value))
    if hasattr(value, "tolist"):  # numpy's scalars and arrays, pandas' containers
        return to_json(value.tolist())
    if hasattr(value, "total_seconds") and type(value) is not datetime.timedelta:
        import pandas as pd

        return pd.Timedelta(value).isoformat()
    if isinstance(value, decimal.Decimal) or type(value).__name__ == "Period":
        return str(value)
    return to_json(plain(value))


def _whole_minutes(value: Any) -> Any:
    """Tell a moment in UTC where its zone was apart by seconds, as before the railways: ISO 8601 has no seconds there."""
    offset = value.utcoffset() if getattr(value, "tzinfo", None) is not None else None
    return value.astimezone(datetime.timezone.utc) if offset is not None and offset.total_seconds() % 60 else value


def dates(value: Any) -> Any:
    """Write numpy's dates and durations in ISO 8601.

    Args:
        value: An array or scalar of `datetime64` or `timedelta64`.

    Returns:
        A text, or a list of texts nested like the array, with None for what is missing.
    """
    import numpy as np
    import pandas as pd

    array = np.asarray(value)
    make = pd.Timestamp if array.dtype.kind == "M" else pd.Timedelta
    texts = np.empty(array.shape, dtype=object)
    for place, one in np.ndenumerate(array):
        texts[place] = None if np.isnat(one) else make(one).isoformat()
    return texts.tolist()


def unit(dtype: str) -> Any:
    """Say how finely a dtype of dates counts.

    Args:
        dtype: Such as `datetime64[ns]`.

    Returns:
        `s`, `ms`, `us` or `ns`; what counts more coarsely than pandas does, counts seconds there.
    """
    found = re.search(r"\[(s|ms|us|ns)\b", dtype)
    return found.group(1) if found else "s" if re.search(r"64\[[YMWDhm]\]", dtype) else "ns"


def category_key(value: Any) -> Any:
    """Make a value usable as the key of a category.

    Args:
        value: A category or a caller's value, as JSON.

    Returns:
        The value with its kind, so that 1 and true are two things, and 1 and 1.0 are one.
    """
    return (isinstance(value, bool), isinstance(value, str), value)
