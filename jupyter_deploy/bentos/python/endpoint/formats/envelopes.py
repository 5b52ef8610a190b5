"""The shapes of JSON that people already send: our own rows and columns, and those of TensorFlow Serving, MLflow and pandas.

Each becomes rows or columns of the contract; what does not fit is named by its place in the caller's own shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from .. import checks
from ..parts import Part
from ..problems import MOST, InvalidInput
from ..rows import RowDecoder
from . import table

_Members = dict[str, msgspec.Raw]
_Renamed = Callable[[str, str], str]
_CELL = re.compile(r"rows\[(\d+)\]\.(.+)", re.DOTALL)
_ROWS = re.compile(r"^rows")
_NESTED = re.compile(rb"\[\s*\[")
BESIDE = {"instances": ("signature_name",), "inputs": ("signature_name", "params"), "columns": ("data", "index")}
"""What may stand beside the member that names the shape."""


def read(body: bytes, decoder: RowDecoder) -> Part:
    """Take a request in any of the shapes.

    Args:
        body: JSON.
        decoder: What the method takes.

    Returns:
        What the model is asked.

    Raises:
        InvalidJson: If the body is not strict JSON.
        InvalidInput: If it does not fit the contract.
    """
    if body[:1] == b"[" or body[:7] == b'{"rows"':
        return decoder.parse(body)
    try:
        members = msgspec.json.decode(body, type=_Members)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decoder.parse(body)  # which says what is wrong
    shape = next((one for one in _SHAPES if one in members), None)
    if shape is None:
        return decoder.parse(body)
    try:
        return _SHAPES[shape](members, decoder, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # deep within, where only the decoder looks
        return decoder.parse(body)


def _only(members: _Members, shape: str) -> None:
    unknown = [one for one in members if one != shape and one not in BESIDE.get(shape, ("params",))]
    errors = [(checks.shown(one), f"unknown beside `{shape}`") for one in unknown]
    if "params" in members and msgspec.json.decode(members["params"]) not in (None, {}):
        errors.append(("params", "the model takes no parameters"))
    if errors:
        raise InvalidInput(errors[:MOST])


def _instances(shape: str) -> Callable[[_Members, RowDecoder, bytes], Part]:
    def take(members: _Members, decoder: RowDecoder, body: bytes) -> Part:
        _only(members, shape)
        return _listed(members[shape], decoder, body, shape)

    return take


def _listed(raw: msgspec.Raw, decoder: RowDecoder, body: bytes, shape: str) -> Part:
    rows = bytes(raw).lstrip()
    if rows[:1] != b"[":
        raise InvalidInput([(shape, f"expected a list, got {checks.named(msgspec.json.decode(rows))}")])
    return _told(lambda: decoder.parse(rows)._replace(weight=len(body)), lambda path, _: _ROWS.sub(shape, path))


def _inputs(members: _Members, decoder: RowDecoder, body: bytes) -> Part:
    _only(members, "inputs")
    raw = bytes(members["inputs"]).lstrip()
    if raw[:1] == b"{":
        quick = None if _NESTED.search(raw) else decoder.parse_columns(raw)  # `[[1], [2]]` has to be made flat
        return _by_column(msgspec.json.decode(raw), decoder, body, "inputs") if quick is None else _weighed(quick, body)
    return _listed(msgspec.Raw(raw if raw[:1] == b"[" else b"[%b]" % raw), decoder, body, "inputs")


def _columns(members: _Members, decoder: RowDecoder, body: bytes) -> Part:
    if "data" in members:
        _only(members, "columns")
        quick = _fast_split(members, decoder)
        return _split(msgspec.json.decode(body), decoder, body, "data") if quick is None else _weighed(quick, body)
    raw = bytes(members["columns"]).lstrip()
    if decoder.input.kind != "frame" or len(members) > 1 or not raw.startswith(b"{"):
        return decoder.parse(body)  # which says what is wrong
    quick = decoder.parse_columns(raw)
    return _by_column(msgspec.json.decode(raw), decoder, body, "columns") if quick is None else _weighed(quick, body)


def _dataframe_split(members: _Members, decoder: RowDecoder, body: bytes) -> Part:
    _only(members, "dataframe_split")
    parts = _members(members["dataframe_split"])
    quick = _fast_split(parts, decoder) if {"columns", "data"} <= parts.keys() <= {"columns", "data", "index"} else None
    if quick is not None:
        return _weighed(quick, body)
    inner = msgspec.json.decode(members["dataframe_split"])
    if not isinstance(inner, dict) or not {"columns", "data"} <= inner.keys() <= {"columns", "data", "index"}:
        raise InvalidInput([("dataframe_split", "expected an object with `columns` and `data`")])
    return _split(inner, decoder, body, "dataframe_split.data")


def _members(raw: msgspec.Raw) -> _Members:
    try:
        return msgspec.json.decode(raw, type=_Members)
    except msgspec.ValidationError:  # no object
        return {}


def _fast_split(members: _Members, decoder: RowDecoder) -> Part | None:
    """Take rows whose columns are the model's own, in its order, where types alone can say that they fit."""
    try:
        names = [str(one) for one in msgspec.json.decode(members["columns"], type=list[str | int])]
    except msgspec.ValidationError:
        return None
    input = decoder.input
    width = input.shape[1:] if input.shape is not None else ()
    known = [one.name for one in input.columns] == names if input.kind == "frame" else width == (len(names),)
    return decoder.parse_lists(bytes(members["data"])) if known and len(set(names)) == len(names) else None


