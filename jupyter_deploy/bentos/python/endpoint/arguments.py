"""The named arguments of a function: what the contract says of them, and how a caller's object becomes them.

A type hint decides what an argument is, the notebook's own calls give examples and ranges. Where there is no hint, or the notebook
does not keep to it, the calls decide.
"""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

import msgspec

from . import checks
from .cells import range_of
from .contract import Column, Input, Output
from .describe import describe_input
from .dtypes import INFINITE, marker, to_json
from .hints import NOTHING, Parameter, Signature, signature_of
from .scalars import ANY, Fit, NoShape, Shape
from .schema import inferred
from .shapes import LISTS, Shapes, attempt
from .waiting import is_generator

LONGEST = 200  # characters of an example
NAN = "float[nan]"
"""A number of which the notebook gave one that is none, which JSON has as null."""

PLAIN = ("bool", "int", "float", "str")
TYPES: dict[str, type] = {
    one.__name__: one
    for one in (
        bool, int, float, str, list, dict, tuple, set, frozenset, bytes, datetime.datetime, datetime.date, datetime.time,
        datetime.timedelta, uuid.UUID, decimal.Decimal,
    )
}  # fmt: skip
"""What an argument without a hint may be, by the name that stands in the contract."""

Nested = Callable[[Any, Input, str, checks.Errors], Any]
"""Makes a table or an array out of JSON: value, what it is, path, errors."""


def describe_arguments(calls: Sequence[dict[str, Any]], function: Any = None) -> Input:
    """Describe the named arguments of a function.

    Args:
        calls: The arguments of the calls that are known; none where the function's own hints must do.
        function: The function; its parameters give the order, the hints, and say which ones may be left out.

    Returns:
        What it accepts, one column a parameter.

    Raises:
        TypeError: If JSON cannot hold an argument, or neither a hint nor a call says what one is.
    """
    signature = signature_of(function) if function is not None else None
    shapes = Shapes(signature.scope if signature else {})
    known = dict(signature.parameters) if signature else {}
    seen: dict[str, list[Any]] = {name: [] for name in known}
    for call in calls:
        for name, value in call.items():
            seen.setdefault(name, []).append(value)
    columns, others = [], None
    for name, values in seen.items():
        parameter = known.get(name)
        if parameter is not None or signature is None:
            columns.append(_column(parameter or Parameter(name, NOTHING, NOTHING), values, shapes))
    if signature is not None and signature.others is not None:
        given = [value for name, values in seen.items() if name not in known for value in values]
        others = _column(signature.others, given, shapes, further=True)
    return Input(kind="arguments", columns=tuple(columns), others=others)


def describe_batch(value: Any, function: Any) -> Input:
    """Describe the rows that a function takes together.

    Args:
        value: A frame, series, array, sparse matrix or list.
        function: The function; where its hint says of what its list is, that counts.

    Returns:
        What it accepts.

    Raises:
        TypeError: If JSON cannot hold the rows.
    """
    shape = element_of(function) if isinstance(value, list) else None
    if shape is None or shape.name in PLAIN or any(attempt(shape, to_json(one))[1].list for one in value):
        return describe_input(value)
    return Input(kind="list", dtype=shape.name, schema=shape.schema)


def describe_hints(function: Any) -> Input:
    """Describe what a function accepts by its type hints alone.

    Args:
        function: The function.

    Returns:
        What it accepts: rows where it makes a list out of a list, else named arguments.

    Raises:
        TypeError: If a parameter has neither a hint that JSON can satisfy nor a default.
    """
    signature, shape = signature_of(function), element_of(function)
    if signature is not None and shape is not None and get_origin(signature.returns) in LISTS:
        return Input(kind="list", dtype=shape.name, schema=None if shape.name in PLAIN else shape.schema)
    return describe_arguments([], function)


def with_schema(output: Output, function: Any, answers: list[Any], *, together: bool) -> Output:
    """Say what one answer of a function looks like.

    Args:
        output: What it returns.
        function: The function, whose hint counts where all answers keep to it.
        answers: Answers as JSON, one a row.
        together: Whether it answers all rows in one list, rather than each by itself.

    Returns:
        The same with a schema, where it is a list or a value of which nothing else says what it holds; streamed where the function
        is a generator.
    """
    output = msgspec.structs.replace(output, streamed=is_generator(function))
    if output.kind not in ("list", "value") or output.parts or output.each is not None:
        return output
    signature = signature_of(function)
    hint = signature.returns if signature else NOTHING
    inner = get_args(hint)
    if together:
        hint = inner[0] if get_origin(hint) in LISTS and inner else NOTHING
    try:
        shape = Shapes(signature.scope if signature else {}, "serialization").of(hint)
    except NoShape:
        shape = ANY
    if shape is ANY or any(attempt(shape, one)[1].list for one in answers):
        return msgspec.structs.replace(output, schema=inferred(answers) or None)
    return msgspec.structs.replace(output, schema=shape.schema)


