"""What is odd about hostile bodies: the forms of their rows, of their JSON, and of other formats; and bytes that are changed."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
from typing import Any

PLACE = '"jd-place"'  # stands in JSON where a value goes that JSON's writer would not write
PICKLE = (
    b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02K\x03e."  # [1, 2, 3]: harmless, and to be refused all the same
)
WORDS = (
    b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"//x\n", b",", b"}", b"]",
    b"[" * 40, b"1e", b"-", b'"',
)  # fmt: skip
NAMES = ("", "x" * 300, "__proto__", "rows", "\u202e", "<b>", "a\nb", "\u00dcn\u00efcode")
WHOLES = (
    b"", b"null", b"[]", b"{}", b"[" * 50_000, b"[" * 900 + b"]" * 900, b'{"rows":' * 50_000,
    b"[" + b"[]," * 3000 + b"[]]",
    b'{"rows": [' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"]}", b"[" + b"1," * 30_000 + b"1]",
    b'{"rows": [' + b"1" * 20_000 + b"]}",
    b'{"rows": [' + b'{"k%d": 1},' * 500 % tuple(range(500)) + b"{}]}", b'{"rows":["' + b"\\u0000" * 5000 + b'"]}',
    b"{" + b",".join(b'"k%d": 1' % number for number in range(5000)) + b"}",
)  # fmt: skip
"""Bodies that are odd for every contract."""


def shapes(rows: list[Any], chance: random.Random) -> list[Any]:
    """Put rows into other forms than they should have.

    Args:
        rows: Rows that fit.
        chance: What is random.

    Returns:
        Bodies as JSON.
    """
    odd = chance.choice(NAMES)
    return [
        rows, [], {}, None, 1, "rows", True, {"rows": []}, {"rows": None}, {"rows": [None, *rows]}, {"rows": [*rows, []]},
        {"rows": {"rows": rows}}, {"rows": [rows]}, {"rows": rows, "more": 1}, {"rows": rows * 100}, {"rows": rows[:1] * 3000},
        {"rows": [_shortened(row) for row in rows]}, {"rows": [_lengthened(row, odd) for row in rows]}, _columns(rows, chance),
        {"instances": rows}, {"inputs": rows}, {"dataframe_records": rows}, {"dataframe_split": {"columns": ["a"], "data": rows}},
        {"dataframe_split": {"columns": None, "data": {}}}, {"inputs": {"a": rows}}, {"instances": rows, "rows": rows},
        {"signature_name": 1, "instances": rows}, {"instances": None}, {"inputs": {"a": 1, "b": []}},
        [list(row.values()) if isinstance(row, dict) else {"0": row} for row in rows],
    ]  # fmt: skip


def _shortened(row: Any) -> Any:
    return {key: row[key] for key in sorted(row)[1:]} if isinstance(row, dict) else row[1:] if isinstance(row, list) else None


def _lengthened(row: Any, name: str) -> Any:
    return {**row, name: 1} if isinstance(row, dict) else [*row, 1] if isinstance(row, list) else {name: row}


def _columns(rows: list[Any], chance: random.Random) -> Any:
    if not rows or not all(isinstance(row, dict) for row in rows):
        return {"columns": rows}
    made = {key: [row.get(key) for row in rows] for key in rows[0]}
    if made and chance.random() < 0.5:
        made[chance.choice(sorted(made))].append(None)
    return {"columns": made}


def wholes(body: bytes, chance: random.Random) -> list[bytes]:
    """Make JSON that is odd as a whole, or nearly JSON.

    Args:
        body: A body that fits.
        chance: What is random.

    Returns:
        Bodies.
    """
    text = body.decode()
    return [
        *WHOLES, b"\xef\xbb\xbf" + body, text.encode("utf-16"), text.encode("utf-32"), body + b"x", body + body, body + b"\x00",
        body[: chance.randrange(len(body))], body.replace(b'"rows"', b'"rows": [], "rows"', 1), body.replace(b'"', b"'"),
        body.replace(b"]", b",]"), b"  \n\t" + body + b"\r\n ", chance.randbytes(chance.randrange(200)), b"/*x*/" + body,
    ]  # fmt: skip


def mutated(body: bytes, chance: random.Random) -> bytes:
    """Change some bytes.

    Args:
        body: A body.
        chance: What is random.

    Returns:
        The body with bits flipped, pieces cut out, doubled or put in.
    """
    made = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(made) + 1)
        to = min(len(made), at + chance.choice((1, 1, 4, 30)))
        what = chance.randrange(5)
        if what == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del made[at:to]
        elif what == 2:
            made[at:at] = chance.choice(WORDS)
        elif what == 3:
            made[at:at] = made[at:to] * chance.choice((1, 1, 50))
        else:
            made[at:to] = chance.randbytes(to - at)
    return bytes(made)


def replaced(node: Any, chance: random.Random) -> Any:
    """Put the place holder somewhere into a copy.

    Args:
        node: JSON.
        chance: What is random.

    Returns:
        The copy.
    """
    if isinstance(node, dict) and node and chance.random() < 0.95:
        key = chance.choice(sorted(node))
        return {**node, key: replaced(node[key], chance)}
    if isinstance(node, list) and node and chance.random() < 0.95:
        at = chance.randrange(len(node))
        return [*node[:at], replaced(node[at], chance), *node[at + 1 :]]
    return json.loads(PLACE)


def csv_of(rows: list[Any]) -> bytes:
    """Write rows as CSV.

    Args:
        rows: The rows.

    Returns:
        Lines, the first of which has the names where the rows have some.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    if rows and isinstance(rows[0], dict):
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow(row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row])
    return out.getvalue().encode()


def npy(chance: random.Random) -> bytes:
    """Make a file of numpy's whose head says what its body does not hold.

    Args:
        chance: What is random.

    Returns:
        The file.
    """
    kind = chance.choice(("<f8", "<f4", "<i8", "|O", "|b1", "<U9", "|V8", "<M8[ns]", "[('a', '<f8')]", "x"))
    shape = chance.choice(("(1, 3)", "(3,)", "()", "(10**12,)", "(1, 1000000000000)", "(-1,)", "[1]", "(0, 3)"))
    head = f"{{'descr': '{kind}', 'fortran_order': {chance.choice(('False', 'True', '1'))}, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + (PICKLE if kind == "|O" else chance.randbytes(24))


def arrow(chance: random.Random) -> bytes:
    """Make what begins as an Arrow stream.

    Args:
        chance: What is random.

    Returns:
        The stream.
    """
    size = chance.choice((0, 8, 64, 2**31 - 1, 10**6))
    return b"\xff\xff\xff\xff" + struct.pack("<i", size) + chance.randbytes(64) + chance.choice((b"", b"ARROW1"))
