"""Every format of a request is checked by the same contract as JSON, and gives the model the same argument."""

from __future__ import annotations

import datetime
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator
from scipy import sparse

from jupyter_deploy.bentos.python.endpoint import codec, openapi
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Method, Output
from jupyter_deploy.bentos.python.endpoint.formats import READERS, arrow, csvs, npy
from jupyter_deploy.bentos.python.endpoint.rows import RowDecoder

ROOT = Path(__file__).parents[3]
MIXED = pd.DataFrame(
    {
        "age": [42, 17, 3], "share": [0.5, None, -2.25], "short": np.array([1, -1, 0], dtype="int8"), "is_new": [True, False, True],
        "plan": pd.Categorical(["a", "b", "a"]), "name": ["Ada", "Bo", "Çi"],
        "since": pd.to_datetime(["2024-01-31T00:00:00", "2023-05-06T07:08:09", "1999-12-31T00:00:00"]),
        "small": np.array([0.5, 1.5, -1], dtype="float32"), "maybe": pd.array([1, None, 3], dtype="Int64"),
    }
)  # fmt: skip
ARGUMENTS: dict[str, Any] = {
    "mixed frame": MIXED,
    "frame of floats": pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=["x", "y", "z"]),
    "frame numbered": pd.DataFrame(np.arange(6.0).reshape(3, 2)),
    "one column": pd.DataFrame({"text": ["a", "b"]}),
    "polars": pl.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", "y"], "d": [datetime.date(2024, 1, 31)] * 2}),
    "matrix": np.arange(6.0).reshape(2, 3),
    "short matrix": np.arange(6, dtype="float32").reshape(2, 3),
    "whole numbers": np.arange(6).reshape(3, 2),
    "vector": np.array([0.25, 4.0]),
    "series": pd.Series([1.5, 2.5], name="y"),
    "sparse": sparse.csr_matrix(np.array([[0, 1.5], [2.5, 0]])),
    "texts": ["good", 'bad, or "so"', "ünd\nnew"],
    "image": np.arange(12.0).reshape(2, 2, 3),
    "arguments": [{"a": 1, "b": 2.5}, {"a": 3, "b": 4.5}],
}  # fmt: skip


def contract_of(value: Any) -> Any:
    """Describe a model's argument; a list of objects stands for a function's arguments."""
    if isinstance(value, list) and isinstance(value[0], dict):

        def function(a: int, b: float) -> float:
            return a + b

        return codec.describe_arguments(value, function), function
    return codec.describe_input(value), None


def many(value: Any) -> Any:
    """Repeat rows until there are more than are taken as rows."""
    times = 40
    if isinstance(value, pd.DataFrame | pd.Series):
        return pd.concat([value] * times, ignore_index=True)
    if isinstance(value, pl.DataFrame):
        return pl.concat([value] * times)
    if isinstance(value, list):
        return value * times
    return sparse.vstack([value] * times).tocsr() if sparse.issparse(value) else np.concatenate([value] * times)


def table_of(value: Any) -> pa.Table | None:
    """Write a model's argument as Arrow; None where it is no table."""
    if isinstance(value, pd.DataFrame):
        return pa.Table.from_pandas(value.set_axis(map(str, value.columns), axis=1))
    if isinstance(value, pl.DataFrame):
        return value.to_arrow().cast(
            pa.schema([(f.name, pa.string() if "string" in str(f.type) else f.type) for f in value.to_arrow().schema])
        )
    if isinstance(value, pd.Series):
        return pa.table({"y": value.to_numpy()})
    if isinstance(value, list):
        return pa.Table.from_pylist(value) if isinstance(value[0], dict) else pa.table({"text": value})
    dense = value.toarray() if sparse.issparse(value) else value
    if dense.ndim > 2:
        inner = pa.array(dense.reshape(-1))
        for size in reversed(dense.shape[1:]):
            inner = pa.FixedSizeListArray.from_arrays(inner, size)
        return pa.table({"image": inner})
    return pa.table({f"c{place}": column for place, column in enumerate(dense.reshape(len(dense), -1).T)})


