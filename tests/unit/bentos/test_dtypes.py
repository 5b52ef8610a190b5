"""Every dtype of pandas and numpy either survives JSON, as rows and as answers, or is refused with its name."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Column, Input
from jupyter_deploy.bentos.python.endpoint.problems import InvalidInput

NUMBERS = [
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "Int8", "UInt16", "Int64", "float16", "float32",
    "float64", "Float32", "Float64",
]  # fmt: skip
UNITS = ["s", "ms", "us", "ns"]
MOMENT, DAY = datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.date(2020, 1, 2)  # noqa: DTZ001 (without a zone on purpose)
SERIES: dict[str, Any] = {
    **{dtype: pd.Series([1, 2], dtype=dtype) for dtype in NUMBERS},
    "large": pd.Series([2**53 + 1, 2**63 - 1]),
    "larger": pd.Series([2**64 - 1], dtype="uint64"),
    "large and missing": pd.Series([2**53 + 1, None], dtype="Int64"),
    "infinite": pd.Series([np.inf, -np.inf, np.nan, -0.0]),
    "infinite and missing": pd.Series([1.5, None, np.inf], dtype="Float64"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "objects of booleans": pd.Series([True, None], dtype=object),
    "texts": pd.Series(["a", None, ""]),
    "string": pd.Series(["a", None, ""], dtype="string"),
    "string[python]": pd.Series(["a", None], dtype="string[python]"),
    "objects of texts": pd.Series(["a", np.nan, ""], dtype=object),
    "mixed": pd.Series([1, "a", None, 2.5], dtype=object),
    "ordered": pd.Series(pd.Categorical(["a", None], ["b", "a"], ordered=True)),
    "numbered": pd.Series(pd.Categorical([3, None, 1], [3, 2, 1])),
    "measured": pd.Series(pd.Categorical([1.0, 2.5])),
    **{
        f"datetime64[{unit}]": pd.Series(pd.to_datetime(["2020-01-01T12:30:01", None])).astype(f"datetime64[{unit}]")
        for unit in UNITS
    },
    **{
        f"timedelta64[{unit}]": pd.Series(pd.to_timedelta(["1 days 02:00:01", None])).astype(f"timedelta64[{unit}]")
        for unit in UNITS
    },
    "zoned": pd.Series(pd.to_datetime(["2020-01-01T00:00", None])).dt.tz_localize("Europe/Berlin"),
    "fixed": pd.Series(pd.to_datetime(["2020-01-01T00:00+02:00"])),
    **{f"period[{freq}]": pd.Series([pd.Period("2020-01-05", freq), pd.NaT]) for freq in ("M", "W", "Q", "D", "h")},
    "decimals": pd.Series([decimal.Decimal("1.50"), None]),
    "days": pd.Series([DAY, None]),
    "moments": pd.Series([MOMENT, None], dtype=object),
    "zoned moments": pd.Series([MOMENT.replace(tzinfo=datetime.timezone.utc)], dtype=object),
    "timestamps": pd.Series([pd.Timestamp(MOMENT), None], dtype=object),
    "times": pd.Series([datetime.time(1, 2), None]),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 1.5, 0])),
    "sparse integers": pd.Series(pd.arrays.SparseArray([0, 1, 0])),
    "sparse booleans": pd.Series(pd.arrays.SparseArray([False, True])),
    "sparse and missing": pd.Series(pd.arrays.SparseArray([np.nan, 1.5])),
    "lists": pd.Series([[1, 2], []]),
    "dicts": pd.Series([{"a": 1, "b": [None]}]),
}


def there_and_back(value: Any) -> Any:
    """Send a model's argument through JSON."""
    described = codec.describe_input(value)
    return codec.decode_rows(codec.to_json({"rows": codec.encode_input(value, described)}), described)


def answered(answer: Any) -> Any:
    """Send a model's answer through JSON."""
    output = codec.describe_output(answer, len(answer))
    return codec.decode_answer(json.loads(codec.to_json(codec.encode_answer(answer, output))), output)


