"""A request's body becomes the model's argument: fast where it fits the contract, exact about what is wrong where it does not.

The fast pass decodes into types that are made once from the contract, and takes only bodies of which the slow pass would say the
same. Whatever it does not take goes through the slow pass, which fits value by value and names the path of all that does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec

from . import checks, polar, sparse
from .arguments import ArgumentDecoder, element_of
from .columns import Frame, Series, builder, labels, listed
from .contract import Column, Input
from .dtypes import family, is_numpy, limits
from .problems import InvalidInput, InvalidJson
from .scalars import Shape

_WIRE: dict[str, Any] = {
    "float": float, "int": int, "bool": bool, "string": str, "category": str | int | float | bool,
    "date": str, "duration": str, "period": str, "time": str, "decimal": str | int | float,
}  # fmt: skip
_UNNAMEABLE = re.compile(r'[\\"\x00-\x1f]')  # what msgspec does not take in a name
HARD = 1 << 62  # limits that msgspec can state on an integer


_Slowly = Callable[[Any, Input, checks.Errors], Iterator[Any]]


class Rows(NamedTuple):
    """A decoded request.

    Attributes:
        argument: What the model is called with; for `arguments`, a list with one dict a call.
        size: How many rows there are.
    """

    argument: Any
    size: int


class _Slow(Exception):
    """The fast pass does not take this body."""


class RowDecoder:
    """Decodes the bodies of one method.

    Args:
        input: What the method accepts.
        function: What is called; where its type hints tell more than JSON holds, the values are made into that.
    """

    def __init__(self, input: Input, function: Any = None) -> None:
        self.input = input
        element = element_of(function) if input.kind == "list" and input.schema is not None and function is not None else None
        if input.kind == "arguments":
            self._slow = _slow_arguments(input, function)
        else:
            self._slow = _slow_elements(element) if element is not None else _SLOW[input.kind]
        self._fast = _FAST.get(input.kind, _no_fast)(input) if element is None else _no_fast(input)
        self._build = _BUILD[input.kind]

    def __call__(self, body: bytes) -> Rows:
        """Decode one body.

        Args:
            body: `{"rows": [...]}`, `{"columns": {...}}` or a bare list.

        Returns:
            The model's argument and the number of rows.

        Raises:
            InvalidJson: If the body is not strict JSON.
            InvalidInput: If it does not fit the contract; it holds path and message of each place.
        """
        try:
            return self._fast(body)
        except (_Slow, ValueError, KeyError, TypeError, OverflowError, RecursionError):  # msgspec's errors are ValueErrors
            return self._exact(body)

    def _exact(self, body: bytes) -> Rows:
        errors = checks.Errors()
        rows = checks.collected(self._slow(_parsed(body), self.input, errors))
        if errors.list:
            raise InvalidInput(errors.list)
        try:
            return Rows(self._build(rows, self.input), len(rows))
        except (ValueError, KeyError, TypeError, OverflowError) as error:  # pandas is stricter somewhere than the checks are
            raise InvalidInput([("rows", "a value does not fit its column")]) from error


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise InvalidJson("The body is not UTF-8.") from error
    except RecursionError as error:
        raise InvalidJson("The body is nested too deeply.") from error
    except msgspec.DecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error}.") from error


def _listed(parsed: Any, errors: checks.Errors) -> tuple[list[Any], str]:
    """Find the rows of a body that is not by columns, and the path under which they stand."""
    if isinstance(parsed, list):
        return parsed, "rows"
    if not isinstance(parsed, dict) or parsed.keys() != {"rows"}:
        errors.add("", 'expected {"rows": [...]} or a list of rows')
        return [], ""
    if not isinstance(parsed["rows"], list):
        errors.add("rows", f"expected a list, got {checks.named(parsed['rows'])}")
        return [], ""
    return parsed["rows"], "rows"


def _slow_frame(parsed: Any, input: Input, errors: checks.Errors) -> Iterator[dict[str, Any]]:
    if isinstance(parsed, dict) and parsed.keys() == {"columns"}:
        yield from _slow_columns(parsed["columns"], input.columns, errors)
        return
    rows, path = _listed(parsed, errors)
    for place, row in enumerate(rows):
        where = f"{path}[{place}]"
        if isinstance(row, dict):
            yield checks.fit_object(row, input.columns, where, errors)
        elif isinstance(row, list):
            yield checks.fit_list(row, input.columns, where, errors)
        else:
            errors.add(where, f"expected an object, got {checks.named(row)}")


def _slow_columns(parsed: Any, columns: tuple[Column, ...], errors: checks.Errors) -> Iterator[dict[str, Any]]:
    if not isinstance(parsed, dict):
        errors.add("columns", f"expected an object, got {checks.named(parsed)}")
        return
    checks.unknown_keys(parsed, [column.name for column in columns], "columns", errors)
    sizes = set()
    for column in columns:
        values = parsed.get(column.name)
        if not isinstance(values, list):
            wrong = f"expected a list, got {checks.named(values)}" if column.name in parsed else "missing"
            errors.add(f"columns.{column.name}", wrong)
            continue
        sizes.add(len(values))
        for place, value in enumerate(values):
            wrong = checks.fit(value, column)[1]
            if wrong:
                errors.add(f"columns.{column.name}[{place}]", wrong)
    if len(sizes) > 1:
        errors.add("columns", f"expected lists of one length, got lengths from {min(sizes)} to {max(sizes)}")
    if not errors.list:
        names = [column.name for column in columns]
        for row in zip(*(parsed[name] for name in names), strict=True):
            yield {name: checks.fit(value, column)[0] for name, value, column in zip(names, row, columns, strict=True)}


def _slow_scalar(parsed: Any, input: Input, errors: checks.Errors) -> Iterator[Any]:
    rows, path = _listed(parsed, errors)
    yield from checks.fit_nested(rows, (None, *_rest(input)), _cell(input), path, errors) if rows else []


def _slow_sparse(parsed: Any, input: Input, errors: checks.Errors) -> Iterator[Any]:
    rows, path = _listed(parsed, errors)
    cell, rest = _cell(input), _rest(input)
    for place, row in enumerate(rows):
        where = f"{path}[{place}]"
        if isinstance(row, dict):
            yield checks.fit_sparse(row, rest[0] or 0, cell, where, errors)
        else:
            yield checks.fit_nested(row, rest, cell, where, errors)


def _slow_arguments(input: Input, function: Any) -> _Slowly:
    make = ArgumentDecoder(input, function, _nested)

    def read(parsed: Any, _input: Input, errors: checks.Errors) -> Iterator[dict[str, Any]]:
        rows, path = _listed(parsed, errors)
        for place, row in enumerate(rows):
            yield make(row, f"{path}[{place}]", errors)

    return read


def _nested(value: Any, input: Input, path: str, errors: checks.Errors) -> Any:
    """Make one argument that is a table or an array."""
    if not isinstance(value, list):
        errors.add(path, f"expected a list, got {checks.named(value)}")
        return None
    own = checks.Errors()
    rows = checks.collected(_SLOW[input.kind](value, input, own))
    for where, message in own.list:
        errors.add(path + where.removeprefix("rows"), message)
    return None if own.list else _BUILD[input.kind](rows, input)


def _slow_elements(shape: Shape) -> _Slowly:
    def read(parsed: Any, _input: Input, errors: checks.Errors) -> Iterator[Any]:
        rows, path = _listed(parsed, errors)
        for place, row in enumerate(rows):
            yield shape.fit(row, f"{path}[{place}]", errors)

    return read


def _slow_value(parsed: Any, _input: Input, errors: checks.Errors) -> Iterator[Any]:
    rows, path = _listed(parsed, errors)
    if len(rows) != 1 and not errors.list:
        errors.add(path, f"expected exactly one row, got {len(rows)}")
    yield from rows


def _rest(input: Input) -> tuple[int | None, ...]:
    return (input.shape or (None,))[1:]


def _cell(input: Input) -> Column:
    """What a row of an array, a series or a list must fit, as if it were a column."""
    if input.columns:
        return input.columns[0]
    return Column(name="", dtype=input.dtype or "object", nullable=_nullable(input), infinite=input.infinite)


def _nullable(input: Input) -> bool:
    return input.nullable or family(input.dtype or "object") == "any"


def _build_frame(rows: list[dict[str, Any]], input: Input) -> Any:
    return Frame(input.columns, input.dtype, input.library)([[row[column.name] for row in rows] for column in input.columns])


def _build_series(rows: list[Any], input: Input) -> Any:
    if input.library == "polars":
        return polar.build(input.columns[0], rows)
    categories = input.columns[0].categories if input.columns else None
    return Series(input.dtype or "object", categories)(rows, name=input.name)


def _build_array(rows: list[Any], input: Input) -> Any:
    import numpy as np

    rest = _rest(input)
    flat = rows
    for _ in rest:
        flat = [one for row in flat for one in row]
    known = tuple(size for size in rest if size is not None)
    if len(known) == len(rest):
        return np.asarray(builder(input.dtype or "float64")(flat)).reshape(len(rows), *known)
    return np.array(rows, dtype=input.dtype)


def _build_sparse(rows: list[Any], input: Input) -> Any:
    return sparse.build(rows, input.shape or (None, 0), input.dtype or "float64", str(input.name or "csr_matrix"))


def _build_list(rows: list[Any], input: Input) -> Any:
    return listed(rows, input.dtype, nullable=input.nullable)


def _build_arguments(rows: list[Any], _input: Input) -> Any:
    return rows


def _build_value(rows: list[Any], _input: Input) -> Any:
    return rows[0]


def _no_fast(_input: Input) -> Callable[[bytes], Rows]:
    def refuse(_body: bytes) -> Rows:
        raise _Slow

    return refuse


def _wire_type(column: Column) -> Any:
    """The type that a value of a column is decoded into; it takes nothing that the slow pass refuses."""
    bounds = limits(column.dtype)
    kind = _WIRE.get(family(column.dtype))
    if kind is None or (bounds and bounds[1] > HARD and bounds[0] >= 0):
        return Any if column.nullable or kind is None else int
    if kind is int and bounds and bounds[1] < HARD:
        kind = Annotated[int, msgspec.Meta(ge=bounds[0], le=bounds[1])]
    return kind | None if column.nullable else kind


def _body_decoder(row: Any) -> Callable[[bytes], list[Any]]:
    envelope = msgspec.defstruct("Body", [("rows", list[row])], forbid_unknown_fields=True)
    keyed, bare = msgspec.json.Decoder(envelope), msgspec.json.Decoder(list[row])

    def decode(body: bytes) -> list[Any]:
        return bare.decode(body) if body[:1] == b"[" else keyed.decode(body).rows  # type: ignore[attr-defined]

    return decode


def _fast_frame(input: Input) -> Callable[[bytes], Rows]:
    columns = input.columns
    if not columns or any(_UNNAMEABLE.search(column.name) for column in columns):
        return _no_fast(input)
    fields = [f"c{place}" for place in range(len(columns))]
    typed = [(field, _wire_type(column)) for field, column in zip(fields, columns, strict=True)]
    renamed = {field: column.name for field, column in zip(fields, columns, strict=True)}
    row = msgspec.defstruct("Row", typed, rename=renamed, forbid_unknown_fields=True, gc=False)
    decode, pick = _body_decoder(row), attrgetter(*fields)
    same = {column.dtype for column in columns}
    if len(same) == 1 and is_numpy(columns[0].dtype) and len(columns) > 1:
        return _fast_block(input, decode, pick)
    build = Frame(columns, input.dtype, input.library)
    strict = [place for place, column in enumerate(columns) if not column.nullable and family(column.dtype) == "any"]

    def read(body: bytes) -> Rows:
        rows = decode(body)
        values = [[getattr(row, field) for row in rows] for field in fields]
        if any(None in values[place] for place in strict):
            raise _Slow
        return Rows(build(values), len(rows))

    return read


def _fast_block(input: Input, decode: Callable[[bytes], list[Any]], pick: Callable[[Any], Any]) -> Callable[[bytes], Rows]:
    """A frame whose columns have one dtype is one block of memory, and several times cheaper to build."""
    import numpy as np
    import pandas as pd

    names, dtype = labels(input.columns, input.dtype), input.columns[0].dtype

    def read(body: bytes) -> Rows:
        rows = decode(body)
        block = np.array([pick(row) for row in rows], dtype=dtype).reshape(len(rows), len(names))
        return Rows(pd.DataFrame(block, columns=names, copy=False), len(rows))

    return read


def _fast_array(input: Input) -> Callable[[bytes], Rows]:
    import numpy as np

    if not is_numpy(input.dtype or "") or input.shape is None:
        return _no_fast(input)
    row: Any = _wire_type(_cell(input))
    for _ in _rest(input):
        row = list[row]
    decode, rest, dtype = _body_decoder(row), _rest(input), input.dtype

    def read(body: bytes) -> Rows:
        rows = decode(body)
        made = np.array(rows, dtype=dtype) if rows else np.empty((0, *(size or 0 for size in rest)), dtype=dtype)
        fits = made.ndim == len(rest) + 1 and all(
            size is None or size == got for size, got in zip(rest, made.shape[1:], strict=True)
        )
        if not fits:
            raise _Slow
        return Rows(made, len(rows))

    return read


def _fast_sparse(input: Input) -> Callable[[bytes], Rows]:
    cell: Any = _wire_type(_cell(input))
    decode = _body_decoder(dict[int, cell] | list[cell])

    def read(body: bytes) -> Rows:
        rows = decode(body)
        return Rows(_build_sparse(rows, input), len(rows))

    return read


def _fast_list(input: Input) -> Callable[[bytes], Rows]:
    if input.dtype != "str" or input.shape is not None:
        return _no_fast(input)
    decode = _body_decoder(str)

    def read(body: bytes) -> Rows:
        rows = decode(body)
        return Rows(rows, len(rows))

    return read


_FAST: dict[str, Callable[[Input], Callable[[bytes], Rows]]] = {
    "frame": _fast_frame, "array": _fast_array, "sparse": _fast_sparse, "list": _fast_list,
}  # fmt: skip
_SLOW: dict[str, _Slowly] = {
    "frame": _slow_frame, "series": _slow_scalar, "array": _slow_scalar, "sparse": _slow_sparse, "list": _slow_scalar,
    "value": _slow_value,
}  # fmt: skip
_BUILD: dict[str, Callable[[list[Any], Input], Any]] = {
    "frame": _build_frame, "series": _build_series, "array": _build_array, "sparse": _build_sparse, "list": _build_list,
    "arguments": _build_arguments, "value": _build_value,
}  # fmt: skip
