"""Bad input: each body that does not fit gets the path and the reason of every place, and never its own values back."""

from __future__ import annotations

import contextlib
import datetime
import decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Column, Input
from jupyter_deploy.bentos.python.endpoint.formats import envelopes
from jupyter_deploy.bentos.python.endpoint.problems import InvalidInput, InvalidJson
from jupyter_deploy.bentos.python.endpoint.rows import RowDecoder

PEOPLE = Input(
    kind="frame",
    columns=(
        Column(name="age", dtype="int64"),
        Column(name="height", dtype="float64"),
        Column(name="plan", dtype="category", categories=("basic", "gold", 3)),
        Column(name="member", dtype="bool"),
        Column(name="name", dtype="object[str,nan]", nullable=True),
        Column(name="since", dtype="datetime64[ns]"),
    ),
)
GOOD = {"age": 41, "height": 1.75, "plan": "gold", "member": True, "name": "Ada", "since": "2020-01-31"}
MATRIX = Input(kind="array", shape=(None, 3), dtype="float64")
GAPS = Input(kind="array", shape=(None, 3), dtype="float64", nullable=True)
WORDS = Input(kind="sparse", shape=(None, 1000), dtype="float64", name="csr_matrix")
BYTES = Input(kind="array", shape=(None, 2), dtype="uint8")
TEXTS = Input(kind="list", dtype="str")
CALLS = Input(kind="arguments", columns=(Column(name="area", dtype="float"), Column(name="city", dtype="str", nullable=True)))
SCORES = Input(kind="series", dtype="int8", columns=(Column(name="score", dtype="int8"),), name="score")
ANYTHING = Input(kind="value")


def people(**changes: Any) -> dict[str, Any]:
    """Rows of which one differs from a good one; a change to `...` leaves the key out."""
    row = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return {"rows": [GOOD, row]}