def _column(parameter: Parameter, values: list[Any], shapes: Shapes, *, further: bool = False) -> Column:
    name, told = parameter.name, _told(parameter)
    tables = [one for one in values if hasattr(one, "shape") and getattr(one, "ndim", 0) > 0]
    if tables and len(tables) == len([one for one in values if one is not None]):
        held = describe_input(tables[0])
        return Column(name=name, dtype=type(tables[0]).__name__, holds=held, nullable=len(tables) < len(values), **told)
    rows = [_plain(name, one) for one in values]
    finite = [row for value, row in zip(values, rows, strict=True) if not _is_infinite(value)]
    told["infinite"] = len(finite) < len(rows)
    shape = _shape(parameter, shapes)
    if shape is not None and not any(attempt(shape, row)[1].list for row in finite):
        nullable = not attempt(shape, None)[1].list
        return Column(name=name, dtype=shape.name, schema=shape.schema, nullable=nullable, **told, **_seen(values, rows))
    if not values and parameter.required and not further:
        raise TypeError(f"neither a call nor a type hint says what `{name}` is{_why(parameter, shapes)}")
    there = [one for one in values if not marker(one)]
    dtype = _dtype(name, there) if there else "object"
    if "nan" in map(marker, values) and (dtype in ("int", "float") or not there):
        dtype = NAN
    nullable = parameter.default is None or any(map(marker, values))
    return Column(name=name, dtype=dtype, nullable=nullable, **told, **_seen(values, rows))


def _told(parameter: Parameter) -> dict[str, Any]:
    if parameter.required:
        return {}
    try:
        return {"optional": True, "default": to_json(parameter.default)}
    except TypeError:
        return {"optional": True}


def _plain(name: str, value: Any) -> Any:
    try:
        return _sent(value)
    except TypeError as error:
        raise TypeError(f"{error} (argument `{name}`)") from error


def _sent(value: Any) -> Any:
    """Write an argument as JSON; an infinite number as in a column."""
    if _is_infinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return to_json(value)


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _shape(parameter: Parameter, shapes: Shapes) -> Shape | None:
    if parameter.hint is NOTHING:
        return None
    try:
        shape = shapes.of(parameter.hint)
    except NoShape:
        return None
    return None if shape is ANY else shape


def _why(parameter: Parameter, shapes: Shapes) -> str:
    try:
        shapes.of(parameter.hint)
    except NoShape as error:
        return f": {error}"
    return ""


def _dtype(name: str, values: list[Any]) -> str:
    """Name what an argument without a hint was called with, so that a release can make the same out of JSON."""
    for own in {type(one) for one in values}:
        if own.__module__.partition(".")[0] not in ("builtins", "numpy") and own not in TYPES.values():
            raise TypeError(
                f"the argument `{name}` is a {own.__qualname__}, which a release makes out of JSON where the function says so, "
                f"as in `{name}: {own.__qualname__}`"
            )
    kinds = {_kind(one) for one in values}
    return "float" if kinds == {"int", "float"} else kinds.pop() if len(kinds) == 1 else "object"


def _kind(value: Any) -> str:
    if type(value) in TYPES.values():
        return type(value).__name__
    base = next((one for one in (bool, int, float) if type(to_json(value)) is one), None)
    return base.__name__ if base is not None and type(value).__module__ == "numpy" else "object"


def _seen(values: list[Any], rows: list[Any]) -> dict[str, Any]:
    """Give an example of what was seen, and the range of numbers and dates."""
    there = [(value, row) for value, row in zip(values, rows, strict=True) if row is not None]
    if not there:
        return {}
    example = there[0][1]
    found: dict[str, Any] = {"example": example[:LONGEST] if isinstance(example, str) else example}
    kinds = {type(value) for value, _ in there}
    dates = len(kinds) == 1 and kinds <= {datetime.date, datetime.datetime}
    if dates or all(isinstance(row, int | float) and not isinstance(row, bool) for _, row in there):
        ordered = sorted(row for _, row in there)
        found |= {"minimum": ordered[0], "maximum": ordered[-1]}
    return found