def as_arrow(value: Any) -> bytes | None:
    """Write an IPC stream."""
    table = table_of(value)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def as_csv(value: Any) -> bytes | None:
    """Write CSV."""
    if not isinstance(value, pd.DataFrame | pl.DataFrame):
        value = table_of(value).to_pandas()
        if any(isinstance(one, np.ndarray) for one in value.iloc[0]):
            return None
    return (value.write_csv() if isinstance(value, pl.DataFrame) else value.to_csv(index=False)).encode()


def as_npy(value: Any) -> bytes | None:
    """Write a `.npy` file, of numbers or texts alone."""
    dense = value.toarray() if sparse.issparse(value) else value
    array = None if isinstance(value, pl.DataFrame) else np.asarray(dense)
    if array is None or array.dtype.kind == "O":
        return None
    file = io.BytesIO()
    np.save(file, np.asfortranarray(array), allow_pickle=False)
    return file.getvalue()


def json_rows(value: Any, input: Any) -> list[Any]:
    return codec.encode_input(value, input)


def as_columns(value: Any) -> bytes | None:
    """Write JSON by column."""
    if not isinstance(value, pd.DataFrame | pl.DataFrame):
        return None
    input = codec.describe_input(value)
    rows = json_rows(value, input)
    return codec.to_json({"columns": {column.name: [row[column.name] for row in rows] for column in input.columns}})


def as_split(value: Any) -> bytes | None:
    """Write what pandas writes with `orient="split"`."""
    if not isinstance(value, pd.DataFrame | pl.DataFrame):
        return None
    rows = json_rows(value, codec.describe_input(value))
    names = list(rows[0])[::-1]
    return codec.to_json(
        {"columns": names, "index": list(range(len(rows))), "data": [[row[name] for name in names] for row in rows]}
    )


def under(shape: str) -> Callable[[Any], bytes]:
    """Write rows under another name."""

    def write(value: Any) -> bytes:
        return codec.to_json({shape: json_rows(value, contract_of(value)[0])})

    return write


def inner_split(value: Any) -> bytes | None:
    """Write what MLflow's clients send for a frame."""
    split = as_split(value)
    return None if split is None else b'{"dataframe_split": %b, "params": {}}' % split


def as_tensors(value: Any) -> bytes | None:
    """Write what TensorFlow Serving's clients send by column: tensors of one value a row."""
    columns = as_columns(value)
    if columns is None:
        return None
    return codec.to_json({"inputs": {name: [[one] for one in values] for name, values in json.loads(columns)["columns"].items()}})


WAYS: dict[str, tuple[str, Callable[[Any], bytes | None]]] = {
    "arrow": (arrow.MEDIA_TYPE, as_arrow), "csv": (csvs.MEDIA_TYPE, as_csv), "npy": (npy.MEDIA_TYPE, as_npy),
    "columns": ("application/json", as_columns), "split": ("application/json", as_split),
    "instances": ("application/json", under("instances")), "inputs": ("application/json", under("inputs")),
    "records": ("application/json", under("dataframe_records")), "dataframe_split": ("application/json", inner_split),
    "tensors": ("application/json", as_tensors),
}  # fmt: skip


def same(expected: Any, got: Any) -> None:
    """Check that a model could not tell two arguments apart."""
    assert type(expected) is type(got)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(expected, got, check_column_type=True)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(expected, got)
    elif isinstance(expected, pl.DataFrame):
        assert expected.equals(got, null_equal=True) and expected.schema == got.schema
    elif sparse.issparse(expected):
        same(expected.toarray(), got.toarray())
        assert expected.indices.dtype == got.indices.dtype
    elif isinstance(expected, np.ndarray):
        assert (expected.dtype, expected.shape, expected.flags.writeable, expected.flags.c_contiguous) == (
            got.dtype, got.shape, got.flags.writeable, got.flags.c_contiguous
        )  # fmt: skip
        np.testing.assert_array_equal(expected, got)
    else:
        assert expected == got