REFUSED: list[tuple[str, Input, Any, list[tuple[str, str]]]] = [
    ("text for int", PEOPLE, people(age="41"), [("rows[1].age", "expected a whole number, got a string")]),
    ("bool for int", PEOPLE, people(age=True), [("rows[1].age", "expected a whole number, got a boolean")]),
    ("fraction for int", PEOPLE, people(age=41.5), [("rows[1].age", "expected a whole number, got a fraction")]),
    ("null for int", PEOPLE, people(age=None), [("rows[1].age", "expected a whole number, got null")]),
    ("list for int", PEOPLE, people(age=[41]), [("rows[1].age", "expected a whole number, got a list")]),
    ("too large", PEOPLE, people(age=2**63), [("rows[1].age", "outside the range of int64")]),
    ("null for float", PEOPLE, people(height=None), [("rows[1].height", "expected a number, got null")]),
    ("null in a matrix", MATRIX, [[1, None, 3]], [("rows[0][1]", "expected a number, got null")]),
    ("infinity in a matrix", MATRIX, [[1, "Infinity", 3]], [("rows[0][1]", "expected a number, got a string")]),
    ("no such column", WORDS, [{"3": 1, "1000": 2, "-1": 1, "03": 1, "word": 1}],
     [(f"rows[0].{key}", "expected the number of a column, 0 to 999") for key in ("1000", "-1", "03", "word")]),
    ("text in a sparse row", WORDS, [{"3": "x"}], [("rows[0].3", "expected a number, got a string")]),
    ("null in a sparse row", WORDS, [{"3": None}], [("rows[0].3", "expected a number, got null")]),
    ("short sparse row", WORDS, [[0.0]], [("rows[0]", "expected 1000 values, got 1")]),
    ("number for a sparse row", WORDS, [3], [("rows[0]", "expected a list of 1000 values, got a number")]),
    ("bool for float", PEOPLE, people(height=False), [("rows[1].height", "expected a number, got a boolean")]),
    ("text for float", PEOPLE, people(height="tall"), [("rows[1].height", "expected a number, got a string")]),
    ("object for float", PEOPLE, people(height={"m": 1}), [("rows[1].height", "expected a number, got an object")]),
    ("unknown category", PEOPLE, people(plan="platinum"), [("rows[1].plan", "not one of the 3 known categories")]),
    ("category of another kind", PEOPLE, people(plan="3"), [("rows[1].plan", "not one of the 3 known categories")]),
    ("list for category", PEOPLE, people(plan=["gold"]), [("rows[1].plan", "not one of the 3 known categories")]),
    ("null for category", PEOPLE, people(plan=None), [("rows[1].plan", "expected one of the 3 known categories, got null")]),
    ("number for bool", PEOPLE, people(member=1), [("rows[1].member", "expected true or false, got a number")]),
    ("number for text", PEOPLE, people(name=7), [("rows[1].name", "expected a string, got a number")]),
    ("number for date", PEOPLE, people(since=0), [("rows[1].since", "expected a date as ISO 8601 text, got a number")]),
    ("no date", PEOPLE, people(since="soon"), [("rows[1].since", "expected a date as ISO 8601 text")]),
    ("no such day", PEOPLE, people(since="2020-02-31"), [("rows[1].since", "expected a date as ISO 8601 text")]),
    ("zone unasked", PEOPLE, people(since="2020-01-31T00:00:00+02:00"), [("rows[1].since", "expected a date without a time zone")]),
    ("out of reach", PEOPLE, people(since="9999-12-31"), [("rows[1].since", "expected a date as ISO 8601 text")]),
    ("missing", PEOPLE, people(age=...), [("rows[1].age", "missing")]),
    ("missing though nullable", PEOPLE, people(name=...), [("rows[1].name", "missing")]),
    ("misspelt", PEOPLE, people(age=..., agee=41),
     [("rows[1].agee", "unknown column, did you mean `age`?"), ("rows[1].age", "missing")]),
    ("unknown", PEOPLE, people(zzz=1), [("rows[1].zzz", "unknown column")]),
    ("unprintable key", PEOPLE, people(**{"<script>\n": 1}), [("rows[1].?", "unknown column")]),
    ("short list", PEOPLE, {"rows": [[41, 1.75]]}, [("rows[0]", "expected 6 values, got 2")]),
    ("no object", PEOPLE, {"rows": [41]}, [("rows[0]", "expected an object, got a number")]),
    ("rows is no list", PEOPLE, {"rows": GOOD}, [("rows", "expected a list, got an object")]),
    ("bare object", PEOPLE, GOOD, [("", 'expected {"rows": [...]} or a list of rows')]),
    ("extra beside rows", PEOPLE, {"rows": [GOOD], "x": 1}, [("", 'expected {"rows": [...]} or a list of rows')]),
    ("scalar body", PEOPLE, 5, [("", 'expected {"rows": [...]} or a list of rows')]),
    ("columns is no object", PEOPLE, {"columns": [1]}, [("columns", "expected an object, got a list")]),
    ("column is no list", CALLS, {"columns": {"area": 1}}, [("", 'expected {"rows": [...]} or a list of rows')]),
    ("uneven columns", PEOPLE, {"columns": {**{key: [value] for key, value in GOOD.items()}, "age": [1, 2]}},
     [("columns", "expected lists of one length, got lengths from 1 to 2")]),
    ("bad cell by columns", PEOPLE, {"columns": {**{key: [value] for key, value in GOOD.items()}, "age": ["x"]}},
     [("columns.age[0]", "expected a whole number, got a string")]),
    ("column missing", PEOPLE, {"columns": {key: [value] for key, value in GOOD.items() if key != "age"}},
     [("columns.age", "missing")]),
    ("too short", MATRIX, {"rows": [[1, 2, 3], [1, 2]]}, [("rows[1]", "expected 3 values, got 2")]),
    ("too flat", MATRIX, {"rows": [1, 2, 3]}, [(f"rows[{n}]", "expected a list of 3 values, got a number") for n in range(3)]),
    ("too deep", MATRIX, {"rows": [[[1], 2, 3]]}, [("rows[0][0]", "expected a number, got a list")]),
    ("text in a matrix", MATRIX, {"rows": [[1, "2", 3]]}, [("rows[0][1]", "expected a number, got a string")]),
    ("too large for a byte", BYTES, [[0, 256]], [("rows[0][1]", "outside the range of uint8")]),
    ("null for a byte", BYTES, [[0, None]], [("rows[0][1]", "expected a whole number, got null")]),
    ("number for a text", TEXTS, ["a", 1], [("rows[1]", "expected a string, got a number")]),
    ("text for a set", Input(kind="list", dtype="set"), ["ab"], [("rows[0]", "expected a list, got a string")]),
    ("null for a text", TEXTS, [None], [("rows[0]", "expected a string, got null")]),
    ("unknown argument", CALLS, [{"area": 1, "citty": "Rome"}], [("rows[0].citty", "unknown parameter, did you mean `city`?")]),
    ("argument missing", CALLS, [{"city": "Rome"}], [("rows[0].area", "missing")]),
    ("argument of a wrong kind", CALLS, [{"area": "big"}], [("rows[0].area", "expected a number, got a string")]),
    ("arguments as a list", CALLS, [[1, "Rome"]], [("rows[0]", "expected an object, got a list")]),
    ("too large for a series", SCORES, [127, 128], [("rows[1]", "outside the range of int8")]),
    ("two values", ANYTHING, [1, 2], [("rows", "expected exactly one row, got 2")]),
    ("no value", ANYTHING, [], [("rows", "expected exactly one row, got 0")]),
]  # fmt: skip


