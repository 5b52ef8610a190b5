"""CSV as RFC 4180 has it: a line of names and one line a row; what a text means is told by the contract."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..contract import Column, Input
from ..dtypes import family
from ..fast import cell_of
from ..parts import Part
from ..problems import MOST, InvalidBody, InvalidInput
from ..rows import RowDecoder
from . import table

MEDIA_TYPE = "text/csv"
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
LONGEST = 400  # digits of a number that is read as a whole one
_ENDLESS = {"inf": "Infinity", "+inf": "Infinity", "-inf": "-Infinity", "infinity": "Infinity", "-infinity": "-Infinity"}
_TRUTH = {"true": True, "false": False}


def read(body: bytes, decoder: RowDecoder, *, header: bool = True) -> Part:
    """Take a table.

    Args:
        body: UTF-8.
        decoder: What the method takes.
        header: Whether the first line has the columns' names; without them columns are taken in the contract's order.

    Returns:
        What the model is asked.

    Raises:
        InvalidBody: If the body is no CSV.
        InvalidInput: If it does not fit the contract.
    """
    try:
        every = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        lines = list(itertools.islice(filter(None, every), decoder.most + 2))  # one too many to be told
    except UnicodeDecodeError as error:
        raise InvalidBody("The body is not UTF-8.") from error
    except csv.Error as error:
        raise InvalidBody("The body is no CSV: a quote is not closed, or a field is too long.") from error
    known = [column.name for column in decoder.input.columns]
    if header and not lines:
        raise InvalidBody("The body has no line with the columns' names.")
    names = lines.pop(0) if header else known or [str(place) for place in range(len(lines[0]) if lines else 0)]
    decoder.bound(len(lines))
    if len(set(names)) < len(names):
        raise InvalidInput([("rows", "two columns have one name")])
    uneven = [(f"rows[{place}]", f"expected {len(names)} values, got {len(line)}") for place, line in enumerate(lines)
              if len(line) != len(names)]  # fmt: skip
    if uneven:
        raise InvalidInput(uneven[:MOST])
    columns = zip(*lines, strict=True) if lines else [()] * len(names)
    cells = {name: _cells(texts, _column(name, decoder.input)) for name, texts in zip(names, columns, strict=True)}
    return table.from_columns(cells, len(lines), decoder, len(body))


def _column(name: str, input: Input) -> Column:
    if input.kind in ("frame", "arguments"):
        return next((one for one in input.columns if one.name == name), Column(name=name, dtype="object"))
    return cell_of(input)


def _cells(texts: Sequence[str], column: Column) -> table.Cells:
    kind = family(column.dtype)
    if kind in ("float", "int"):
        try:  # all at once; Python takes more forms of a number than CSV has, so these are looked at one by one
            if not any("_" in one or not one.isascii() for one in texts):
                make: Any = int if kind == "int" else float
                import numpy as np

                return table.Cells(np.array([make(one or "nan") for one in texts], dtype="int64" if kind == "int" else "float64"))
        except (ValueError, OverflowError, ImportError):
            pass
        return table.Cells([_number(one) for one in texts])
    if kind == "bool":
        return table.Cells([_TRUTH.get(one.strip().lower(), one) if one else None for one in texts])
    if kind == "category":
        known = {_text(one): one for one in column.categories or ()}
        return table.Cells([known.get(one, one) if one else None for one in texts])
    if kind == "string" or (kind == "any" and not column.nullable):
        return table.Cells([one if one or not column.nullable else None for one in texts])
    return table.Cells([one or None for one in texts])


def _number(text: str) -> Any:
    bare = text.strip()
    if _NUMBER.fullmatch(bare):
        if not set(bare) & set(".eE") and len(bare) < LONGEST:
            return int(bare)
        return float(bare) if math.isfinite(float(bare)) else text
    if bare.lower() in ("", "nan"):
        return None
    return _ENDLESS.get(bare.lower(), text)


def write(columns: Mapping[str, Any]) -> bytes:
    """Write columns.

    Args:
        columns: Lists of JSON values by name, all of one length.

    Returns:
        A line of names, and one line a row; what is missing is empty, lists and objects are JSON.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(_lines(columns.values()))
    return file.getvalue().encode()


def _lines(columns: Iterable[Sequence[Any]]) -> Iterable[tuple[Any, ...]]:
    return zip(*([_text(one) for one in column] for column in columns), strict=True)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return "" if value is None else value if isinstance(value, str) else repr(value)
