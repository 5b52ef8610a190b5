"""Round trips: what the notebook holds becomes JSON and comes back exactly."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Column, Input, Output

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FLOATS = st.floats()
MOMENTS = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1))  # noqa: DTZ001 (pandas' own range, without a zone)


def integers(dtype: str) -> st.SearchStrategy[int]:
    """Any integer that a dtype holds."""
    return st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "float64": FLOATS,
    "float32": st.floats(width=32),
    "int64": integers("int64"),
    "int8": integers("int8"),
    "uint64": integers("uint64"),
    "bool": st.booleans(),
    "str": TEXTS | st.none(),
    "string": TEXTS | st.none(),
    "Int64": integers("int64") | st.none(),
    "Float64": FLOATS | st.none(),
    "UInt16": integers("uint16") | st.none(),
    "period[D]": st.dates(datetime.date(1700, 1, 1), datetime.date(2250, 1, 1)).map(lambda day: pd.Period(day, "D")) | st.none(),
    "boolean": st.booleans() | st.none(),
    "datetime64[ns]": MOMENTS | st.none(),
    "datetime64[ns, Europe/Berlin]": MOMENTS.map(lambda moment: moment.replace(tzinfo=datetime.timezone.utc)),
    "timedelta64[ns]": st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999)),
    "category": st.sampled_from(["low", "middle", "high"]),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames with up to four columns of any dtype, and at least one row."""
    size = draw(st.integers(1, 4))
    names = draw(st.lists(TEXTS, min_size=1, max_size=4, unique=True))
    columns = {}
    for name in names:
        dtype = draw(st.sampled_from(sorted(COLUMNS)))
        values = draw(st.lists(COLUMNS[dtype], min_size=size, max_size=size))
        columns[name] = pd.Series(values).astype(dtype) if dtype.startswith("datetime") else pd.Series(values, dtype=dtype)
    return pd.DataFrame(columns)


def there_and_back(value: Any) -> Any:
    """Send a model's argument through JSON."""
    described = codec.describe_input(value)
    return codec.decode_rows(codec.to_json({"rows": codec.encode_input(value, described)}), described)


def answered(answer: Any, rows: int, index: Any = None) -> Any:
    """Send a model's answer through JSON."""
    output = codec.describe_output(answer, rows)
    predictions = codec.encode_answer(answer, output)
    assert rows == len(predictions)
    return codec.decode_answer(codec.decode_rows(codec.to_json(predictions), Input(kind="list")), output, index)


@settings(deadline=None, max_examples=150)
@given(frames())
def test_frames_survive(frame: pd.DataFrame) -> None:
    """A frame of any column types comes back equal, types and missing values included."""
    pd.testing.assert_frame_equal(frame, there_and_back(frame), check_exact=True)


@settings(deadline=None, max_examples=100)
@given(frames())
def test_columns_say_the_same_as_rows(frame: pd.DataFrame) -> None:
    """A body by columns gives the frame that the same body by rows gives."""
    described = codec.describe_input(frame)
    rows = codec.encode_input(frame, described)
    by_columns = {column.name: [row[column.name] for row in rows] for column in described.columns}

    got = codec.decode_rows(codec.to_json({"columns": by_columns}), described)

    pd.testing.assert_frame_equal(frame, got, check_exact=True)


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b"], ["a", float("nan")], [None, 1], [1, 2.5, "x"], [True, None], [1.5, None],
        [["nested", 1], {"deep": [None]}],
    ],
)  # fmt: skip
def test_objects_survive(values: list[Any]) -> None:
    """A column of objects keeps its objects, and the very kind of its missing ones."""
    frame = pd.DataFrame({"one": pd.Series(values, dtype=object)})

    got = there_and_back(frame)["one"]

    assert object == got.dtype
    assert [repr(value) for value in values] == [repr(value) for value in got]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["float64", "float32", "int64", "int8", "uint64", "bool"]),
    st.lists(st.integers(1, 3), min_size=0, max_size=3),
    st.integers(1, 3),
    st.data(),
)
def test_arrays_survive(dtype: str, rest: list[int], rows: int, data: st.DataObject) -> None:
    """A numpy array of any rank comes back equal."""
    size = int(np.prod([rows, *rest]))
    array = np.array(data.draw(st.lists(COLUMNS[dtype], min_size=size, max_size=size)), dtype=dtype).reshape(rows, *rest)

    got = there_and_back(array)

    assert array.dtype == got.dtype
    np.testing.assert_array_equal(array, got, strict=True)


@pytest.mark.parametrize(
    "value",
    [
        ["one text", "two"],
        [[1, 2], [3, 4]],
        [[1.5], [2]],
        [{"a": 1}, {"a": None}],
        [1, 2],
        [1.5, 2.0],
        [True],
        ["mixed", 1],
        [[], [1]],
        [{"a", "b"}, set()],
        [1.5, None],
    ],
)
def test_lists_survive(value: list[Any]) -> None:
    """A list of texts, numbers, dicts or lists comes back equal."""
    assert value == there_and_back(value)


