"""What one value among a function's arguments may be: a number, a text for a date or an id, one of some values, an array."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import re
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import msgspec

from .cells import fitting, named
from .checks import Errors
from .contract import Column
from .dtypes import category_key
from .texts import DATE, DURATION, TIME, parse_decimal

Fit = Callable[[Any, str, Errors], Any]

PLAIN = {bool: ("bool", "boolean"), int: ("int", "integer"), float: ("float", "number"), str: ("str", "string")}
NUMPY: dict[str, type] = {"float": float, "int": int, "uint": int, "bool": bool, "str": str}  # numpy's own scalars, by their names
TEXTS: dict[type, tuple[str, dict[str, Any]]] = {
    datetime.datetime: ("a date and time as ISO 8601 text", {"format": "date-time"}),
    datetime.date: ("a date as ISO 8601 text", {"format": "date"}),
    datetime.time: ("a time as ISO 8601 text", {"format": "time"}),
    datetime.timedelta: ("a duration as ISO 8601 text", {"format": "duration"}),
    uuid.UUID: ("a UUID as text", {"format": "uuid"}),
    bytes: ("bytes as base64 text", {"contentEncoding": "base64"}),
}
GRAMMARS = {datetime.datetime: DATE, datetime.date: DATE, datetime.time: TIME, datetime.timedelta: DURATION}


class NoShape(Exception):
    """JSON cannot give what a hint asks for."""


class Shape(NamedTuple):
    """What one hint accepts.

    Attributes:
        name: The hint as people write it.
        schema: The JSON schema of what it accepts.
        fit: Turns a JSON value at a path into what the function expects, and adds what is wrong with it.
    """

    name: str
    schema: dict[str, Any]
    fit: Fit


ANY = Shape("object", {}, lambda value, _path, _errors: value)


def _null(value: Any, path: str, errors: Errors) -> None:
    if value is not None:
        errors.add(path, f"expected null, got {named(value)}")


NULL = Shape("None", {"type": "null"}, _null)


def scalar(kind: type) -> Shape | None:
    """Make the shape of a class of single values.

    Args:
        kind: The class.

    Returns:
        What it accepts; None where it is no such class.
    """
    if kind in PLAIN:
        return _plain(kind)
    return _array_or_number(kind) or _text(kind)


def _plain(kind: type, dtype: str = "") -> Shape:
    base, schema = PLAIN[kind]
    fit = fitting(Column(name="", dtype=dtype or base))

    def fit_plain(value: Any, path: str, errors: Errors) -> Any:
        made, wrong = fit(value)
        if wrong:
            errors.add(path, wrong)
        return value if kind is float else made  # 3 is a float for Python too, and formatted otherwise than 3.0

    return Shape(base, {"type": schema}, fit_plain)


def _text(kind: type) -> Shape | None:
    """Dates, durations, ids, bytes and paths come as text; pandas' own dates are dates too."""
    if issubclass(kind, pathlib.PurePath):
        known: Any = pathlib.PurePath
        words, schema = "a path as text", dict[str, Any]()
    else:
        known = next((one for one in TEXTS if issubclass(kind, one)), None)
        if known is None:
            return None
        words, schema = TEXTS[known]
    own = kind if known is pathlib.PurePath or kind.__module__.partition(".")[0] == "pandas" else None

    def fit_text(value: Any, path: str, errors: Errors) -> Any:
        if not isinstance(value, str):
            errors.add(path, f"expected {words}, got {named(value)}")
            return None
        try:
            return _made(value, known, own)
        except (ValueError, OverflowError, msgspec.ValidationError):
            errors.add(path, f"expected {words}")
            return None

    return Shape(kind.__name__, {"type": "string", **schema}, fit_text)


def _made(text: str, known: type, own: Any) -> Any:
    """Make what a text stands for, once it is in the one grammar of all dates."""
    grammar = GRAMMARS.get(known)
    if grammar is not None and not grammar.fullmatch(text):
        raise ValueError("not ISO 8601")
    if own is not None:
        return own(text)
    if grammar is not None and re.search(r"\.[0-9]{6}[0-9]*[1-9]", text):
        raise ValueError("finer than microseconds")
    if known is datetime.datetime and len(text) == len("2024-01-31"):
        text += "T00:00:00"
    return msgspec.convert(text, known)


def _array_or_number(kind: type) -> Shape | None:
    """Decimals, which JSON holds as text so that no digit is lost, and numpy's own numbers."""
    if kind is decimal.Decimal:
        return Shape("Decimal", {"anyOf": [{"type": "string", "format": "decimal"}, {"type": "number"}]}, _decimal)
    if kind.__module__ == "numpy" and kind.__name__.startswith(tuple(NUMPY)):
        base = next(base for prefix, base in NUMPY.items() if kind.__name__.startswith(prefix))
        plain = _plain(base, kind.__name__ if base in (int, float) else "")
        return Shape(kind.__name__, plain.schema, _made_by(plain, kind))
    return array(kind.__name__) if _is_array(kind) else None


def _decimal(value: Any, path: str, errors: Errors) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        errors.add(path, f"expected a decimal number as text, got {named(value)}")
        return None
    try:
        return parse_decimal(value)
    except ValueError:
        errors.add(path, "expected a decimal number as text")
        return None


def _is_array(kind: type) -> bool:
    return kind.__module__ == "numpy" and kind.__name__ == "ndarray"


def array(name: str, inner: tuple[Any, ...] = ()) -> Shape:
    """Make the shape of one of numpy's arrays.

    Args:
        name: What people call it.
        inner: The parameters of its hint, the last of which holds the dtype, as in `NDArray[np.float64]`.

    Returns:
        What it accepts.
    """
    known = get_args(inner[-1])[:1] if inner else ()
    dtype: Any = known[0] if known and isinstance(known[0], type) else None

    def fit_array(value: Any, path: str, errors: Errors) -> Any:
        import numpy as np

        if not isinstance(value, list):
            errors.add(path, f"expected a list, got {named(value)}")
            return None
        try:
            return np.array(value, dtype=dtype)
        except (ValueError, TypeError, OverflowError):
            errors.add(path, "expected nested lists of one length, and of numbers of one kind")
            return None

    return Shape(name, {"type": "array"}, fit_array)


def _made_by(shape: Shape, make: Callable[[Any], Any]) -> Fit:
    def fit_made(value: Any, path: str, errors: Errors) -> Any:
        before = len(errors.list)
        fitted = shape.fit(value, path, errors)
        try:
            return make(fitted) if len(errors.list) == before else None
        except OverflowError:
            errors.add(path, "too large for a number")
            return None

    return fit_made


def choice(name: str, members: list[tuple[Any, Any]]) -> Shape:
    """Make the shape of one of some values: of a Literal, or of an Enum, by value.

    Args:
        name: What people call it.
        members: What is made of each value, and the value as JSON.

    Returns:
        What it accepts.
    """
    by_value = {category_key(value): member for member, value in members}

    def fit_choice(value: Any, path: str, errors: Errors) -> Any:
        known = value is None or isinstance(value, bool | int | float | str)
        if known and category_key(value) in by_value:
            return by_value[category_key(value)]
        errors.add(path, f"not one of the {len(members)} known values" if known else f"expected one value, got {named(value)}")
        return None

    return Shape(name, {"enum": [value for _, value in members]}, fit_choice)
