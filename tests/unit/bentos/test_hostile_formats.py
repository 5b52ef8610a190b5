"""Bodies that lie about themselves: refused, without more memory than the body has and without an end of the process."""

from __future__ import annotations

import io
import pickle
import random
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.formats import READERS, arrow, csvs, npy
from jupyter_deploy.bentos.python.endpoint.problems import InvalidBody, InvalidInput, Problem, TooManyRows
from jupyter_deploy.bentos.python.endpoint.rows import RowDecoder

FRAME = pd.DataFrame({"age": [42, 17], "share": [0.5, 2.5], "plan": pd.Categorical(["a", "b"]), "name": ["x", "y"]})
MATRIX = RowDecoder(codec.describe_input(np.ones((2, 3))))
TABLE = RowDecoder(codec.describe_input(FRAME))
MUCH = 32 * 1024 * 1024  # bytes


def npy_head(descr: str, shape: str, *, rest: bytes = b"", version: int = 1) -> bytes:
    """Write the head of a `.npy` file that says whatever it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + rest


def pickled() -> bytes:
    """Write an array of objects, which numpy pickles."""
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


BAD_NPY = {
    "empty": b"",
    "no magic": b"x" * 100,
    "a pickle": pickle.dumps([[1, 2, 3]]),
    "objects": pickled(),
    "an archive": b"PK\x03\x04" + b"\x00" * 100,
    "a huge shape": npy_head("'<f8'", "(1099511627776, 3)"),
    "an endless shape": npy_head("'<f8'", "(9223372036854775807, 9223372036854775807, 4)"),
    "a negative shape": npy_head("'<f8'", "(-1, 3)", rest=bytes(24)),
    "twice negative": npy_head("'<f8'", "(-1, -3)", rest=bytes(24)),
    "values of no size": npy_head("'<U0'", "(1099511627776, 3)"),
    "voids": npy_head("'|V0'", "(1099511627776,)"),
    "records": npy_head("[('a', '<f8'), ('b', '<f8'), ('c', '<f8')]", "(1,)", rest=bytes(24)),
    "bytes": npy_head("'|S4'", "(1, 3)", rest=bytes(12)),
    "complex": npy_head("'<c16'", "(1, 3)", rest=bytes(48)),
    "too short": npy_head("'<f8'", "(2, 3)", rest=bytes(47)),
    "too long": npy_head("'<f8'", "(2, 3)", rest=bytes(49)),
    "no dtype": npy_head("'evil'", "(2, 3)", rest=bytes(48)),
    "code": npy_head("__import__('os').system('true')", "(2, 3)", rest=bytes(48)),
    "deep": npy_head("(" * 3000, "(2, 3)"),
    "no text": npy_head("'<U1'", "(1, 3)", rest=b"\xff\xff\xff\xff" * 3),
    "half a pair": npy_head("'<U1'", "(1, 3)", rest=b"\x22\xdd\x00\x00" * 3),
    "half a pair the other way": npy_head("'>U1'", "(1, 3)", rest=b"\x00\x00\xdd\x22" * 3),
    "many dimensions": npy_head("'<f8'", str((1,) * 70), rest=bytes(8)),
    "another version": npy_head("'<f8'", "(1, 3)", rest=bytes(24), version=9),
    "a long head": npy_head("'<f8'" + " " * 20_000, "(1, 3)", rest=bytes(24)),
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_NPY.values(), ids=BAD_NPY.keys())
def test_bad_arrays_are_refused(body: bytes) -> None:
    """What an array's head says is believed only where the body has exactly that."""
    with pytest.raises(InvalidBody):
        npy.read(body, MATRIX)


