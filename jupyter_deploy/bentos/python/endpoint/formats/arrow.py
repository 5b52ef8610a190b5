"""Arrow's IPC stream: columns as they lie in memory, read without a copy and without trust in what they declare.

Nothing is taken that could be larger than the body itself: no compression, no views, no run lengths.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from ..checks import shown
from ..parts import Part
from ..problems import MOST, InvalidBody, InvalidInput, NoReader
from ..rows import RowDecoder
from . import table

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
MOST_BATCHES = 10_000
MOST_ROWS = 1 << 31
_INDEX = re.compile(r"__index_level_\d+__")  # of a pandas frame; an index is not asked for
_RECORDS, _DICTIONARY = 3, 2  # Arrow's kinds of messages


def read(body: bytes, decoder: RowDecoder) -> Part:
    """Take a table.

    Args:
        body: An IPC stream, not compressed.
        decoder: What the method takes.

    Returns:
        What the model is asked.

    Raises:
        NoReader: If the model's environment has no pyarrow.
        InvalidBody: If the body is no such stream.
        InvalidInput: If it does not fit the contract.
    """
    try:
        import numpy as _  # noqa: F401 (pyarrow does without it, and gives no arrays then)
        import pyarrow as pa
    except ImportError as error:
        hint = "Send JSON, or import pyarrow in the notebook and deploy again."
        raise NoReader(f"This endpoint reads no Arrow, because its environment has no pyarrow. {hint}") from error
    try:
        return _read(body, decoder, pa)
    except (pa.ArrowException, ValueError, KeyError, TypeError, OverflowError, OSError, struct.error) as error:
        raise InvalidBody("The body is no sound Arrow IPC stream.") from error


def _read(body: bytes, decoder: RowDecoder, pa: Any) -> Part:
    stream = _opened(body, decoder, pa)
    names = [name for name in stream.schema.names if not _INDEX.fullmatch(name)]
    if len(set(names)) < len(names):
        raise InvalidInput([("rows", "two columns have one name")])
    types = {name: stream.schema.field(name).type for name in names}
    wrong = [
        (f"rows[0].{shown(name)}", "a column of this type of Arrow's is not taken") for name in names if not _is_taken(types[name])
    ]
    if wrong:
        raise InvalidInput(wrong[:MOST])
    cells = {name: _cells(stream.column(name).combine_chunks()) for name in names}
    if len(cells) == 1 and decoder.input.kind not in ("frame", "arguments"):
        (only,) = cells.values()
        if not isinstance(only.held, list) and only.absent is None:
            return table.from_array(only.held, decoder, len(body))
    return table.from_columns(cells, stream.num_rows, decoder, len(body))


def _opened(body: bytes, decoder: RowDecoder, pa: Any) -> Any:
    _guard(body, decoder, pa)
    stream = pa.ipc.open_stream(pa.py_buffer(body))
    _few_columns(stream.schema, decoder)
    batches = []
    for batch in stream:
        batch.validate(full=True)
        batches.append(batch)
    return pa.Table.from_batches(batches, stream.schema)


def _few_columns(schema: Any, decoder: RowDecoder) -> None:
    most = max(len(decoder.input.columns), (decoder.input.shape or (1,))[-1] or 1) + 20
    if len(schema) > most:
        raise InvalidInput([("rows", f"expected at most {most - 20} columns, got {len(schema)}")])


def _guard(body: bytes, decoder: RowDecoder, pa: Any) -> None:
    """Refuse what declares more than the body holds, before anything of it is read."""
    count = total = 0
    for kind, rows, compressed in _messages(body):
        count += kind in (_RECORDS, _DICTIONARY)
        total += rows if kind == _RECORDS else 0
        if compressed:
            raise InvalidBody("The stream is compressed; send it without.")
        if count > MOST_BATCHES or not 0 <= rows <= MOST_ROWS:
            raise pa.ArrowInvalid("too many batches or rows")
        decoder.bound(total)


def _messages(body: bytes) -> Iterator[tuple[int, int, bool]]:
    """Give kind, rows and whether it is compressed of each message of a stream."""
    place = 0
    while place + 8 <= len(body):
        mark, size = struct.unpack_from("<iI", body, place)
        if mark != -1:
            raise ValueError("no message of the format that Arrow writes since 0.15")
        if size == 0:
            return
        head = body[place + 8 : place + 8 + size]
        message = _root(head)
        kind, held, length = _number(head, message, 1, "<B"), _below(head, message, 2), _number(head, message, 3, "<q")
        if length < 0:
            raise ValueError("a negative length")
        if kind == _DICTIONARY and held is not None:
            held = _below(head, held, 1)
        batch = kind in (_RECORDS, _DICTIONARY) and held is not None
        yield kind, _number(head, held, 0, "<q") if batch else 0, bool(batch and _field(head, held, 3))
        place += 8 + size + length


def _root(head: bytes) -> int:
    place: int = struct.unpack_from("<I", head, 0)[0]
    return place


def _field(head: bytes, at: int | None, slot: int) -> int:
    """Find a field of a flatbuffer's table; 0 where it is left out."""
    if at is None:
        return 0
    known = at - struct.unpack_from("<i", head, at)[0]
    if known < 0 or 4 + 2 * slot + 2 > struct.unpack_from("<H", head, known)[0]:
        return 0
    offset: int = struct.unpack_from("<H", head, known + 4 + 2 * slot)[0]
    return at + offset if offset else 0