@pytest.mark.parametrize(("input", "body", "errors"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_bad_input_is_pointed_at(input: Input, body: Any, errors: list[tuple[str, str]]) -> None:
    """Every place that does not fit is named with its path and what was expected there."""
    with pytest.raises(InvalidInput) as caught:
        codec.decode_rows(msgspec.json.encode(body), input)

    assert errors == list(caught.value.errors)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1,]", b"nope", b'{"rows": [NaN]}', b'{"rows": [Infinity]}', b"[1e999]", b"\xff", b'["\xff"]', b'["\\ud800"]',
     b"[" * 100_000, b'{"a":' * 100_000],
    ids=["empty", "open", "comma", "word", "nan", "inf", "range", "utf-8", "utf-8 within", "surrogate", "deep", "deep objects"],
)  # fmt: skip
@pytest.mark.parametrize("input", [PEOPLE, MATRIX, TEXTS, ANYTHING], ids=["frame", "array", "texts", "value"])
def test_what_is_no_json_is_said_to_be_none(body: bytes, input: Input) -> None:
    """A body that is not strict JSON is refused as such, whatever the contract."""
    with pytest.raises(InvalidJson):
        codec.decode_rows(body, input)


def test_errors_are_counted_up_to_a_limit() -> None:
    """A long bad body gets twenty errors, not one for each of its values."""
    with pytest.raises(InvalidInput) as caught:
        codec.decode_rows(msgspec.json.encode([["x", "y", "z"]] * 1000), MATRIX)

    assert 20 == len(caught.value.errors)
    assert "The input does not fit the contract in at least 20 places." == caught.value.detail


@settings(max_examples=200)
@given(st.text(min_size=6))
def test_messages_hold_no_value(secret: str) -> None:
    """What a caller sends as a value never comes back in a message."""
    marked = f"<{secret}>"
    with pytest.raises(InvalidInput) as caught:
        codec.decode_rows(msgspec.json.encode(people(age=marked, plan=marked, since=marked, member=[marked])), PEOPLE)

    assert not [one for one in caught.value.errors if marked in one[1]]


