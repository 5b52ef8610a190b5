"""Single values in the words of JSON: such as fit a column, and such as fit none."""

from __future__ import annotations

import random
from typing import Any

from jupyter_deploy.bentos.python.endpoint.dtypes import family, limits, zoned
from jupyter_deploy.values import Column, Input

HOSTILE: tuple[str, ...] = (
    "null", "true", "false", "0", "-0", "-0.0", "1", "3.0", "1.5", "-1", "128", "256", "65536", "2147483648", "3.5e38", "1e308",
    "1e309", "-1e999", "1e-400", "9007199254740993", "9007199254740993.0", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "-9223372036854775809", "1" + "0" * 50, "1" + "0" * 400, "1" * 5000, "NaN", "Infinity", "-Infinity",
    '""', '"1"', '"1.5"', '"NaN"', '"nan"', '"NaT"', '"null"', '"Infinity"', '"-Infinity"', '"inf"', '"true"', '"None"', '" "',
    '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00x"', '"\\uff11"', '"\\u202e"', '"' + "x" * 2000 + '"', '"\\"\\\\"',
    '"2020-01-31"', '"2020-01-31T10:00:00"', '"2020-01-31T10:00:00Z"', '"2020-01-31T10:00:00+02:00"', '"2020-02-30"',
    '"2020-01-31T10:00:00.123456789123"', '"0001-01-01"', '"1677-09-21"', '"2262-04-12"', '"9999-12-31"', '"10000-01-01"',
    '"9999-12-31T23:59:59-10:00"', '"2016-12-31T23:59:60Z"', '"now"', '"today"', '"1580428800"', "1580428800000", '"P1D"', '"PT1S"',
    '"P99999999999D"', '"-P1D"', '"1 day"', '"10:00"', '"24:00:00"', '"1e999999999"', '"sNaN"', '"0x10"', '"1_000"',
    '"<script>alert(1)</script>"', '"../../etc/passwd"', '"{{7*7}}"', '"%s%n"', "\"' OR 1=1 --\"", '"http://127.0.0.1:1/"',
    '"bm90IGJhc2U2NA"', '"00000000-0000-0000-0000-000000000000"', "[]", "[[]]", "[1]", "[null]", "{}", '{"a": 1}', '{"": {}}',
    '{"__class__": "os.system"}', '{"$ref": "#"}', '{"py/object": "os.system"}',
)  # fmt: skip
"""Values as they stand in JSON, or as they must not."""


def fitting(column: Column, chance: random.Random) -> Any:
    """Make a value that fits a column.

    Args:
        column: The column, or parameter.
        chance: What is random.

    Returns:
        A JSON value.
    """
    if column.nullable and chance.random() < 0.1:
        return None
    if column.holds is not None:
        return rows(column.holds, chance, 2)
    if column.categories:
        return chance.choice(column.categories)
    if column.example is not None and chance.random() < 0.5:
        return column.example
    return _of_kind(column, chance)


def _of_kind(column: Column, chance: random.Random) -> Any:
    kind = family(column.dtype)
    low, high = column.minimum, column.maximum
    ranged = isinstance(low, int | float) and isinstance(high, int | float)
    if kind == "float":
        return chance.uniform(float(low), float(high)) if ranged else chance.uniform(-100, 100)  # type: ignore[arg-type]
    if kind == "int":
        least, most = limits(column.dtype) or (-100, 100)
        return chance.randint(int(low), int(high)) if ranged else chance.randint(max(least, -100), min(most, 100))  # type: ignore[arg-type]
    if kind == "date":
        day = f"20{chance.randint(10, 29)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        return f"{day}T12:00:00Z" if zoned(column.dtype) else day
    plain: dict[str, Any] = {
        "bool": chance.random() < 0.5, "duration": f"P{chance.randint(0, 9)}D", "period": "2020-01", "time": "12:30:00",
        "decimal": f"{chance.randint(0, 9999)}.5", "string": chance.choice(("", "a", "gold", "two words", "größer")),
    }  # fmt: skip
    return plain.get(kind, column.example if column.example is not None else 1)


def rows(given: Input, chance: random.Random, count: int) -> list[Any]:
    """Make rows that fit, as far as the contract alone tells.

    Args:
        given: What a method accepts.
        chance: What is random.
        count: How many.

    Returns:
        One JSON value a row.
    """
    if given.kind == "series":
        return [fitting(given.columns[0] if given.columns else _cell(given), chance) for _ in range(count)]
    if given.columns:
        return [{one.name: fitting(one, chance) for one in given.columns} for _ in range(count)]
    if given.kind == "sparse":
        width = (given.shape or (None, 1))[-1] or 1
        return [{str(chance.randrange(width)): fitting(_cell(given), chance)} for _ in range(count)]
    return [_nested((given.shape or (None,))[1:], _cell(given), chance) for _ in range(count)]


def _cell(given: Input) -> Column:
    return Column(name="", dtype=given.dtype or "object", nullable=given.nullable)


def _nested(shape: tuple[int | None, ...], cell: Column, chance: random.Random) -> Any:
    if not shape:
        return fitting(cell, chance)
    return [_nested(shape[1:], cell, chance) for _ in range(2 if shape[0] is None else shape[0])]