def stream(table: pa.Table, **options: Any) -> bytes:
    """Write an IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


GOOD = stream(pa.Table.from_pandas(FRAME))
LARGE = pa.table({f"c{place}": np.zeros(100_000) for place in range(3)})
BAD_ARROW = {
    "empty": b"",
    "no stream": b"x" * 100,
    "a file": b"ARROW1\x00\x00" + GOOD,
    "half": GOOD[: len(GOOD) // 2],
    "a pickle": pickle.dumps([[1, 2, 3]]),
    "a huge message": struct.pack("<iI", -1, 0x7FFFFFF0) + b"\x00" * 16,
    "a bomb of zstd": stream(LARGE, compression="zstd"),
    "a bomb of lz4": stream(LARGE, compression="lz4"),
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_ARROW.values(), ids=BAD_ARROW.keys())
def test_bad_streams_are_refused(body: bytes) -> None:
    """What is no sound stream, or is compressed, is refused."""
    with pytest.raises(InvalidBody):
        arrow.read(body, MATRIX)


SWOLLEN = {
    "run lengths": pa.table({"age": pa.RunEndEncodedArray.from_arrays([2**30], [1])}),
    "views": pa.table({"name": pa.array(["x" * 100] * 3, pa.string_view())}),
    "maps": pa.table({"name": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))}),
    "structs": pa.table({"name": pa.array([{"a": 1}])}),
    "bytes": pa.table({"name": pa.array([b"a"])}),
    "lists of nothing": pa.table({"name": pa.array([[None] * 3], pa.list_(pa.null()))}),
}  # fmt: skip


@pytest.mark.parametrize("table", SWOLLEN.values(), ids=SWOLLEN.keys())
def test_types_that_swell_are_refused(table: pa.Table) -> None:
    """A column that could be larger than its bytes is refused by its name."""
    with pytest.raises(InvalidInput) as caught:
        arrow.read(stream(table), TABLE)

    assert table.column_names[0] in str(caught.value)


def test_a_text_that_is_named_often_is_one_text() -> None:
    """A dictionary's value is not written out for each row that names it."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(50_000, dtype="int32")), pa.array(["x" * 100_000]))
    numbers = pa.array(np.zeros(50_000))
    body = stream(pa.table({"age": numbers.cast(pa.int64()), "share": numbers, "plan": text, "name": text}))

    assert MUCH > memory_of(lambda: refused(arrow.read, body, TABLE))


def refused(read: Callable[..., Any], body: bytes, decoder: RowDecoder) -> None:
    """Expect a problem."""
    with pytest.raises(Problem):
        read(body, decoder)


def memory_of(function: Callable[[], Any]) -> int:
    """Measure the most bytes that Python and Arrow held at once."""
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        function()
        return max(tracemalloc.get_traced_memory()[1], pa.total_allocated_bytes() - before)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["a huge shape", "an endless shape", "values of no size", "voids"])
def test_a_declared_size_takes_no_memory(name: str) -> None:
    """Nothing is set aside for what is only declared."""
    assert 1_000_000 > memory_of(lambda: refused(npy.read, BAD_NPY[name], MATRIX))


BAD_CSV = {
    "no Unicode": b"a,b\n\xff\xfe,1\n", "an open quote": b'age,share\n"1,2\n', "a huge field": b"age\n" + b"1" * 200_000,
    "nothing": b"", "too large a number": b"age,share,plan,name\n1e400,1,a,x\n",
    "too many digits": b"age,share,plan,name\n" + b"9" * 5000 + b",1,a,x\n",
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_CSV.values(), ids=BAD_CSV.keys())
def test_bad_csv_is_refused(body: bytes) -> None:
    """What is no CSV is refused."""
    with pytest.raises(Problem):
        csvs.read(body, TABLE)


WRONG = {
    "unknown column": ({"age": [1], "share": [1.5], "plan": ["a"], "name": ["x"], "nam": [1]}, "rows[0].nam", "unknown column"),
    "missing column": ({"age": [1], "share": [1.5], "plan": ["a"]}, "rows[0].name", "missing"),
    "a fraction": ({"age": [1, 1.5], "share": [1.5, 1], "plan": ["a", "a"], "name": ["x", "y"]}, "rows[1].age", "fraction"),
    "texts": ({"age": ["one"], "share": [1.5], "plan": ["a"], "name": ["x"]}, "rows[0].age", "a string"),
    "a gap": ({"age": [1, 2], "share": [1.5, None], "plan": ["a", "a"], "name": ["x", "y"]}, "rows[1].share", "null"),
    "no such category": ({"age": [1], "share": [1.5], "plan": ["c"], "name": ["x"]}, "rows[0].plan", "categories"),
    "too large": ({"age": [2**63 - 1], "share": [float(2**60)], "plan": ["a"], "name": [None]}, "rows[0].name", "null"),
}  # fmt: skip