@pytest.mark.parametrize(
    "body", [{"rows": [GOOD]}, [GOOD], [list(GOOD.values())], {"columns": {key: [value] for key, value in GOOD.items()}}],
    ids=["rows", "bare", "lists", "columns"],
)  # fmt: skip
def test_every_form_gives_the_same_frame(body: Any) -> None:
    """Objects, lists in column order and columns are three ways to say one thing."""
    expected = pd.DataFrame({
        "age": [41], "height": [1.75], "plan": pd.Categorical(["gold"], categories=["basic", "gold", 3]), "member": [True],
        "name": pd.Series(["Ada"], dtype=object), "since": pd.to_datetime(["2020-01-31"]).astype("datetime64[ns]"),
    })  # fmt: skip

    pd.testing.assert_frame_equal(expected, codec.decode_rows(msgspec.json.encode(body), PEOPLE))


def test_whole_floats_are_integers() -> None:
    """A client whose language knows one kind of number may send 41.0 for 41."""
    assert [41] == codec.decode_rows(b'{"rows":[41.0]}', SCORES).tolist()


def test_integers_are_floats() -> None:
    """A whole number fits where a float is expected."""
    np.testing.assert_array_equal([[1.0, 2.0, 3.5]], codec.decode_rows(b"[[1, 2.0, 3.5]]", MATRIX))


NO_DATE, NO_DURATION, NO_PERIOD, NO_TIME = (
    f"expected a {one} as ISO 8601 text" for one in ("date", "duration", "period", "time of day")
)
NO_DECIMAL, ROUNDED = "expected a decimal number as text", "too large to be kept exactly"
LOSSES: list[tuple[str, str, str]] = [
    ("float64", "9007199254740993", ROUNDED),
    ("float64", "1" + "0" * 306 + "1", ROUNDED),
    ("float32", "3.5e38", "too large for float32"),
    ("float16", "65520", "too large for float16"),
    ("Float32", "1e39", "too large for Float32"),
    ("float64", "1" + "0" * 310, "too large for a number"),
    ("int64", "9007199254740993.0", "a whole number as large as this is written without a point and an exponent"),
    ("uint64", "1.5", "expected a whole number, got a fraction"),
    ("uint64", "true", "expected a whole number, got a boolean"),
    ("Sparse[int64, 0]", "9223372036854775808", "outside the range of Sparse[int64, 0]"),
    ("datetime64[s]", '"2020-01-31T10:00:00.5"', NO_DATE),
    ("datetime64[us]", '"2020-01-31T10:00:00.1234567"', NO_DATE),
    ("datetime64[D]", '"2020-01-31T10:00:00"', NO_DATE),
    ("datetime64[ns]", '"2020-01-31T10:00:00.1234567891"', NO_DATE),
    ("datetime64[ns]", '"now"', NO_DATE),
    ("datetime64[ns, UTC]", '"9999-12-31T23:59:59-10:00"', NO_DATE),
    ("object[timestamp]", '"today"', NO_DATE),
    ("object[timestamp]", '""', NO_DATE),
    ("object[timestamp]", '"\\uff11"', NO_DATE),
    ("object[date]", '"2020-01-31T10:00"', NO_DATE),
    ("object[datetime]", '"2020-W05-5"', NO_DATE),
    ("object[time]", '"2020"', NO_TIME),
    ("timedelta64[ns]", '"1"', NO_DURATION),
    ("timedelta64[ns]", '"1 day"', NO_DURATION),
    ("timedelta64[s]", '"PT0.5S"', NO_DURATION),
    ("timedelta64[ns]", '"P200000D"', NO_DURATION),
    ("period[D]", '"NaT"', NO_PERIOD),
    ("period[D]", '"\\u0000"', NO_PERIOD),
    ("object[decimal]", '"sNaN"', NO_DECIMAL),
    ("object[decimal]", '"1e999999"', NO_DECIMAL),
    ("object[decimal]", '"1_000"', NO_DECIMAL),
    ("object[decimal]", "9" * 4000, NO_DECIMAL),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "value", "message"), LOSSES)