@pytest.mark.parametrize("send", [there_and_back, answered])
@pytest.mark.parametrize("name", SERIES)
def test_columns_survive(name: str, send: Any) -> None:
    """A column keeps dtype, values, and the types of objects, in a table and by itself."""
    frame = pd.DataFrame({"one": SERIES[name], "two": 1})
    pd.testing.assert_series_equal(frame["one"], send(frame["one"]), check_exact=True)

    got = send(frame)

    pd.testing.assert_frame_equal(frame, got, check_exact=True)
    assert [type(one) for one in frame["one"]] == [type(one) for one in got["one"]]


ARRAYS: dict[str, Any] = {
    "float16": np.array([1.5, np.nan, np.inf], dtype="float16"),
    "texts": np.array(["a", "bcd"]),
    **{
        f"datetime64[{unit}]": np.array(["2020-01-02", "NaT"], dtype=f"datetime64[{unit}]") for unit in ("Y", "M", "D", "h", *UNITS)
    },
    "finest": np.array(["2020-01-02T03:04:05.123456789"], dtype="datetime64[ns]"),
    "far": np.array(["0900-01-01", "9999-12-31"], dtype="datetime64[D]"),
    **{f"timedelta64[{unit}]": np.array([[1, 2]], dtype=f"timedelta64[{unit}]") for unit in ("D", "h", *UNITS)},
    "objects": np.array(["a", None, 1.5], dtype=object),
    "objects of days": np.array([DAY], dtype=object),
    "objects of decimals": np.array([[decimal.Decimal("1.5"), decimal.Decimal(2)]], dtype=object),
    "images": np.arange(48, dtype="uint8").reshape(2, 2, 4, 3),
    "infinite": np.array([[np.inf, -np.inf], [np.nan, -0.0]]),
    "no columns": np.zeros((2, 0)),
    "booleans": np.array([[True, False]]),
}
if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
    ARRAYS["strings"] = np.array(["a", "bcd"], dtype=np.dtypes.StringDType())
    ARRAYS["strings and missing"] = np.array(["a", np.nan], dtype=np.dtypes.StringDType(na_object=np.nan))


@pytest.mark.parametrize("send", [there_and_back, answered])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_survive(name: str, send: Any) -> None:
    """An array keeps dtype, shape and values."""
    array = ARRAYS[name]

    got = send(array)

    assert (type(array), array.dtype, array.shape, repr(array)) == (type(got), got.dtype, got.shape, repr(got))


REFUSED: dict[str, tuple[Any, str]] = {
    "intervals": (pd.DataFrame({"bin": pd.interval_range(0, 2)}), r"JSON cannot hold a .*Interval \(column `bin`\)"),
    "cut": (
        pd.DataFrame({"bin": pd.cut(pd.Series([1, 5]), 2)}),
        "JSON cannot hold categories of type Interval; make texts of them",
    ),
    "days as categories": (pd.DataFrame({"d": pd.Categorical([DAY])}), "categories of type date"),
    "bytes": (pd.DataFrame({"raw": [b"x"]}), r"JSON cannot hold a builtins.bytes \(column `raw`\)"),
    "nested bytes": (pd.DataFrame({"raw": [[{"a": b"x"}]]}), r"JSON cannot hold a builtins.bytes \(column `raw`\)"),
    "complex": (pd.DataFrame({"z": [1j]}), r"JSON cannot hold values of complex128 \(column `z`\)"),
    "numpy's bytes": (np.array([b"a"]), "JSON cannot hold values of |S1"),
    "records": (np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), "JSON cannot hold values of"),
    "long floats": (np.array([1.5], dtype=np.longdouble), "JSON cannot hold values of"),
    "masked": (np.ma.array([1.0, 2.0], mask=[0, 1]), r"JSON cannot hold a masked array; fill it, such as with `.filled"),
    "levels": (pd.DataFrame([[1, 2]], columns=[["a", "a"], ["x", "y"]]), "several levels of columns"),
    "tuples as names": (
        pd.DataFrame([[1]], columns=pd.Index([("a", 1)], tupleize_cols=False)),
        "a column of the frame is named by a tuple",
    ),
    "mixed names": (pd.DataFrame([[1, 2]], columns=["a", 1]), "a column of the frame is named by a int"),
    "dates as names": (pd.DataFrame([[1]], columns=pd.to_datetime(["2020-01-01"])), "is named by a Timestamp"),
}


