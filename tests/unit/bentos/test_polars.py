"""polars' tables and columns, as rows and as answers."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal
from sklearn.preprocessing import StandardScaler

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as worker
from jupyter_deploy.bentos.python.endpoint.problems import InvalidInput
from jupyter_deploy.capture import capture

MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 (without a zone on purpose)
COLUMNS = {
    **{str(dtype): pl.Series("x", [1, None], dtype=dtype) for dtype in (pl.Int8, pl.Int64, pl.UInt64, pl.Float32)},
    "missing": pl.Series("x", [1.5, None, float("inf")]),
    "not a number": pl.Series("x", [1.5, float("nan"), float("-inf")]),
    "texts": pl.Series("x", ["a", None, ""]),
    "booleans": pl.Series("x", [True, None]),
    "days": pl.Series("x", [MOMENT.date(), None]),
    **{f"moments in {unit}": pl.Series("x", [MOMENT, None], dtype=pl.Datetime(unit)) for unit in ("us", "ns")},
    "zoned": pl.Series("x", [MOMENT]).dt.replace_time_zone("Europe/Berlin"),
    "times": pl.Series("x", [MOMENT.time(), None]),
    "durations": pl.Series("x", [datetime.timedelta(days=1, microseconds=5), None]),
    "decimals": pl.Series("x", [decimal.Decimal("1.50"), None]),
    "categories": pl.Series("x", ["a", None], dtype=pl.Categorical),
    "known categories": pl.Series("x", ["a", None], dtype=pl.Enum(["b", "a"])),
    "nothing": pl.Series("x", [None, None], dtype=pl.Int64),
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
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_survive(name: str, send: Any) -> None:
    """A column of each dtype comes back equal, in a table and by itself."""
    column = COLUMNS[name]
    table = pl.DataFrame({"x": column, "y": range(len(column))})

    assert_frame_equal(table, send(table))
    assert_series_equal(column, send(column))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pl.DataFrame({"a": [[1]]}), r"polars' List\(Int64\) has no form in JSON; convert it to another dtype \(column `a`\)"),
        (pl.DataFrame({"a": [1]}).lazy(), r"JSON cannot hold a LazyFrame of polars; compute it with `.collect\(\)`"),
    ],
    ids=["list", "lazy"],
)
def test_what_json_would_lose_is_refused(value: Any, message: str) -> None:
    """Nested columns, and tables that were not computed, are refused with what to do."""
    with pytest.raises(TypeError, match=message):
        codec.describe_input(value)


def test_values_that_do_not_fit_are_pointed_at() -> None:
    """A table of polars checks its rows as one of pandas does."""
    described = codec.describe_input(pl.DataFrame({"n": pl.Series([1, 2], dtype=pl.Int8), "at": [MOMENT, MOMENT]}))

    with pytest.raises(InvalidInput) as caught:
        codec.decode_rows(b'[{"n": 300, "at": "2020-01-01T00:00:00+01:00"}, {"n": null, "at": "soon"}]', described)

    assert [
        ("rows[0].n", "outside the range of polars.Int8"),
        ("rows[0].at", "expected a date without a time zone"),
        ("rows[1].n", "expected a whole number, got null"),
        ("rows[1].at", "expected a date as ISO 8601 text"),
    ] == list(caught.value.errors)


def test_a_model_on_polars(tmp_path: Path) -> None:
    """A model that was fitted on polars, and answers in polars, does so from afar."""
    table = pl.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3, 5, 9]})
    model = StandardScaler().set_output(transform="polars").fit(table)
    namespace = {"__name__": "__main__", "model": model, "table": table}
    taken = capture("model", namespace, name="model", folder=tmp_path, cells=[(1, "model.transform(table)")])
    loaded, method = worker.load(tmp_path), taken.contract.methods[0]

    body = codec.to_json(codec.encode_input(table, method.input))
    got = codec.decode_answer(json.loads(loaded.methods["transform"](body))["predictions"], method.output)

    assert not taken.findings
    assert_frame_equal(model.transform(table), got)