def test_what_a_column_would_not_hold_is_refused(dtype: str, value: str, message: str) -> None:
    """A value of which a column would lose something, or that only some library reads, is refused and named by its path."""
    frame = Input(kind="frame", columns=(Column(name="it", dtype=dtype), Column(name="other", dtype="object[str]")))
    with pytest.raises(InvalidInput) as caught:
        codec.decode_rows(b'[{"it": %s, "other": "a"}]' % value.encode(), frame)

    assert [("rows[0].it", message)] == list(caught.value.errors)


KEPT: list[tuple[str, str, Any]] = [
    ("float64", "9007199254740992", 2.0**53),
    ("float64", "36893488147419103232", 2.0**65),
    ("float64", "-0", 0.0),
    ("float32", "3", 3.0),
    ("int64", "3.0", 3),
    ("int64", "9007199254740993", 2**53 + 1),
    ("uint64", "18446744073709551615", 2**64 - 1),
    ("int8", "-128.0", -128),
    ("UInt64", "18446744073709551615", 2**64 - 1),
    ("float64", "1e-400", 0.0),
    ("datetime64[ns]", '"2020-01-31 10:00"', pd.Timestamp("2020-01-31 10:00")),
    ("datetime64[s]", '"2020-01-31T10:00:00.000"', pd.Timestamp("2020-01-31 10:00")),
    ("datetime64[ns, Europe/Berlin]", '"2020-01-31T10:00:00Z"', pd.Timestamp("2020-01-31 11:00", tz="Europe/Berlin")),
    ("datetime64[ns, UTC]", '"2020-01-31T10:00:00+0200"', pd.Timestamp("2020-01-31 08:00", tz="UTC")),
    ("object[date]", '"2020-01-31T00:00:00.000"', datetime.date(2020, 1, 31)),
    ("timedelta64[ns]", '"-P1DT2H"', pd.Timedelta(hours=-26)),
    ("object[datetime]", '"2020-01-31T10:00:00.5+0200"', datetime.datetime.fromisoformat("2020-01-31T10:00:00.500000+02:00")),
    ("period[M]", '"2020-01"', pd.Period("2020-01", "M")),
    ("period[Q-DEC]", '"2020Q1"', pd.Period("2020Q1", "Q-DEC")),
    ("object[decimal]", '"0.10"', decimal.Decimal("0.10")),
    ("object[decimal]", "0.1", decimal.Decimal("0.1")),
    ("object[time]", '"10:00"', datetime.time(10)),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "value", "expected"), KEPT)
def test_what_loses_nothing_is_done(dtype: str, value: str, expected: Any) -> None:
    """A value in another form than the column's own, of which nothing is lost, is taken."""
    frame = Input(kind="frame", columns=(Column(name="it", dtype=dtype), Column(name="other", dtype="object[str]")))

    assert expected == codec.decode_rows(b'[{"it": %s, "other": "a"}]' % value.encode(), frame)["it"].iloc[0]


def test_a_byte_order_mark_is_no_part_of_the_body() -> None:
    """Some editors of Windows begin each file with one."""
    assert [1] == codec.decode_rows(b"\xef\xbb\xbf[1]", SCORES).tolist()


def test_of_two_same_keys_the_last_one_counts() -> None:
    """As in every common reader of JSON, also where the first one would not fit."""
    for first in (b"1", b'"x"'):
        assert [[2.0, 2.5, 3.0]] == codec.decode_rows(b'{"rows": [%s], "rows": [[2, 2.5, 3]]}' % first, MATRIX).tolist()


def test_infinity_has_a_name() -> None:
    """Where the notebook's data has infinite numbers, a caller's may too."""
    endless = Input(kind="array", shape=(None, 2), dtype="float32", infinite=True)

    np.testing.assert_array_equal([[np.inf, -np.inf]], codec.decode_rows(b'[["Infinity", "-Infinity"]]', endless))


def test_null_is_not_a_number_where_values_may_be_missing() -> None:
    """What was missing in the notebook's data may be missing in a caller's."""
    np.testing.assert_array_equal([[1.0, np.nan, np.nan]], codec.decode_rows(b"[[1, null, null]]", GAPS))