@pytest.mark.parametrize("describe", [codec.describe_input, lambda value: codec.describe_output(value, len(value))])
@pytest.mark.parametrize("name", REFUSED)
def test_what_json_would_lose_is_refused(name: str, describe: Any) -> None:
    """What has no form in JSON is refused by its name, and that of its column."""
    value, message = REFUSED[name]
    if isinstance(value, np.ndarray) and value.dtype == np.float64 and not isinstance(value, np.ma.MaskedArray):
        pytest.skip("long floats are plain ones here")

    with pytest.raises(TypeError, match=message):
        describe(value)


WRONG: list[tuple[str, Any, str]] = [
    ("period[M]", "soon", "expected a period as ISO 8601 text"),
    ("object[time]", "25:00", "expected a time of day as ISO 8601 text"),
    ("object[date]", "2020-02-31", "expected a date as ISO 8601 text"),
    ("object[decimal]", "a lot", "expected a decimal number as text"),
    ("object[decimal]", True, "expected a decimal number as text, got a boolean"),
    ("Sparse[int8, 0]", 300, "outside the range of Sparse[int8, 0]"),
    ("Sparse[float64, 0]", "x", "expected a number, got a string"),
]


@pytest.mark.parametrize(("dtype", "value", "message"), WRONG)
def test_values_that_do_not_fit_are_pointed_at(dtype: str, value: Any, message: str) -> None:
    """A text that is no period, time or decimal number is named by its place."""
    described = Input(kind="frame", columns=(Column(name="one", dtype=dtype),))

    with pytest.raises(InvalidInput) as caught:
        codec.decode_rows(codec.to_json([{"one": value}]), described)

    assert [("rows[0].one", message)] == list(caught.value.errors)


def test_a_decimal_may_be_sent_as_a_number() -> None:
    """Who has a plain number may send it where the notebook has decimals."""
    described = codec.describe_input(pd.DataFrame({"price": [decimal.Decimal("1.50")]}))

    assert [decimal.Decimal("12.5"), decimal.Decimal(3)] == codec.decode_rows(b'[{"price": 12.5}, {"price": 3}]', described)[
        "price"
    ].tolist()


@pytest.mark.parametrize("frame", [pd.DataFrame(np.ones((2, 3))), pd.DataFrame({1.5: [1], 2.5: [2]}), pd.Series([1, 2], name=0)])
def test_names_that_are_numbers_survive(frame: Any) -> None:
    """Columns and series that are named by numbers get numbers back."""
    for send in (there_and_back, answered):
        got = send(frame)
        (pd.testing.assert_series_equal if frame.ndim == 1 else pd.testing.assert_frame_equal)(frame, got)


def test_a_table_without_columns_keeps_its_rows() -> None:
    """A selection that selected nothing still has an answer for each row."""
    frame = pd.DataFrame(index=range(3))

    pd.testing.assert_frame_equal(frame, answered(frame), check_column_type=False)


def test_numbers_of_another_byte_order_are_plain_numbers() -> None:
    """How a number lies in memory is nothing that JSON tells."""
    assert "float64" == codec.describe_input(np.array([1.5], dtype=">f8")).dtype
    assert "float64" == codec.describe_input(pd.DataFrame({"a": np.array([1.5], dtype=">f8")})).columns[0].dtype


def test_ten_thousand_columns() -> None:
    """A very wide table comes back equal, whether its columns are of one kind or of several."""
    wide = pd.DataFrame(np.arange(20_000.0).reshape(2, 10_000), columns=[f"c{at}" for at in range(10_000)])

    narrow = wide.iloc[:, :100].assign(c7=[np.nan, 1.0], c8=np.nan, c9=[np.inf, 0.0], c10=[2, 3])
    assert codec.describe_input(narrow).columns == codec.describe_input(narrow.assign(last=0)).columns[:-1]
    for frame in (wide, pd.concat([wide, pd.DataFrame({"label": ["a", "b"]})], axis=1)):
        pd.testing.assert_frame_equal(frame, there_and_back(frame))
