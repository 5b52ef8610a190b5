"""A request's body becomes the model's argument: fast where it fits the contract, exact about what is wrong where it does not.

A body is checked when it arrives, before anything waits for the model; the argument is built when the model's turn comes, out of
the rows of one request or of several.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from . import checks
from .arguments import ArgumentDecoder, element_of
from .builders import builder_of, rest
from .cells import without_ranges
from .contract import Column, Input
from .fast import REFUSALS, Look, Looks, cell_of, fast_arguments, fast_looks, is_plain, no_fast_look
from .parts import Part
from .problems import InvalidInput, InvalidJson, TooManyRows
from .scalars import Shape
from .tensors import made

__all__ = ["Part", "RowDecoder"]

_Slowly = Callable[[Any, Input, checks.Errors], Iterator[Any]]
DEEPEST = 100  # lists and objects within each other
_JOINED = ("float", "int", "bool", "str")  # elements of a list that no model can change in place


class RowDecoder:
    """Decodes the bodies of one method.

    Args:
        input: What the method accepts.
        function: What is called; where its type hints tell more than JSON holds, the values are made into that.
        strict: Whether values outside of the ranges that the contract tells are refused.

    Attributes:
        joins: Whether the rows of several requests can be one argument.
        calls: Whether a look at a body may run the author's own code, such as the constructor of a class.
        most: The most rows of a request, for formats in which a body of few bytes may declare many.
    """

    def __init__(self, input: Input, function: Any = None, *, strict: bool = False) -> None:
        self.input = input = input if strict else without_ranges(input)
        element = element_of(function) if input.kind == "list" and input.schema is not None and function is not None else None
        self._slow, self._fast = _looks(input, function, element)
        self._build = getattr(function, "of_rows", None) or builder_of(input)  # a compiled method needs no data frame
        self.most = 1 << 31
        self._library = input.library if input.kind == "array" else ""
        self.calls = element is not None or (input.kind == "arguments" and not is_plain(input))
        self.joins = input.kind in ("frame", "series", "array", "sparse") or (input.kind == "list" and input.dtype in _JOINED)

    def parse(self, body: bytes) -> Part:
        """Check one body.

        Args:
            body: `{"rows": [...]}`, `{"columns": {...}}` or a bare list.

        Returns:
            The request's rows.

        Raises:
            InvalidJson: If the body is not strict JSON.
            InvalidInput: If it does not fit the contract; it holds path and message of each place.
        """
        try:
            return self._fast.rows(body)
        except REFUSALS:
            return self.check(_parsed(body), len(body))

    def parse_lists(self, raw: bytes) -> Part | None:
        """Check rows that are lists in the order of the columns, where types alone can say that they fit.

        Args:
            raw: A JSON list.

        Returns:
            The request's rows; None where they have to be looked at one by one.
        """
        return _taken(self._fast.lists, raw) if raw[:1] == b"[" else None

    def parse_columns(self, raw: bytes) -> Part | None:
        """Check a table by column, where types alone can say that it fits.

        Args:
            raw: A JSON object with a list for each column.

        Returns:
            The request's rows; None where they have to be looked at one by one.
        """
        return _taken(self._fast.columns, raw)

    def bound(self, size: int) -> None:
        """Refuse a request that has too many rows, before anything is made of them.

        Args:
            size: How many it has, or declares.

        Raises:
            TooManyRows: If these are too many.
        """
        if size > self.most:
            raise TooManyRows(f"A request has at most {self.most:,} rows; send more of them apart.")

    def check(self, parsed: Any, weight: int) -> Part:
        """Look exactly at a body that is decoded already.

        Args:
            parsed: What stands in the body, as JSON has it.
            weight: Its bytes.

        Returns:
            The request's rows.

        Raises:
            InvalidJson: If it is nested too deeply.
            InvalidInput: If it does not fit the contract.
        """
        _check_depth(parsed)
        errors = checks.Errors()
        rows = checks.collected(self._slow(parsed, self.input, errors))
        if errors.list:
            raise InvalidInput(errors.list)
        try:
            return Part(rows, self._build(rows), len(rows), weight)
        except (ValueError, KeyError, TypeError, OverflowError) as error:  # pandas is stricter somewhere than the checks are
            raise InvalidInput([("rows", "a value does not fit its column")]) from error

    def join(self, parts: Sequence[Part]) -> Any:
        """Build the model's argument.

        Args:
            parts: One request, or several whose rows can be joined.

        Returns:
            One argument with all their rows, in order; for `arguments`, a list with one dict a call.
        """
        if len(parts) > 1:
            return made(self._build([row for part in parts for row in part.rows or ()]), self._library)
        rows, argument, _, _ = parts[0]
        return made(self._build(rows) if argument is None and rows is not None else argument, self._library)


def _taken(look: Look, raw: bytes) -> Part | None:
    try:
        return look(raw)
    except REFUSALS:
        return None


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8))
    except UnicodeDecodeError as error:
        raise InvalidJson("The body is not UTF-8.") from error
    except RecursionError as error:
        raise InvalidJson("The body is nested too deeply.") from error
    except msgspec.DecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error}.") from error


def _check_depth(parsed: Any) -> None:
    """Refuse what is nested so deeply that who walks through it, as a model's own code may, runs out of stack."""
    level = [parsed] if isinstance(parsed, list | dict) else []
    for _ in range(DEEPEST):
        level = [
            one for node in level for one in (node.values() if isinstance(node, dict) else node) if isinstance(one, list | dict)
        ]  # fmt: skip
        if not level:
            return
    raise InvalidJson("The body is nested too deeply.")


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