@pytest.mark.parametrize("amount", ["few", "many"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_format_gives_the_same_argument(name: str, way: str, amount: str) -> None:
    """Whatever format a request has, the model is called with what JSON's rows would have given."""
    value = many(ARGUMENTS[name]) if amount == "many" else ARGUMENTS[name]
    input, function = contract_of(value)
    media, write = WAYS[way]
    body = write(value)
    if body is None:
        return
    decoder = RowDecoder(input, function)
    plain = decoder.join([decoder.parse(codec.to_json({"rows": json_rows(value, input)}))])

    part = READERS[media](body, decoder)

    same(plain, decoder.join([part]))
    assert codec.count(value) == part.size


@pytest.mark.parametrize("way", [way for way, (media, _) in WAYS.items() if media == "application/json"])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_openapi_describes_every_shape(name: str, way: str) -> None:
    """What is sent in any shape of JSON fits what OpenAPI says of the method."""
    value = ARGUMENTS[name]
    body = WAYS[way][1](value)
    if body is None:
        return
    method = Method(name="predict", input=contract_of(value)[0], output=Output(kind="list"))
    told = json.loads(codec.to_json(openapi.document("churn", "churn@1", Contract(methods=(method,)), [])))
    asked = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    Draft202012Validator({**asked, "components": told["components"]}).validate(json.loads(body))


WITHOUT = """
import sys
for name in ("numpy", "pandas", "polars", "pyarrow", "scipy"):
    sys.modules[name] = None
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Method, Output
from jupyter_deploy.bentos.python.endpoint.exchange import Request
from jupyter_deploy.bentos.python.endpoint.formats import exchange_of
from jupyter_deploy.bentos.python.endpoint.inference import Inference
from jupyter_deploy.bentos.python.endpoint.model import BoundMethod
from jupyter_deploy.bentos.python.endpoint.problems import NoReader

def add(a: float, b: int) -> float:
    return a + b

method = Method(name="predict", input=codec.describe_arguments([{"a": 0.5, "b": 1}], add), output=Output(kind="list"))
bound = BoundMethod(method, add)

def ask(exchange, body):
    return exchange.write(bound.ask([exchange.read(body, bound.decoder)])[0], method).decode().split()

def sent(media, accept="application/json"):
    head = [(b"content-type", media.encode()), (b"accept", accept.encode())]
    return exchange_of(method)(Request("POST", "/predict", head))

print(ask(sent("text/csv", "text/csv"), b"a,b\\n1.5,2\\n2.5,3\\n"))
print(ask(sent("application/json"), b'{"instances":[{"a":1.5,"b":2}]}'))
one = {"name": "a", "shape": [1], "datatype": "FP64", "data": [1.5]}
tensors = codec.to_json({"inputs": [one, {**one, "name": "b", "datatype": "INT64", "data": [2]}]})
print(ask(Inference(Request("POST", "/v2", []), "add", "1").exchange(), tensors))
for media in ("application/x-npy", "application/vnd.apache.arrow.stream"):
    try:
        ask(sent(media), b"")
    except NoReader as problem:
        print(problem.status, problem.detail.partition(",")[0])
"""


def test_a_function_needs_no_numpy() -> None:
    """In an environment without numpy and pyarrow, all formats work that need neither, and the others say what is missing."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False, cwd=ROOT)
    expected = [
        "['predict', '3.5', '5.5']", '[\'{"predictions":[3.5]}\']',
        '[\'{"model_name":"add","model_version":"1","outputs":[{"name":"predict","datatype":"BYTES","shape":[1],"data":["3.5"]}]}\']',
        "415 This endpoint reads no arrays", "415 This endpoint reads no Arrow",
    ]  # fmt: skip

    assert expected == done.stdout.splitlines(), done.stderr