def _weighed(part: Part, body: bytes) -> Part:
    return part._replace(weight=len(body))


def _split(inner: dict[str, Any], decoder: RowDecoder, body: bytes, path: str) -> Part:
    names, rows = inner["columns"], inner["data"]
    above = path.removesuffix("data")
    if (
        not isinstance(names, list)
        or not all(isinstance(one, str | int) for one in names)
        or len(set(map(str, names))) < len(names)
    ):
        raise InvalidInput([(f"{above}columns", "expected a list of different names")])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise InvalidInput([(path, "expected a list of lists")])
    uneven = [(f"{path}[{place}]", f"expected {len(names)} values, got {len(row)}") for place, row in enumerate(rows)
              if len(row) != len(names)]  # fmt: skip
    if uneven:
        raise InvalidInput(uneven[:MOST])
    if decoder.input.kind in ("frame", "arguments"):
        cells = {str(name): table.Cells([row[place] for row in rows]) for place, name in enumerate(names)}
        return _told(
            lambda: table.from_columns(cells, len(rows), decoder, len(body)), lambda old, _: _ROWS.sub(path.replace("\\", ""), old)
        )
    if decoder.input.kind not in ("array", "sparse") or len(decoder.input.shape or (None,)) == 1:
        rows = [row[0] if len(row) == 1 else row for row in rows]
    return _told(lambda: table.from_rows(rows, decoder, len(body)), lambda old, _: _ROWS.sub(path, old))


def _by_column(columns: dict[str, Any], decoder: RowDecoder, body: bytes, shape: str) -> Part:
    """Take tensors by name: one value a row in each, or one list of it."""
    wrong = [(f"{shape}.{checks.shown(name)}", f"expected a list, got {checks.named(one)}") for name, one in columns.items()
             if not isinstance(one, list)]  # fmt: skip
    if wrong:
        raise InvalidInput(wrong[:MOST])
    lengths = {len(one) for one in columns.values()}
    if len(lengths) > 1:
        raise InvalidInput([(shape, f"expected lists of one length, got lengths from {min(lengths)} to {max(lengths)}")])
    size = lengths.pop() if lengths else 0
    if decoder.input.kind not in ("frame", "arguments") and len(columns) == 1:
        name, rows = next(iter(columns.items()))
        return _told(
            lambda: table.from_rows(rows, decoder, len(body)),
            lambda path, _: path.replace("rows", f"{shape}.{checks.shown(name)}", 1),
        )
    cells = {name: table.Cells(one if shape == "columns" else _flat(one)) for name, one in columns.items()}

    def renamed(path: str, message: str) -> str:
        found = _CELL.fullmatch(path)
        if found is None:
            return _ROWS.sub(shape, path)
        whole = message == "missing" or message.startswith("unknown ")
        return f"{shape}.{found[2]}" + ("" if whole else f"[{found[1]}]")

    return _told(lambda: table.from_columns(cells, size, decoder, len(body)), renamed)


def _flat(values: list[Any]) -> list[Any]:
    """Take a tensor of one value a row as TensorFlow's clients send it: `[[1], [2]]`."""
    return [one[0] for one in values] if all(isinstance(one, list) and len(one) == 1 for one in values) else values


def _told(take: Callable[[], Part], renamed: _Renamed) -> Part:
    """Name errors by their places in the caller's own shape."""
    try:
        return take()
    except InvalidInput as error:
        raise InvalidInput([(renamed(path, message), message) for path, message in error.errors]) from error


_SHAPES: dict[str, Callable[[_Members, RowDecoder, bytes], Part]] = {
    "rows": lambda _members, decoder, body: decoder.parse(body), "columns": _columns, "instances": _instances("instances"),
    "inputs": _inputs, "dataframe_split": _dataframe_split, "dataframe_records": _instances("dataframe_records"),
}  # fmt: skip