@pytest.mark.parametrize("input", [PEOPLE, MATRIX, WORDS, TEXTS, CALLS, SCORES], ids=lambda input: input.kind)
def test_no_rows_are_no_error(input: Input) -> None:
    """An empty list of rows is a request without rows."""
    assert 0 == RowDecoder(input).parse(b'{"rows": []}').size


def test_arguments_with_a_default_may_be_left_out() -> None:
    """A parameter that the function has a default for is passed only where it is given."""
    assert [{"area": 1.0}, {"area": 2.0, "city": "Rome"}] == codec.decode_rows(b'[{"area":1},{"area":2,"city":"Rome"}]', CALLS)


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-300, 300), st.floats(allow_nan=False, allow_infinity=False), st.just([]),
    st.sampled_from(["gold", "2020-01-31", "0001-01-01", ""]),
)  # fmt: skip


def check_agreement(decoder: RowDecoder, body: bytes) -> None:
    """See that the fast and the exact look refuse alike, and build the same."""
    try:
        exact = repr(decoder.join([decoder.check(msgspec.json.decode(body), len(body))]))
    except InvalidInput:
        with pytest.raises(InvalidInput):
            decoder.parse(body)
        return

    assert exact == repr(decoder.join([decoder.parse(body)]))


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), CELLS, max_size=3), st.sampled_from([PEOPLE, CALLS]))
def test_the_fast_pass_agrees_with_the_exact_one(changes: dict[str, Any], input: Input) -> None:
    """What is decoded fast is what the exact look at every value would give, and it takes nothing that would be refused."""
    body = msgspec.json.encode({"rows": [GOOD | changes]})
    decoder = RowDecoder(input)
    check_agreement(decoder, body)


def price(area: float, rooms: int, old: bool, city: str = "Rome") -> float:
    """Take one value of each plain kind."""
    return area


ARGUMENTS = st.dictionaries(
    st.sampled_from(["area", "rooms", "old", "city", "other"]), CELLS | st.sampled_from([2**53, 2**63, 1e300])
)


@settings(max_examples=400, deadline=None)
@given(ARGUMENTS, st.booleans())
def test_the_fast_pass_agrees_on_arguments(changes: dict[str, Any], whole: bool) -> None:
    """What is decoded fast is what the exact look would give, to the type of each number, also for a function's own arguments."""
    row = ({"area": 2.5, "rooms": 3, "old": True} if whole else {}) | changes
    body = msgspec.json.encode({"rows": [row]})
    decoder = RowDecoder(codec.describe_hints(price), price)
    try:
        exact = decoder.join([decoder.check(msgspec.json.decode(body), len(body))])
    except InvalidInput:
        with pytest.raises(InvalidInput):
            decoder.parse(body)
        return

    got = decoder.join([decoder.parse(body)])
    assert exact == got
    assert [{key: type(value) for key, value in one.items()} for one in exact] == [
        {key: type(value) for key, value in one.items()} for one in got
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CELLS, max_size=4) | CELLS, max_size=3), st.sampled_from([MATRIX, GAPS, BYTES, TEXTS, SCORES]))
def test_the_fast_pass_agrees_on_arrays(rows: list[Any], input: Input) -> None:
    """What is decoded fast is what the exact look at every value would give, also for arrays and lists."""
    body = msgspec.json.encode(rows)
    decoder = RowDecoder(input)
    check_agreement(decoder, body)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["0", "7", "999", "1000", "x"]), CELLS, max_size=3) | CELLS, max_size=3))
def test_the_fast_pass_agrees_on_sparse_rows(rows: list[Any]) -> None:
    """What is decoded fast is what the exact look at every value would give, also for objects of numbered columns."""
    body = msgspec.json.encode(rows)
    decoder = RowDecoder(WORDS)
    try:
        exact = decoder.join([decoder.check(msgspec.json.decode(body), len(body))])
    except InvalidInput:
        with pytest.raises(InvalidInput):
            decoder.parse(body)
        return

    assert 0 == (exact != decoder.join([decoder.parse(body)])).nnz


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_politely(body: bytes) -> None:
    """Whatever the bytes are, there is an answer or one of the two errors, nothing else."""
    for input in (PEOPLE, MATRIX, WORDS, TEXTS, CALLS, SCORES, ANYTHING):
        with contextlib.suppress(InvalidInput, InvalidJson):
            codec.decode_rows(body, input)