@pytest.mark.parametrize("name", ["text", None])
def test_series_survive(name: str | None) -> None:
    """A series keeps its values, dtype and name."""
    series = pd.Series(["a", "b"], name=name)

    pd.testing.assert_series_equal(series, there_and_back(series))


def test_categories_survive() -> None:
    """Categories keep their order, their numbers and their being ordered."""
    frame = pd.DataFrame({
        "sizes": pd.Categorical(["m", None], categories=["s", "m", "l"], ordered=True),
        "codes": pd.Categorical([3, 1], categories=[3, 2, 1]),
    })  # fmt: skip

    pd.testing.assert_frame_equal(frame, there_and_back(frame))


SPARSE = [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array, sparse.csc_array, sparse.coo_array,
          sparse.lil_matrix, sparse.dok_array]  # fmt: skip


@pytest.mark.parametrize("kind", SPARSE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "bool"])
def test_sparse_rows_survive(kind: Any, dtype: str) -> None:
    """A sparse matrix or array of any class comes back as one of that class, with its dtype."""
    matrix = kind(np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]], dtype=dtype))

    got = there_and_back(matrix)

    assert (kind, np.dtype(dtype)) == (type(got), got.dtype)
    np.testing.assert_array_equal(matrix.toarray(), got.toarray())


def test_sparse_rows_are_objects_of_what_is_not_zero() -> None:
    """A wide row of text features is as long as its words, and a caller may send all columns as a list."""
    matrix = sparse.csr_array(([0.5, 0.0, 1.5], ([0, 0, 1], [999_999, 3, 7])), shape=(2, 1_000_000))
    described = codec.describe_input(matrix)

    assert [{"999999": 0.5}, {"7": 1.5}] == codec.encode_input(matrix, described)
    narrow = codec.describe_input(sparse.eye(3).tocsr())
    np.testing.assert_array_equal([[0, 2, 0]], codec.decode_rows(b"[[0, 2, 0]]", narrow).toarray())


def test_an_endpoint_of_arrays_takes_sparse_rows() -> None:
    """Who holds a sparse matrix may ask a model of plain arrays, and the other way round."""
    matrix = sparse.csr_matrix(np.array([[0.0, 2.0]]))
    plain, sparsely = codec.describe_input(matrix.toarray()), codec.describe_input(matrix)

    assert [[0.0, 2.0]] == codec.encode_input(matrix, plain) == codec.encode_input(matrix.toarray(), sparsely)


def test_numbered_columns_stay_numbers() -> None:
    """A frame whose columns are numbered gets numbers back, not texts."""
    frame = pd.DataFrame(np.ones((2, 3)))

    assert [0, 1, 2] == there_and_back(frame).columns.tolist()


@pytest.mark.parametrize(
    "answer",
    [
        np.array([0, 1]), np.array([0.1, np.nan]), np.array([[0.25, 0.75], [1.0, 0.0]]), np.array(["yes", "no"]),
        np.array([True, False]), np.array(["yes", None], dtype=object), np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
        np.array([[1, 2], [3, 4]], dtype="int8"), np.array([[["deep"]], [["er"]]]), np.array([1.5, 2.5], dtype="float32"),
    ],
    ids=lambda answer: f"{answer.dtype}-{answer.ndim}d",
)  # fmt: skip
def test_array_answers_survive(answer: Any) -> None:
    """An array that a model returns comes back with its dtype and shape."""
    got = answered(answer, len(answer))

    assert answer.dtype == got.dtype
    np.testing.assert_array_equal(answer, got, strict=True)


def test_frame_answers_survive() -> None:
    """A frame that a model returns comes back with the index of what was sent."""
    answer = pd.DataFrame({"low": [0.5, None], "label": ["a", "b"], "at": pd.to_datetime(["2020-01-01", None])}, index=[7, 9])

    pd.testing.assert_frame_equal(answer, answered(answer, 2, answer.index))


def test_series_answers_survive() -> None:
    """A series that a model returns comes back with its name and index."""
    answer = pd.Series([1.5, 2.5], name="price", index=["x", "y"])

    pd.testing.assert_series_equal(answer, answered(answer, 2, answer.index), check_index_type=False)


@pytest.mark.parametrize("kind", SPARSE, ids=lambda kind: kind.__name__)
def test_sparse_answers_survive(kind: Any) -> None:
    """A sparse answer comes back as one of its own class, also the missing and infinite numbers in it."""
    answer = kind(np.array([[0.0, np.inf], [np.nan, 0.0]]))

    got = answered(answer, 2)

    assert kind is type(got)
    np.testing.assert_array_equal(answer.toarray(), got.toarray())