class ArgumentDecoder:
    """Makes the arguments of one function out of objects.

    Args:
        input: What the contract says of them.
        function: The function itself, whose hints say what to make; without it the values stay as JSON has them.
        nested: Makes tables and arrays.

    Attributes:
        required: The parameters that must be there.
    """

    def __init__(self, input: Input, function: Any, nested: Nested) -> None:
        signature = signature_of(function) if function is not None else None
        self._nested = nested
        self._shapes = Shapes(signature.scope if signature else {})
        known = signature.parameters if signature else {}
        self._fits = {one.name: self._fit(one, known.get(one.name)) for one in input.columns}
        self.required = [one.name for one in input.columns if _is_required(one, signature)]
        others = input.others
        self._others = self._fit(others, signature.others if signature else None) if others is not None else None

    def _fit(self, column: Column, parameter: Parameter | None) -> Callable[[Any, str, checks.Errors], Any]:
        if column.holds is not None:
            return self._fit_table(column, column.holds)
        hint: Any = Any
        if column.dtype == NAN:
            number = self._shapes.of(float).fit
            return lambda value, path, errors: math.nan if value is None else number(value, path, errors)
        if column.schema is None:
            hint = TYPES.get(column.dtype, Any)
            hint = hint | None if column.nullable and hint is not Any else hint
        elif parameter is not None and parameter.hint is not NOTHING:
            hint = parameter.hint
        fit = _within(column, self._shapes.of(hint).fit)
        if not column.infinite:
            return fit

        def fit_any(value: Any, path: str, errors: checks.Errors) -> Any:
            return INFINITE[value] if isinstance(value, str) and value in INFINITE else fit(value, path, errors)

        return fit_any

    def _fit_table(self, column: Column, held: Input) -> Callable[[Any, str, checks.Errors], Any]:
        def fit(value: Any, path: str, errors: checks.Errors) -> Any:
            return None if value is None and column.nullable else self._nested(value, held, path, errors)

        return fit

    def __call__(self, row: Any, path: str, errors: checks.Errors) -> dict[str, Any]:
        """Make the arguments of one call.

        Args:
            row: The caller's object.
            path: Where it stands.
            errors: Where to add what is wrong.

        Returns:
            The arguments by name.
        """
        if not isinstance(row, dict):
            errors.add(path, f"expected an object, got {checks.named(row)}")
            return {}
        if self._others is None:
            checks.unknown_keys(row, list(self._fits), path, errors, "parameter")
        made = {}
        for name, value in row.items():
            fit = self._fits.get(name, self._others)
            if fit is not None:
                made[name] = fit(value, f"{path}.{checks.shown(name)}", errors)
        for name in self.required:
            if name not in row:
                errors.add(f"{path}.{name}", "missing")
        return made


def _within(column: Column, fit: Fit) -> Fit:
    """Refuse what is outside of a parameter's range, where it has one."""
    within = range_of(column, lambda bound: fit(bound, "", checks.Errors()))
    if within is None:
        return fit

    def fit_within(value: Any, path: str, errors: checks.Errors) -> Any:
        before = len(errors.list)
        made = fit(value, path, errors)
        wrong = within(made) if len(errors.list) == before and made is not None else ""
        if wrong:
            errors.add(path, wrong)
        return made

    return fit_within


def _is_required(column: Column, signature: Signature | None) -> bool:
    parameter = signature.parameters.get(column.name) if signature else None
    return parameter.required if parameter is not None else not (column.optional or column.nullable)


def encode_call(call: dict[str, Any], input: Input, encode: Callable[[Any, Input], list[Any]]) -> dict[str, Any]:
    """Make the row of a request out of a call's arguments.

    Args:
        call: The arguments by name.
        input: What the function accepts.
        encode: Encodes tables and arrays.

    Returns:
        The row.

    Raises:
        TypeError: If JSON cannot hold an argument.
    """
    held = {one.name: one.holds for one in input.columns if one.holds is not None}
    row = {}
    for name, value in call.items():
        table = held.get(name)
        row[name] = encode(value, table) if table is not None and value is not None else _sent(value)
    return row


def element_of(function: Any) -> Shape | None:
    """Find what a function of one list says of its elements.

    Args:
        function: The function.

    Returns:
        What each must fit; None where it does not say, or JSON cannot give it.
    """
    signature = signature_of(function)
    required = [one for one in signature.parameters.values() if one.required] if signature else []
    if signature is None or len(required) != 1 or get_origin(required[0].hint) not in LISTS:
        return None
    try:
        shape = Shapes(signature.scope).of(get_args(required[0].hint)[0])
    except NoShape:
        return None
    return None if shape is ANY else shape
