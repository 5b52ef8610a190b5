"""The fast look at a body: decoded into types that are made once from the contract, which take nothing that the exact look refuses.

Where types alone cannot say whether a value fits, as with dates or categories, the argument is built at once to find out. Whatever
is not taken here goes through the exact look of `rows`, which fits value by value and names the path of all that does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec.structs import asdict, astuple

from .builders import builder_of, of_columns, rest
from .cells import EXACT, largest
from .contract import Column, Input
from .dtypes import family, is_numpy, limits
from .parts import SMALL, Part

Look = Callable[[bytes], Part]
REFUSALS = (ValueError, KeyError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError)
"""What is raised where a body is not taken; msgspec's own errors are ValueErrors in its newer versions alone."""

_WIRE: dict[str, Any] = {
    "float": float, "int": int, "bool": bool, "string": str, "category": str | int | float | bool,
    "date": str, "duration": str, "period": str, "time": str, "decimal": str | int | float,
}  # fmt: skip
_TOLD = ("object", "object[str]", "object[str,nan]", "object[str,None]", "str", "string")  # of which JSON's own types tell all
_PLAIN = {"float": "number", "int": "integer", "bool": "boolean", "str": "string"}  # by a parameter's hint, what JSON calls it
_UNNAMEABLE = re.compile(r'[\\"\x00-\x1f]')  # what msgspec does not take in a name
WIDEST = (1 << 63) - 1  # the largest limit that msgspec can state on an integer


class Looks(NamedTuple):
    """The fast looks at the bodies of one method; each decodes JSON, or raises one of `REFUSALS`.

    Attributes:
        rows: At rows in any form.
        lists: At a list of rows that are lists, in the order of the columns.
        columns: At an object with a list for each column.
    """

    rows: Look
    lists: Look
    columns: Look


def fast_looks(input: Input) -> Looks:
    """Prepare the fast looks at the bodies of one method.

    Args:
        input: What the method accepts.

    Returns:
        What decodes a body.
    """
    if input.kind == "frame":
        return _fast_frame(input)
    look = _FAST.get(input.kind, no_fast_look)(input)
    return Looks(look, look if input.kind == "array" else no_fast_look(input), no_fast_look(input))


def fast_arguments(input: Input, required: Collection[str]) -> Look:
    """Prepare the fast look at the arguments of a function.

    Args:
        input: What the function accepts.
        required: The parameters that must be there.

    Returns:
        What decodes a body, or raises one of `REFUSALS`.
    """
    if not is_plain(input):
        return no_fast_look(input)
    fields = [
        (one.name, _argument_type(one))
        if one.name in required
        else (one.name, _argument_type(one) | msgspec.UnsetType, msgspec.UNSET)
        for one in input.columns
    ]
    decode = _body_decoder(msgspec.defstruct("Arguments", fields, forbid_unknown_fields=True, kw_only=True, gc=False))
    if len(required) == len(fields):
        return _look(input, lambda body: list(map(astuple, decode(body))), told=True)

    def look(body: bytes) -> Part:
        rows = [{name: value for name, value in asdict(row).items() if value is not msgspec.UNSET} for row in decode(body)]
        return Part(rows, rows, len(rows), len(body))

    return look


def is_plain(input: Input) -> bool:
    """Say whether named arguments are JSON's own values, out of which nothing else has to be made.

    Args:
        input: What a method accepts.

    Returns:
        Whether they are.
    """
    return input.kind == "arguments" and bool(input.columns) and input.others is None and all(map(_is_plain, input.columns))


def _is_plain(column: Column) -> bool:
    """Say whether an argument is one of JSON's own values, and nothing more is said of it."""
    if column.dtype not in _PLAIN or column.nullable or column.infinite or column.holds is not None or _has_other_range(column):
        return False
    return column.schema in (None, {"type": _PLAIN[column.dtype]})


def _argument_type(column: Column) -> Any:
    if column.dtype != "float":
        return _wire_type(column)
    low, high = _span(column)
    return Annotated[int, msgspec.Meta(ge=math.ceil(low), le=math.floor(high))] | Annotated[float, msgspec.Meta(ge=low, le=high)]


def no_fast_look(_input: Input) -> Look:
    """Prepare for bodies that need the exact look.

    Args:
        _input: Ignored.

    Returns:
        What refuses every body.
    """

    def refuse(_body: bytes) -> Part:
        raise TypeError

    return refuse


def cell_of(input: Input) -> Column:
    """Say what a row of an array, a series or a list must fit, as if it were a column.

    Args:
        input: What the method accepts.

    Returns:
        The column.
    """
    if input.columns:
        return input.columns[0]
    nullable = input.nullable or family(input.dtype or "object") == "any"
    return Column(name="", dtype=input.dtype or "object", nullable=nullable, infinite=input.infinite)


def _wire_type(column: Column) -> Any:
    """The type that a value of a column is decoded into; it takes nothing that the exact look refuses."""
    kind = _WIRE.get(family(column.dtype), Any)
    if kind in (int, float):
        low, high = _span(column)
        kind = Annotated[kind, msgspec.Meta(ge=low, le=high)]
    return kind | None if column.nullable and kind is not Any else kind


