"""Strict JSON out: 50,000 answers of all kinds, each of which any parser reads."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import random
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy.bentos.python.endpoint import codec

ANSWERS = 5_000  # of each seed


class Colour(enum.Enum):
    """One of some values."""

    RED = 1
    BLUE = "blue"


PLAIN = (0.0, -0.0, 5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan, 1.5, 3e38)
WHOLE = (0, -1, 2**53 + 1, -(2**63), 2**64 - 1, 2**200)
with np.errstate(over="ignore"):
    NUMBERS = [
        *PLAIN, *WHOLE, *(kind(one) for kind in (np.float64, np.float32, np.float16) for one in PLAIN),
        *(np.int64(one % 2**62) for one in WHOLE), *(np.uint8(one % 256) for one in WHOLE), np.bool_(False),
    ]  # fmt: skip
"""Numbers as models give them, huge, tiny and none at all among them."""
SINGLES = [
    *NUMBERS, None, True, "", "\x00\u2028\U0001f600", '"\\', datetime.date(2024, 2, 29), datetime.time(1, 2),
    datetime.datetime(9999, 12, 31, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=-1, microseconds=1), decimal.Decimal("1e400"), decimal.Decimal("NaN"), uuid.UUID(int=7), Colour.RED,
    Colour.BLUE, pd.Timestamp("2024-02-29T01:02:03.000000004"), pd.NaT, pd.NA, pd.Timedelta("1ns"), pd.Period("2024-02", "M"),
    np.datetime64("2024-02-29"), np.datetime64("NaT"), np.timedelta64(1, "ns"), np.str_("a"), np.array(math.nan), {0.5, "b"},
    np.array([1.5, math.nan]), np.array([[math.inf, 1.0]], dtype=np.float32), pd.Series([math.inf, None]),
    pd.Categorical(["a", None]),
    np.array(["2024-02-29", "NaT"], dtype="datetime64[s]"),
]  # fmt: skip
"""One of every kind that has a form in JSON."""
KEYS = ("a", "", 1, 1.5, None, True, np.int64(3), math.nan, "\u00e9")


def answer(chance: random.Random, depth: int = 3) -> Any:
    """One of these, or a container of such, nested at random."""
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(SINGLES)
    inner = [answer(chance, depth - 1) for _ in range(chance.randrange(4))]
    kind = chance.randrange(3)
    if kind == 0:
        return dict(zip(chance.sample(KEYS, len(inner)), inner, strict=True))
    return inner if kind == 1 else tuple(inner)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_a_model_answers_is_strict_json(seed: int) -> None:
    """Numbers of every library, dates, records and what is nested in each other: no bare NaN, and one value a row."""
    chance = random.Random(seed)
    rows = [answer(chance) for _ in range(ANSWERS)]
    told = codec.to_json({"predictions": codec.encode_answer(rows)})

    assert ANSWERS == len(json.loads(told.decode(), parse_constant=pytest.fail)["predictions"])


@pytest.mark.parametrize("seed", range(10))
def test_tables_and_arrays_are_strict_json(seed: int) -> None:
    """Columns and arrays of numbers that are none, or have no end, are null and texts."""
    chance = random.Random(seed)
    floats = [chance.choice(PLAIN) for _ in range(200)]
    answers: list[Any] = [
        pd.DataFrame({"a": floats, "b": pd.Series(floats).astype("Float64"), "c": pd.to_datetime([None, "2024-02-29"] * 100)}),
        np.array(floats).reshape(100, 2), pd.Series(floats, dtype="float32"), [floats], (np.array(floats), floats),
    ]  # fmt: skip
    for one in answers:
        json.loads(codec.to_json(codec.encode_answer(one)).decode(), parse_constant=pytest.fail)