def _slow_frame(parsed: Any, input: Input, errors: checks.Errors) -> Iterator[tuple[Any, ...]]:
    names = [column.name for column in input.columns]
    if isinstance(parsed, dict) and parsed.keys() == {"columns"}:
        yield from _slow_columns(parsed["columns"], input.columns, errors)
        return
    rows, path = _listed(parsed, errors)
    for place, row in enumerate(rows):
        where = f"{path}[{place}]"
        if isinstance(row, dict):
            made = checks.fit_object(row, input.columns, where, errors)
        elif isinstance(row, list):
            made = checks.fit_list(row, input.columns, where, errors)
        else:
            errors.add(where, f"expected an object, got {checks.named(row)}")
            continue
        yield tuple(made.get(name) for name in names)


def _slow_columns(parsed: Any, columns: tuple[Column, ...], errors: checks.Errors) -> Iterator[tuple[Any, ...]]:
    if not isinstance(parsed, dict):
        errors.add("columns", f"expected an object, got {checks.named(parsed)}")
        return
    checks.unknown_keys(parsed, [column.name for column in columns], "columns", errors)
    made, sizes = [], set()
    for column in columns:
        values = parsed.get(column.name)
        if not isinstance(values, list):
            wrong = f"expected a list, got {checks.named(values)}" if column.name in parsed else "missing"
            errors.add(f"columns.{column.name}", wrong)
            continue
        sizes.add(len(values))
        made.append(checks.fit_cells(values, column, f"columns.{column.name}", errors))
    if len(sizes) > 1:
        errors.add("columns", f"expected lists of one length, got lengths from {min(sizes)} to {max(sizes)}")
    if not errors.list:
        yield from zip(*made, strict=True)


def _slow_scalar(parsed: Any, input: Input, errors: checks.Errors) -> Iterator[Any]:
    rows, path = _listed(parsed, errors)
    yield from checks.fit_nested(rows, (None, *rest(input)), cell_of(input), path, errors) if rows else []


def _slow_sparse(parsed: Any, input: Input, errors: checks.Errors) -> Iterator[Any]:
    rows, path = _listed(parsed, errors)
    cell, inner = cell_of(input), rest(input)
    for place, row in enumerate(rows):
        where = f"{path}[{place}]"
        if isinstance(row, dict):
            yield checks.fit_sparse(row, inner[0] or 0, cell, where, errors)
        else:
            yield checks.fit_nested(row, inner, cell, where, errors)


def _looks(input: Input, function: Any, element: Shape | None) -> tuple[_Slowly, Looks]:
    none = no_fast_look(input)
    if element is not None:
        return _slow_elements(element), Looks(none, none, none)
    if input.kind != "arguments":
        return _SLOW[input.kind], fast_looks(input)
    make = ArgumentDecoder(input, function, _nested)
    return _slow_arguments(make), Looks(fast_arguments(input, make.required), none, none)


def _slow_arguments(make: ArgumentDecoder) -> _Slowly:
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
    return None if own.list else made(builder_of(input)(rows), input.library if input.kind == "array" else "")


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


_SLOW: dict[str, _Slowly] = {
    "frame": _slow_frame, "series": _slow_scalar, "array": _slow_scalar, "sparse": _slow_sparse, "list": _slow_scalar,
    "value": _slow_value,
}  # fmt: skip