def _number(head: bytes, at: int | None, slot: int, form: str) -> int:
    place = _field(head, at, slot)
    return int(struct.unpack_from(form, head, place)[0]) if place else 0


def _below(head: bytes, at: int, slot: int) -> int | None:
    place = _field(head, at, slot)
    return place + int(struct.unpack_from("<I", head, place)[0]) if place else None


def _is_taken(kind: Any) -> bool:
    """Say whether values of a type take no more memory than the body."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_taken(kind.value_type) and not types.is_nested(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_taken(kind.value_type) and not types.is_null(kind.value_type)
    known = (
        types.is_boolean, types.is_integer, types.is_floating, types.is_string, types.is_large_string, types.is_date,
        types.is_timestamp, types.is_time, types.is_duration, types.is_decimal, types.is_null,
    )  # fmt: skip
    return any(one(kind) for one in known)


def _cells(array: Any) -> table.Cells:
    from pyarrow import types

    kind = array.type
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        absent = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        return table.Cells((array.fill_null(0) if array.null_count else array).to_numpy(zero_copy_only=False), absent)
    if (types.is_timestamp(kind) and kind.tz is None) or types.is_date(kind) or types.is_duration(kind):
        return table.Cells(array.to_numpy(zero_copy_only=False))
    if types.is_fixed_size_list(kind) and not array.null_count and kind.list_size:
        inner = _cells(array.flatten())
        if not isinstance(inner.held, list) and inner.absent is None:
            return table.Cells(inner.held.reshape(len(array), kind.list_size, *inner.held.shape[1:]))
    return table.Cells(_values(array))


def _values(array: Any) -> list[Any]:
    """Give JSON values of what numpy does not hold as it is."""
    import pyarrow as pa
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        known = _cells(array.dictionary).json()  # each value once, however often it is named
        return [None if place is None else known[place] for place in array.indices.to_pylist()]
    if types.is_timestamp(kind):
        moments = _cells(array.cast(pa.timestamp(kind.unit))).json()
        return [None if one is None else f"{one}Z" for one in moments]
    if types.is_time(kind):
        return [None if one is None else one.isoformat() for one in array.cast(pa.time64("us")).to_pylist()]
    if types.is_decimal(kind):
        return [None if one is None else str(one) for one in array.to_pylist()]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        flat, ends = _cells(array.flatten()).json(), array.value_lengths().fill_null(0).to_numpy().cumsum().tolist()
        begins, gone = [0, *ends[:-1]], array.is_null().to_pylist()
        return [None if none else flat[begin:end] for begin, end, none in zip(begins, ends, gone, strict=True)]
    values: list[Any] = array.to_pylist()
    return values


def write(columns: Mapping[str, Any]) -> bytes:
    """Write columns.

    Args:
        columns: Arrays of numpy's, or lists of JSON values, by name.

    Returns:
        An IPC stream of one batch.
    """
    import pyarrow as pa

    batch = pa.RecordBatch.from_arrays([_array(one) for one in columns.values()], names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _array(values: Any) -> Any:
    import msgspec
    import pyarrow as pa

    if not isinstance(values, list):
        if values.ndim == 1:
            return pa.array(values)
        inner = _array(values.reshape(-1))
        for size in reversed(values.shape[1:]):
            inner = pa.FixedSizeListArray.from_arrays(inner, size)
        return inner
    try:
        made = pa.array(values)
    except (pa.ArrowException, TypeError, OverflowError):  # values of several kinds
        made = None
    if made is None or "struct<" in str(made.type):  # in which objects of several kinds would get each other's fields
        return pa.array([None if one is None else msgspec.json.encode(one).decode() for one in values], pa.string())
    return made
