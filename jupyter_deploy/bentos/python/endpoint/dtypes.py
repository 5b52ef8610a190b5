"""What a dtype of the contract means on the wire: which JSON it takes, and how a column of it becomes JSON and comes back.

A dtype is pandas' or numpy's own name. Where the name alone would lose what the notebook's data is, a bracket says it:
`category[ordered]`, and for objects what they hold and how a missing one looks, such as `object[str,nan]` or `object[None]`.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable
from typing import Any, Literal

Family = Literal["float", "int", "bool", "string", "category", "date", "duration", "any"]

_PREFIXES: tuple[tuple[str, Family], ...] = (
    ("object[float", "float"), ("object[int", "int"), ("object[bool", "bool"), ("object[str", "string"), ("object", "any"),
    ("float", "float"), ("double", "float"), ("int", "int"), ("uint", "int"), ("bool", "bool"), ("str", "string"),
    ("large_str", "string"),
    ("<u", "string"), (">u", "string"), ("category", "category"), ("datetime", "date"), ("timestamp", "date"), ("<m8", "duration"),
    ("timedelta", "duration"), ("duration", "duration"),
)  # fmt: skip
_HELD: dict[type, str] = {str: "str", bool: "bool", int: "int", float: "float"}
_MARKERS = ("nan", "None", "NA", "NaT")
_BITS = re.compile(r"u?int(8|16|32|64)\b")


def family(dtype: str) -> Family:
    """Say which JSON a dtype takes.

    Args:
        dtype: A dtype of the contract.

    Returns:
        Its family; `any` where nothing narrower is known.
    """
    name = dtype.lower()
    return next((found for prefix, found in _PREFIXES if name.startswith(prefix)), "any")


def limits(dtype: str) -> tuple[int, int] | None:
    """Say which integers fit.

    Args:
        dtype: A dtype of the contract.

    Returns:
        The smallest and the largest, or None where any does.
    """
    found = _BITS.match(dtype.lower())
    if not found:
        return None
    bits = int(found.group(1))
    return (0, 2**bits - 1) if dtype.lower().startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def is_numpy(dtype: str) -> bool:
    """Say whether numpy alone holds the dtype, without pandas.

    Args:
        dtype: A dtype of the contract.

    Returns:
        Whether it is a plain number or boolean of numpy's.
    """
    return re.fullmatch(r"(float|int|uint)\d+|bool", dtype) is not None


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
            held.add(_HELD.get(type(value), ""))
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
    if isinstance(value, str | int):
        return str(value) if isinstance(value, str) else int(value)  # np.str_, enums
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(to_json(key)): to_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(one) for one in value]
    if marker(value):
        return None
    return _foreign(value)


def _foreign(value: Any) -> Any:
    if type(value).__module__ == "numpy" and getattr(value, "dtype", None) is not None and value.dtype.kind in "mM":
        return dates(value)
    if hasattr(value, "isoformat"):  # dates, times, pandas' timestamps and durations
        return _whole_minutes(value).isoformat()
    if hasattr(value, "tolist"):  # numpy's scalars and arrays, pandas' containers
        return to_json(value.tolist())
    if hasattr(value, "total_seconds"):
        import pandas as pd

        return pd.Timedelta(value).isoformat()
    raise TypeError(f"JSON cannot hold a {type(value).__module__}.{type(value).__qualname__}")


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


def parse_date(text: str, dtype: str) -> Any:
    """Read a date or duration.

    Args:
        text: ISO 8601.
        dtype: The dtype that it must fit.

    Returns:
        pandas' timestamp or duration.

    Raises:
        ValueError: If it is none, lies outside of what the dtype reaches, or has a time zone where the dtype has none, or the other
            way round.
    """
    import pandas as pd

    if family(dtype) == "duration":
        return pd.Timedelta(text)
    if not _DATE.match(text):
        raise ValueError("not ISO 8601")
    made = pd.Timestamp(text)
    if hasattr(made, "as_unit"):  # before pandas 2 there were nanoseconds only
        made.as_unit(unit(dtype))
    zoned = "," in dtype
    if zoned != (made.tzinfo is not None):
        raise ValueError("time zone")
    return made.tz_convert(dtype.partition(",")[2].strip(" ]")) if zoned else made


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}|$)")


def unit(dtype: str) -> Any:
    """Say how finely a dtype of dates counts.

    Args:
        dtype: Such as `datetime64[ns]`.

    Returns:
        `s`, `ms`, `us` or `ns`.
    """
    found = re.search(r"\[(s|ms|us|ns)\b", dtype)
    return found.group(1) if found else "ns"


def category_key(value: Any) -> Any:
    """Make a value usable as the key of a category.

    Args:
        value: A category or a caller's value, as JSON.

    Returns:
        The value with its kind, so that 1 and true are two things, and 1 and 1.0 are one.
    """
    return (isinstance(value, bool), isinstance(value, str), value)