STRICT = Input(
    kind="frame",
    columns=(
        Column(name="age", dtype="int64", minimum=18, maximum=90),
        Column(name="height", dtype="float64", minimum=1.5, maximum=2.0, nullable=True, infinite=True),
        Column(name="since", dtype="datetime64[ns]", minimum="2020-01-01T00:00:00", maximum="2020-12-31T00:00:00"),
        Column(name="name", dtype="object[str]"),
    ),
)
NUMBERS = Input(kind="frame", columns=STRICT.columns[:2])
PRICED = Input(kind="arguments", columns=(Column(name="area", dtype="float", minimum=20.0, maximum=200.0),))
FITS = {"age": 41, "height": 1.75, "since": "2020-02-29", "name": "Ada", "area": 50}
LOSSLESS = {"narrow": 0.5, "unsigned": 2**63, "coarse": "2020-02-29T12:00:01", "sparse": 7}
OUTSIDE = [
    (STRICT, {"age": 17}, "rows[0].age", "18 to 90"), (STRICT, {"age": 91.0}, "rows[0].age", "18 to 90"),
    (STRICT, {"height": 1.4}, "rows[0].height", "1.5 to 2.0"),
    (STRICT, {"since": "2021-01-01"}, "rows[0].since", "2020-01-01T00:00:00 to 2020-12-31T00:00:00"),
    (NUMBERS, {"age": -(2**63)}, "rows[0].age", "18 to 90"), (PRICED, {"area": 201}, "rows[0].area", "20.0 to 200.0"),
]  # fmt: skip


def fitting_row(input: Input, **changes: Any) -> dict[str, Any]:
    """A row of an input's columns."""
    return {column.name: {**FITS, **LOSSLESS, **changes}[column.name] for column in input.columns}


@pytest.mark.parametrize(("input", "changes", "path", "told"), OUTSIDE)
def test_strict_endpoints_keep_to_the_ranges_of_the_notebook(input: Input, changes: dict[str, Any], path: str, told: str) -> None:
    """Where it is asked for, a value outside of what the notebook's data held is refused, with its path and the range."""
    body = msgspec.json.encode([fitting_row(input, **changes)])
    with pytest.raises(InvalidInput) as caught:
        RowDecoder(input, strict=True).parse(body)

    assert [(path, f"outside of the range of the notebook's data, {told}")] == list(caught.value.errors)
    assert 1 == RowDecoder(input).parse(body).size


@pytest.mark.parametrize(
    "changes", [{}, {"age": 18}, {"age": 90.0}, {"height": None}, {"height": "-Infinity"}, {"since": "2020-12-31T00:00:00.0"}],
)  # fmt: skip
def test_strict_endpoints_take_what_the_notebook_had(changes: dict[str, Any]) -> None:
    """The bounds themselves, and what was missing or infinite in the notebook's data, fit."""
    assert 1 == RowDecoder(STRICT, strict=True).parse(msgspec.json.encode([fitting_row(STRICT, **changes)])).size


WIDE = st.one_of(
    CELLS, st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 100),
    st.sampled_from(["Infinity", "2020-06-01", "2019-12-31", "2020-02-30", "2020-01-01T00:00:00.123456789", "2020-02-29Z", "now"]),
)  # fmt: skip
LOSSY = Input(
    kind="frame",
    columns=(
        Column(name="narrow", dtype="float32"), Column(name="unsigned", dtype="UInt64", nullable=True),
        Column(name="coarse", dtype="datetime64[s]"), Column(name="sparse", dtype="Sparse[int64, 0]"),
    ),
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(st.integers(0, 3), WIDE, max_size=2), st.sampled_from([STRICT, NUMBERS, LOSSY]), st.booleans())
def test_the_fast_look_agrees_also_where_ranges_are_kept(changes: dict[int, Any], input: Input, strict: bool) -> None:
    """Fast and exact look take and refuse the same, and build the same, whatever is huge, fine, or outside of a range."""
    decoder = RowDecoder(input, strict=strict)
    names = [column.name for column in input.columns]
    body = msgspec.json.encode([fitting_row(input, **{names[at % len(names)]: one for at, one in changes.items()})])
    check_agreement(decoder, body)