def _span(column: Column) -> tuple[float, float]:
    """The numbers of a column that need no exact look: within them nothing is lost, and its range, where it has one, is kept."""
    low: float
    high: float
    low, high = limits(column.dtype) or (-WIDEST, WIDEST)
    if family(column.dtype) == "float":
        high = min(EXACT - 1, largest(column.dtype))  # beyond it a whole number may not be held exactly
        low = -high
    if isinstance(column.minimum, int | float) and isinstance(column.maximum, int | float):
        low, high = max(low, column.minimum), min(high, column.maximum)
    if family(column.dtype) == "int":
        return max(math.ceil(low), -WIDEST), min(math.floor(high), WIDEST)
    return low, high


def _is_told(column: Column) -> bool:
    """Say whether every value of the wire type fits the column."""
    return column.dtype in _TOLD or (is_numpy(column.dtype) and (not column.nullable or family(column.dtype) == "float"))


def _has_other_range(column: Column) -> bool:
    """Say whether a column has a range that no type can state, such as one of dates."""
    return column.minimum is not None and family(column.dtype) not in ("int", "float")


def _body_decoder(row: Any) -> Callable[[bytes], list[Any]]:
    envelope = msgspec.defstruct("Body", [("rows", list[row])], forbid_unknown_fields=True)
    keyed, bare = msgspec.json.Decoder(envelope), msgspec.json.Decoder(list[row])

    def decode(body: bytes) -> list[Any]:
        return bare.decode(body) if body[:1] == b"[" else keyed.decode(body).rows  # type: ignore[attr-defined]

    return decode


def _look(input: Input, decode: Callable[[bytes], list[Any]], *, told: bool) -> Look:
    build = None if told else builder_of(input)  # what a told body becomes is the decoder's own affair

    def look(body: bytes) -> Part:
        rows = decode(body)
        return Part(rows, None if build is None else build(rows), len(rows), len(body))

    return look


def _fast_frame(input: Input) -> Looks:
    columns = input.columns
    if not columns or any(_UNNAMEABLE.search(column.name) or _has_other_range(column) for column in columns):
        return Looks(*[no_fast_look(input)] * 3)
    fields, types = [f"c{place}" for place in range(len(columns))], [_wire_type(column) for column in columns]
    renamed = {field: column.name for field, column in zip(fields, columns, strict=True)}
    row = msgspec.defstruct("Row", list(zip(fields, types, strict=True)), rename=renamed, forbid_unknown_fields=True, gc=False)
    decode, decode_lists, pick = _body_decoder(row), _body_decoder(tuple[tuple(types)]), attrgetter(*fields)  # type: ignore[misc]
    strict = [place for place, column in enumerate(columns) if not column.nullable and family(column.dtype) == "any"]

    def read_objects(body: bytes) -> list[Any]:
        rows = decode(body)
        return [pick(row) for row in rows] if len(fields) > 1 else [(pick(row),) for row in rows]

    def read_lists(body: bytes) -> list[Any]:
        rows = decode_lists(body)
        if any(row[place] is None for place in strict for row in rows):
            raise ValueError("missing")
        return rows

    def read(body: bytes) -> list[Any]:
        try:
            rows = read_objects(body)
        except msgspec.ValidationError:  # at the first row, where rows are lists
            return read_lists(body)
        if any(row[place] is None for place in strict for row in rows):
            raise ValueError("missing")
        return rows

    told = all(map(_is_told, columns))
    return Looks(_look(input, read, told=told), _look(input, read_lists, told=told), _fast_columns(input, told=told))


def _fast_columns(input: Input, *, told: bool) -> Look:
    columns = input.columns
    typed = [(f"c{place}", list[_wire_type(column)]) for place, column in enumerate(columns)]  # type: ignore[misc]
    renamed = {f"c{place}": column.name for place, column in enumerate(columns)}
    table = msgspec.defstruct("Columns", typed, rename=renamed, forbid_unknown_fields=True, gc=False)
    decode, build, build_rows = msgspec.json.Decoder(table).decode, of_columns(input), builder_of(input)
    strict = [place for place, column in enumerate(columns) if not column.nullable and family(column.dtype) == "any"]

    def look(body: bytes) -> Part:
        values = list(astuple(decode(body)))
        size = len(values[0])
        if any(len(one) != size for one in values) or any(one is None for place in strict for one in values[place]):
            raise ValueError("uneven, or missing")
        if size > SMALL:
            return Part(None, build(values), size, len(body))
        rows = list(zip(*values, strict=True))
        return Part(rows, None if told else build_rows(rows), size, len(body))

    return look


def _fast_array(input: Input) -> Look:
    if not is_numpy(input.dtype or "") or input.shape is None:
        return no_fast_look(input)
    row: Any = _wire_type(cell_of(input))
    inner = rest(input)
    for size in reversed(inner):
        row = list[row] if size is None else Annotated[list[row], msgspec.Meta(min_length=size, max_length=size)]
    decode = _body_decoder(row)
    return _look(input, decode, told=None not in inner and _is_told(cell_of(input)))


def _fast_sparse(input: Input) -> Look:
    cell: Any = _wire_type(cell_of(input))
    return _look(input, _body_decoder(dict[int, cell] | list[cell]), told=False)


def _fast_list(input: Input) -> Look:
    return _look(input, _body_decoder(str), told=True) if input.dtype == "str" and input.shape is None else no_fast_look(input)


_FAST: dict[str, Callable[[Input], Look]] = {
    "array": _fast_array, "sparse": _fast_sparse, "list": _fast_list,
}  # fmt: skip