def test_probabilities_of_several_outputs_survive() -> None:
    """A list with one array of probabilities for each output is told row by row and comes back as that list."""
    answer = [np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]), np.array([[0.2, 0.3, 0.5]] * 3)]

    got = answered(answer, 3)

    assert 2 == len(got)
    for expected, one in zip(answer, got, strict=True):
        np.testing.assert_array_equal(expected, one)


def test_neighbours_survive() -> None:
    """A tuple of arrays of different kinds, one row of each for each row asked, comes back as that tuple."""
    answer = (np.array([[0.5, 1.0], [0.0, 2.0]]), np.array([[3, 1], [0, 2]]))

    got = answered(answer, 2)

    assert tuple is type(got)
    for expected, one in zip(answer, got, strict=True):
        np.testing.assert_array_equal(expected, one, strict=True)


def test_a_dict_of_columns_survives() -> None:
    """A dict with one answer a row under each name is an object a row, and comes back as that dict."""
    answer = {"mean": np.array([0.5, np.inf]), "label": ["a", None], "several": pd.DataFrame({"x": [1, 2]})}
    output = codec.describe_output(answer, 2)

    assert [
        {"mean": 0.5, "label": "a", "several": {"x": 1}}, {"mean": "Infinity", "label": None, "several": {"x": 2}}
    ] == codec.encode_answer(answer, output)  # fmt: skip
    got = answered(answer, 2)
    assert list(answer) == list(got)
    np.testing.assert_array_equal(answer["mean"], got["mean"], strict=True)
    pd.testing.assert_frame_equal(answer["several"], got["several"])


@pytest.mark.parametrize("answer", [{"total": 3}, {"a": np.ones(2), "b": 1}, {"a": [1]}, {}])
def test_other_dicts_are_one_answer(answer: Any) -> None:
    """A dict that has not one answer a row under each of its names is one answer for the whole request."""
    assert "value" == codec.describe_output(answer, 2).kind


@pytest.mark.parametrize("array", [pd.array([1, None], dtype="Int64"), pd.Categorical(["b", None], ["a", "b"])], ids=str)
def test_arrays_of_pandas_are_columns(array: Any) -> None:
    """An array of pandas' own, which has no index, is a column for callers."""
    pd.testing.assert_series_equal(pd.Series(array), answered(array, 2))
    pd.testing.assert_series_equal(pd.Series(array), there_and_back(array))


@pytest.mark.parametrize(
    "answer",
    [[np.array(["a", "bcd"]), np.array(["e"])], [np.array([1]), np.array([2])], [("a", 1), ()], ("a", "b"), ([1], [2, 3])],
    ids=["texts", "numbers", "tuples", "tuple", "tuple of lists"],
)
def test_lists_of_arrays_and_tuples_survive(answer: Any) -> None:
    """A list with an array or a tuple for each row comes back as that, and so does a tuple with one answer a row."""
    got = answered(answer, 2)

    assert repr(answer) == repr(got)


@pytest.mark.parametrize(("answer", "rows"), [([1, "two"], 2), ({"score": 1.5}, 1), (3, 1), ("text", 1), (None, 1)])
def test_plain_answers_survive(answer: Any, rows: int) -> None:
    """Lists, dicts and scalars come back equal."""
    assert answer == answered(answer, rows)


@given(st.lists(st.none() | st.booleans() | st.floats() | st.lists(st.floats(), max_size=3), max_size=5))
def test_json_is_strict(value: Any) -> None:
    """What is written never holds a bare NaN or Infinity."""
    written = codec.to_json(codec.encode_value(value))

    assert not {b"NaN", b"Infinity"} & set(written.replace(b"[", b",").replace(b"]", b",").split(b","))


def test_numpy_scalars_become_plain() -> None:
    """Scalars of numpy and pandas become JSON's own kinds."""
    given_values = [
        np.int8(3),
        np.float32(0.5),
        np.bool_(True),
        np.str_("x"),
        np.float64("inf"),
        pd.NA,
        pd.NaT,
        np.datetime64("2020-01-01"),
    ]

    assert [3, 0.5, True, "x", None, None, None, "2020-01-01T00:00:00"] == [codec.encode_value(one) for one in given_values]


@pytest.mark.parametrize("value", [b"bytes", 1j, object(), np.array([1j]), [b"x"]])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """Values without a JSON form are refused while the contract is made."""
    with pytest.raises(TypeError, match="JSON cannot hold"):
        codec.describe_input(value)