@pytest.mark.parametrize("times", [1, 60], ids=["few", "many"])
@pytest.mark.parametrize("media", [arrow.MEDIA_TYPE, csvs.MEDIA_TYPE])
@pytest.mark.parametrize(("columns", "path", "message"), WRONG.values(), ids=WRONG.keys())
def test_the_contract_holds_in_every_format(columns: dict[str, list[Any]], path: str, message: str, media: str, times: int) -> None:
    """A column that JSON would refuse is refused in every format, at the same place."""
    if media == csvs.MEDIA_TYPE and path == "rows[0].name" and message == "null":
        return  # an empty field is an empty text, where nothing may be missing
    table = pa.table({name: values * times for name, values in columns.items()})
    body = stream(table) if media == arrow.MEDIA_TYPE else table.to_pandas().to_csv(index=False).encode()

    with pytest.raises(InvalidInput) as caught:
        READERS[media](body, TABLE)

    assert path == caught.value.errors[0][0]
    assert message in caught.value.errors[0][1]


@pytest.mark.parametrize(
    "sent", [np.full((60, 3), np.nan), np.full((60, 3), np.inf), np.ones((60, 2)), np.ones(60), np.full((60, 3), "x")]
)
def test_arrays_that_do_not_fit_are_refused(sent: np.ndarray) -> None:
    """Gaps, infinities, other shapes and other kinds are no input of this model."""
    file = io.BytesIO()
    np.save(file, sent)

    with pytest.raises(InvalidInput):
        npy.read(file.getvalue(), MATRIX)


SEED = 20261122


@pytest.mark.parametrize("media", [arrow.MEDIA_TYPE, npy.MEDIA_TYPE, csvs.MEDIA_TYPE])
def test_mutated_bodies_are_answered_or_refused(media: str) -> None:
    """Whatever bytes are changed, a body is read or refused, and nothing else happens."""
    chance = random.Random(SEED)
    file = io.BytesIO()
    np.save(file, np.ones((40, 3)))
    sound = {arrow.MEDIA_TYPE: GOOD, npy.MEDIA_TYPE: file.getvalue(), csvs.MEDIA_TYPE: FRAME.to_csv(index=False).encode()}[media]
    decoder = MATRIX if media == npy.MEDIA_TYPE else TABLE
    for _ in range(2_000):
        body = bytearray(sound)
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            body[chance.randrange(len(body))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.1:
            del body[chance.randrange(len(body)) :]
        try:
            part = READERS[media](bytes(body), decoder)
        except Problem:
            continue
        assert 0 <= part.size <= 100


NULLS = stream(pa.table({"age": pa.nulls(1_000)}))
MANY = {
    "nulls without a byte": (arrow.MEDIA_TYPE, NULLS.replace((1_000).to_bytes(8, "little"), (2**30).to_bytes(8, "little"))),
    "bits": (arrow.MEDIA_TYPE, stream(pa.table({"age": np.zeros(2_000_000, dtype=bool)}))),
    "bytes": (npy.MEDIA_TYPE, npy_head("'|i1'", "(3000000, 1)", rest=bytes(3_000_000))),
    "lines": (csvs.MEDIA_TYPE, b"age\n" + b"1\n" * 1_000_000),
}  # fmt: skip


@pytest.mark.parametrize(("media", "body"), MANY.values(), ids=MANY.keys())
def test_rows_are_bounded_before_they_are_made(media: str, body: bytes) -> None:
    """A body that declares more rows than a request may have is refused before anything is made of them."""
    decoder = RowDecoder(codec.describe_input(FRAME[["age"]]))
    decoder.most = 10_000

    def refuse() -> None:
        with pytest.raises(TooManyRows):
            READERS[media](body, decoder)

    assert MUCH > memory_of(refuse)
