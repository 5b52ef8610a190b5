from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import openapi_spec_validator
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from scipy import sparse

from jupyter_deploy.bentos.python.endpoint import codec, openapi, schema
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Golden, Input, Method, Output

FRAME = pd.DataFrame(
    {
        "age": [18, 90],
        "height": [1.5, np.nan],
        "plan": pd.Categorical(["a", None], categories=["a", "b"]),
        "name": ["Ada", None],
        "since": pd.to_datetime(["2020-01-31T00:00", "2021-01-31T10:30"]),
        "seen": pd.to_datetime(["2020-01-31T00:00Z", "2021-01-31T10:30Z"]),
        "score": pd.array([1, None], dtype="Int8"),
    },
    index=["x", "y"],
)
INPUTS: list[Any] = [
    FRAME, FRAME["name"], FRAME["plan"], np.array([[1.0, 2.0], [np.inf, np.nan]]), np.array([[1, 2]], dtype="uint8"),
    np.zeros((2, 3, 4), dtype="float32"), np.array(["a", "bc"]), np.array([["a"], [None]], dtype=object), ["a", "b"],
    [{"a": 1}, {"b": 2}],
    [[1, 2], [3, 4]], [1.5, None], sparse.csr_matrix([[0.0, 1.5], [0.0, 0.0]]), np.array(["2020-01-31"], dtype="datetime64[D]"),
    FRAME.assign(height=[np.inf, 1.0]), pd.DataFrame({0: [1.0], 1: [2.0]}), [True, False], {"a": [1, "x", None]},
]  # fmt: skip


def contract(input: Input, output: Output) -> Contract:
    """Make a contract of one method."""
    return Contract(methods=(Method(name="predict", attribute="predict", input=input, output=output),))


def check(whole: Contract, **instance: Any) -> None:
    """Validate what goes to a method and comes from it."""
    document = json.loads(codec.to_json(schema.document(whole)))
    Draft202012Validator.check_schema(document)
    Draft202012Validator(document).validate({"predict": json.loads(codec.to_json(instance))})
    assert whole == msgspec.convert(document, Contract)
    rows = [Golden(method="predict", rows=instance["rows"], answers=[])] if "rows" in instance else []
    told = json.loads(codec.to_json(openapi.document("churn", "churn@1", whole, rows)))
    openapi_spec_validator.validate({**told, "paths": {"/predict": told["paths"]["/predict"]}})


@pytest.mark.parametrize("value", INPUTS, ids=lambda one: type(one).__name__)
def test_rows_fit_their_schema(value: Any) -> None:
    """Whatever a model takes is described by a schema that its rows fit; the contract is read back from the same document."""
    described = codec.describe_input(value)

    check(contract(described, Output(kind="list")), rows=codec.encode_input(value, described))


@pytest.mark.parametrize("value", INPUTS[:-1], ids=lambda one: type(one).__name__)
def test_answers_fit_their_schema(value: Any) -> None:
    """Whatever a model gives is described by a schema that its answers fit."""
    described = codec.describe_output(value, codec.count(value))
    answers = codec.encode_answer(value, described)

    check(contract(Input(kind="value"), described), predictions=answers)


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ({}, True), ({"age": "18"}, False), ({"age": 18.5}, False), ({"plan": "c"}, False), ({"plan": None}, True),
        ({"name": None}, True), ({"since": None}, False), ({"other": 1}, False), ({"score": 200}, False), ({"age": 1000}, True),
    ],
)  # fmt: skip
def test_a_schema_takes_what_the_endpoint_takes(row: dict[str, Any], fits: bool) -> None:
    """The schema of a table refuses the rows that the endpoint refuses, and the notebook's ranges are no limits."""
    described = codec.describe_input(FRAME)
    given = {**codec.encode_input(FRAME, described)[0], **row}

    assert fits == Draft202012Validator(json.loads(codec.to_json(schema.row(described)))).is_valid(given)
    try:
        codec.decode_rows(codec.to_json([given]), described)
    except codec.InvalidInput:
        assert not fits
    else:
        assert fits


def test_columns_tell_what_was_seen() -> None:
    """Range, example, categories, dtype and dates stand in the schema of a table's column."""
    told = schema.row(codec.describe_input(FRAME))["properties"]

    assert {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1, "x-dtype": "int64", "examples": [18],
            "x-minimum": 18, "x-maximum": 90} == told["age"]  # fmt: skip
    assert ["a", "b", None] == told["plan"]["enum"]
    assert "date-time" == told["seen"]["format"]
    assert "ISO 8601 without a time zone" == told["since"]["description"]


def test_answers_tell_what_they_mean() -> None:
    """Labels are one of the classes; probabilities and features have a number under the name of each column."""
    labels = Output(kind="array", shape=(None,), dtype="<U3", meaning="labels", classes=("no", "yes"))
    chances = Output(kind="array", shape=(None, 2), dtype="float64", meaning="probabilities", classes=("no", "yes"))
    features = Output(kind="array", shape=(None, 1), dtype="int64", meaning="features", names=("age",))
    both = Output(kind="list", parts=(chances, chances))

    assert {"enum": ["no", "yes"]} == schema.answer(labels)
    assert ["no", "yes"] == [one["title"] for one in schema.answer(chances)["prefixItems"]]
    assert ["age"] == [one["title"] for one in schema.answer(features)["prefixItems"]]
    assert 2 == len(schema.answer(both)["prefixItems"])


def test_answers_of_functions_are_told_by_what_they_were() -> None:
    """Where no hint says what a function answers, its answers do."""
    answers = [{"price": 1, "tags": ["a"]}, {"price": 2.5, "tags": [], "why": None}]

    expected = {
        "type": "object",
        "properties": {
            "price": {"type": "number"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "why": {"type": "null"},
        },
        "required": ["price", "tags"],
    }
    assert expected == schema.inferred(answers)
    assert {} == schema.inferred([])


def test_arguments_with_a_default_may_be_left_out() -> None:
    """Only what has no default is required; the defaults are told; further names are allowed where the function takes them."""

    def price(area: float, rooms: int = 3, **more: float) -> float:
        return area * rooms + sum(more.values())

    told = schema.row(codec.describe_hints(price))

    assert ["area"] == told["required"]
    assert 3 == told["properties"]["rooms"]["default"]
    assert {"type": "number"} == told["additionalProperties"]
    check(contract(codec.describe_hints(price), Output(kind="list")), rows=[{"area": 1.5}, {"area": 2, "rooms": 4, "left": 1.0}])


def test_a_contract_of_before_is_read() -> None:
    """A contract without a schema, as older captures hold it, is read as it was."""
    column = {"name": "area", "dtype": "float", "nullable": True}
    method = {"name": "predict", "input": {"kind": "arguments", "columns": [column]}, "output": {"kind": "list"}}

    read = msgspec.convert({"methods": [method]}, Contract)

    assert [{}, {"area": 1.5}] == codec.decode_rows(b'[{}, {"area": 1.5}]', read.methods[0].input)
    check(read, rows=[{"area": None}])


def test_openapi_is_sound_as_a_whole() -> None:
    """The whole document is one of OpenAPI's, with the routes of the inference protocol."""
    described = codec.describe_input(FRAME)
    whole = contract(described, codec.describe_output(np.ones(2), 2))

    openapi_spec_validator.validate(json.loads(codec.to_json(openapi.document("churn", "churn@1", whole, [], arrow=True))))