def test_two_columns_of_one_name_are_refused() -> None:
    """A frame that has no form as objects is refused by name."""
    with pytest.raises(TypeError, match="two columns of one name"):
        codec.describe_input(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_columns_are_described() -> None:
    """A column tells dtype, missing values, categories, range and an example."""
    frame = pd.DataFrame({"age": [18, 90], "plan": pd.Categorical(["b", None], categories=["a", "b"])})

    assert (
        Column(name="age", dtype="int64", minimum=18, maximum=90, example=18),
        Column(name="plan", dtype="category", nullable=True, categories=("a", "b"), example="b"),
    ) == codec.describe_input(frame).columns


def test_arguments_are_described_in_the_order_of_the_function() -> None:
    """A function's arguments stand in its own order; those with a default may be left out, and given though no call gave them."""

    def price(area: float, city: str, discount: float = 0.0, *, rounded: bool = False) -> float:
        return round(area * len(city) * (1 - discount), 0 if rounded else 2)

    described = codec.describe_arguments([{"city": "Rome", "discount": 0.5, "area": 10.0}], price)

    assert [("area", "float", False), ("city", "str", False), ("discount", "float", True), ("rounded", "bool", True)] == [
        (column.name, column.dtype, column.optional) for column in described.columns
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.DataFrame({"a": [1, 2]}), 2),
        (np.ones((3, 2)), 3),
        (["a"], 1),
        ("text", 1),
        ({"a": 1}, 1),
        (5, 1),
        (sparse.eye(4).tocsc(), 4),
    ],
)
def test_rows_are_counted(value: Any, expected: int) -> None:
    """Any container knows its rows; anything else is one row."""
    assert expected == codec.count(value)


@pytest.mark.parametrize(
    "value", [pd.DataFrame({"a": range(5)}), pd.Series(range(5)), np.ones((5, 2)), list(range(5)), sparse.eye(5).tocsc()]
)
def test_first_rows_are_taken(value: Any) -> None:
    """The first rows of any container are a container of the same kind."""
    got = codec.take(value, codec.describe_input(value), 2)

    assert 2 == codec.count(got)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([[1, 2.5]], [{"a": 1, "b": 2.5}]), (np.array([[1, 2.5]]), [{"a": 1.0, "b": 2.5}]),
        ({"a": 1, "b": None}, [{"a": 1, "b": None}]), ([{"b": 2.5, "a": 1}], [{"a": 1, "b": 2.5}]),
    ],
)  # fmt: skip
def test_a_table_may_be_given_in_other_forms(value: Any, expected: list[Any]) -> None:
    """Lists, arrays, a dict and a list of dicts are rows of a table too."""
    described = codec.describe_input(pd.DataFrame({"a": [1], "b": [2.5]}))

    assert expected == codec.encode_input(value, described)


def test_an_array_may_be_given_as_a_frame() -> None:
    """A model of arrays takes a frame's values."""
    described = codec.describe_input(np.ones((1, 2)))

    assert [[1.0, 2.0]] == codec.encode_input(pd.DataFrame({"a": [1.0], "b": [2.0]}), described)


def test_an_answer_for_the_whole_request_is_one_prediction() -> None:
    """What is no container of rows is one prediction, and comes back as itself."""
    output = Output(kind="value")

    assert [{"total": 3}] == codec.encode_answer({"total": 3}, output)
    assert {"total": 3} == codec.decode_answer([{"total": 3}], output)


SALES = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=2), "sold": [1, 2]})


@pytest.mark.parametrize(
    "answers",
    [
        [SALES, SALES[:0], SALES[:1]],
        [np.arange(3), np.arange(1)],
        [np.eye(2, dtype="float32")],
        [pd.Series([1.5, None], name="y"), pd.Series([2.0], name="y")],
    ],
)
def test_each_call_gives_back_its_own_kind(answers: list[Any]) -> None:
    """A function's tables, columns and arrays come back as such, one a call, whatever their length."""
    output = codec.describe_calls(answers)
    sent = json.loads(codec.to_json(codec.encode_answer(answers, output)))

    for expected, got in zip(answers, codec.decode_answer(sent, output), strict=True):
        assert type(expected) is type(got)
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(expected, got, strict=True)
        else:
            assert expected.equals(got)


@pytest.mark.parametrize("answers", [[{"a": 1}, None], [np.eye(2), np.eye(3)], [1, "a"], [[1], (2, 3)]])
def test_calls_with_plain_answers(answers: list[Any]) -> None:
    """Answers that are no tables or arrays of one kind are plain JSON."""
    assert Output(kind="list") == codec.describe_calls(answers)


def test_an_index_is_not_lost_in_silence() -> None:
    """A function's table with an index of its own is refused, and the error says what to do."""
    with pytest.raises(TypeError, match=r"the index of a DataFrame would be lost; return it with `reset_index\(\)`"):
        codec.describe_calls([pd.DataFrame({"a": [1]}, index=["x"])])
