"""Bad input: each body that does not fit gets the path and the reason of every place, and never its own values back."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Column, Input
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


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), CELLS, max_size=3), st.sampled_from([PEOPLE, CALLS]))
def test_the_fast_pass_agrees_with_the_exact_one(changes: dict[str, Any], input: Input) -> None:
    """What is decoded fast is what the exact look at every value would give, and it takes nothing that would be refused."""
    body = msgspec.json.encode({"rows": [GOOD | changes]})
    decoder = RowDecoder(input)
    try:
        exact = repr(decoder.join([decoder.check(msgspec.json.decode(body), len(body))]))
    except InvalidInput:
        with pytest.raises(InvalidInput):
            decoder.parse(body)
        return

    assert exact == repr(decoder.join([decoder.parse(body)]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CELLS, max_size=4) | CELLS, max_size=3), st.sampled_from([MATRIX, GAPS, BYTES, TEXTS, SCORES]))
def test_the_fast_pass_agrees_on_arrays(rows: list[Any], input: Input) -> None:
    """What is decoded fast is what the exact look at every value would give, also for arrays and lists."""
    body = msgspec.json.encode(rows)
    decoder = RowDecoder(input)
    try:
        exact = repr(decoder.join([decoder.check(msgspec.json.decode(body), len(body))]))
    except InvalidInput:
        with pytest.raises(InvalidInput):
            decoder.parse(body)
        return

    assert exact == repr(decoder.join([decoder.parse(body)]))


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