def shaped(rows: list[dict[str, Any]], shape: str) -> dict[str, Any]:
    """Write rows in one of the shapes; the last one may lack its last value."""
    names, lists = list(rows[0]), [list(one.values()) for one in rows]
    if shape == "lists":
        return {"rows": lists}
    if shape == "split":
        return {"dataframe_split": {"columns": names, "index": list(range(len(rows))), "data": lists}}
    if shape == "data":
        return {"columns": names, "data": lists}
    return {shape: {name: [one[name] for one in rows if name in one] for name in names}}


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.integers(0, 5), WIDE, max_size=2), st.sampled_from([PEOPLE, STRICT, NUMBERS, LOSSY]),
    st.sampled_from([2, 40]), st.sampled_from(["lists", "split", "data", "columns", "inputs"]),
    st.sampled_from(["whole", "whole", "whole", "short", "renamed"]), st.booleans(),
)  # fmt: skip
def test_the_fast_look_agrees_on_lists_and_columns(
    changes: dict[int, Any], input: Input, count: int, shape: str, kind: str, strict: bool
) -> None:
    """Tables by column and rows as lists are taken, refused and built as the exact look does with an object a row."""
    decoder = RowDecoder(input, strict=strict)
    good = GOOD if input is PEOPLE else fitting_row(input)
    names = list(good)
    rows = [good] * (count - 1) + [good | {names[at % len(names)]: one for at, one in changes.items()}]
    if kind == "short":
        rows[-1] = dict(list(rows[-1].items())[:-1])
    if kind == "renamed" and shape != "lists":
        rows = [{"other" if name == names[0] else name: value for name, value in one.items()} for one in rows]
    body = msgspec.json.encode(shaped(rows, shape))
    try:
        exact = decoder.join([decoder.check(rows, len(body))])
    except InvalidInput:
        with pytest.raises(InvalidInput):
            envelopes.read(body, decoder)
        return

    pd.testing.assert_frame_equal(exact, decoder.join([envelopes.read(body, decoder)]))


@pytest.mark.parametrize("shape", ["lists", "split", "columns"])
def test_lists_and_columns_are_looked_at_fast(shape: str) -> None:
    """What fits by its types alone needs no look at each value, in whichever shape a table comes."""
    decoder = RowDecoder(NUMBERS)
    body = shaped([fitting_row(NUMBERS)] * 40, shape)
    inner = next(iter(body.values()))
    raw = msgspec.json.encode(inner["data"] if shape == "split" else inner)
    part = decoder.parse_columns(raw) if shape == "columns" else decoder.parse_lists(raw)

    assert part is not None
    assert (40, shape == "columns") == (part.size, part.rows is None)


@pytest.mark.parametrize(
    ("body", "path"),
    [({"columns": ["age", "height"], "data": {"rows": [[1, 1.0]]}}, "data"), ({"columns": ["a", "a"], "data": []}, "columns"),
     ({"columns": ["age", "height"], "data": [{"age": 1, "height": 1}]}, "data"), ({"dataframe_split": [1]}, "dataframe_split")],
)  # fmt: skip
def test_the_fast_look_takes_no_other_shape(body: dict[str, Any], path: str) -> None:
    """What is no list of lists is refused where pandas' split is asked for, though it were rows elsewhere."""
    with pytest.raises(InvalidInput) as caught:
        envelopes.read(msgspec.json.encode(body), RowDecoder(NUMBERS))

    assert [path] == [one[0] for one in caught.value.errors]
