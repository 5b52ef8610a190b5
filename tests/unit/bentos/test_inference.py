"""The Open Inference Protocol, with requests that Triton's own client wrote and answers that it reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from tritonclient.utils import np_to_triton_dtype

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.board import Board
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Manifest, Method
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath, Served, routes_of
from jupyter_deploy.bentos.python.endpoint.keys import Keys
from jupyter_deploy.bentos.python.endpoint.limits import Limits
from jupyter_deploy.bentos.python.endpoint.model import BoundMethod, Model
from tests.unit.bentos.conftest import SECRET, Caller, write_keys

FRAME = pd.DataFrame({"age": [42, 17, 3], "share": [0.5, 2.5, -1.0], "plan": ["a", "b", "a"]})
MATRIX = np.arange(6.0).reshape(2, 3)
Functions = dict[str, tuple[Any, Callable[[Any], Any]]]


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Caller]:
    """Serve functions by name, each with the argument that it was called with in the notebook."""

    def make(functions: Functions) -> Caller:
        methods = {}
        for name, (argument, function) in functions.items():
            output = codec.describe_output(function(argument), codec.count(argument))
            method = Method(name=name, input=codec.describe_input(argument), output=output)
            methods[name] = BoundMethod(method, function)
        contract = Contract(methods=tuple(one.method for one in methods.values()))
        model = Model(Manifest(endpoint="churn", language_version="3", framework="callable"), contract, [], methods)
        keys = Keys(write_keys(tmp_path / "keys.json", SECRET))
        board = Board(routes_of(model), 1)
        app = HotPath(Served(model=model, release="churn@7", state="verified", keys=keys, board=board, limits=Limits()))
        app.slot.ready = True
        return Caller(app)

    return make


def asked(columns: dict[str, np.ndarray], *, binary: bool, outputs: tuple[str, ...] = ()) -> tuple[bytes, dict[str, str]]:
    """Write a request as Triton's client does."""
    inputs = []
    for name, values in columns.items():
        one = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
        one.set_data_from_numpy(values, binary_data=binary)
        inputs.append(one)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs]
    body, length = triton.InferenceServerClient.generate_request_body(inputs, outputs=wanted or None)
    return body, {} if length is None else {"Inference-Header-Content-Length": str(length)}


def answered(got: httpx.Response) -> triton.InferResult:
    """Read an answer as Triton's client does."""
    assert 200 == got.status_code, got.text
    length = got.headers.get("inference-header-content-length")
    return triton.InferenceServerClient.parse_response_body(got.content, header_length=None if length is None else int(length))


def total(frame: pd.DataFrame) -> Any:
    """Add up what is a number in a row."""
    return (frame["age"] + frame["share"]).to_numpy()


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_a_frame_is_a_tensor_a_column(serve: Callable[..., Caller], shape: tuple[int, ...], *, binary: bool) -> None:
    """Columns come by name, of one or two dimensions, in JSON or in binary."""
    columns = {name: FRAME[name].to_numpy(object if name == "plan" else None).reshape(shape) for name in FRAME}
    body, headers = asked(columns, binary=binary, outputs=("predict",))

    got = serve({"predict": (FRAME, total)})("POST", "/v2/models/churn/infer", content=body, headers=headers)

    assert [42.5, 19.5, 2.0] == answered(got).as_numpy("predict").tolist()
    assert ("churn", "7") == (answered(got).get_response()["model_name"], answered(got).get_response()["model_version"])


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint16", "int64", "bool"])
def test_an_array_is_one_tensor(serve: Callable[..., Caller], dtype: str, *, binary: bool) -> None:
    """Every datatype goes there and comes back as it is."""
    sent = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
    body, headers = asked({"anything": sent}, binary=binary or dtype == "float16", outputs=("predict",))  # JSON has no FP16 there

    got = answered(
        serve({"predict": (sent, lambda rows: rows)})("POST", "/v2/models/churn/versions/7/infer", content=body, headers=headers)
    )

    assert (sent.dtype, sent.tolist()) == (got.as_numpy("predict").dtype, got.as_numpy("predict").tolist())


@pytest.mark.parametrize("binary", [True, False])
def test_texts(serve: Callable[..., Caller], *, binary: bool) -> None:
    """Texts are BYTES, in both directions."""
    body, headers = asked({"text": np.array(["ünd", "a\nb", ""], dtype=object)}, binary=binary, outputs=("predict",))

    got = serve({"predict": (["a", "b"], lambda texts: [text.upper() for text in texts])})(
        "POST", "/v2/models/churn/infer", content=body, headers=headers
    )

    assert ["ÜND", "A\nB", ""] == [
        one.decode() if isinstance(one, bytes) else one for one in answered(got).as_numpy("predict").tolist()
    ]


def test_every_method_is_a_model(serve: Callable[..., Caller]) -> None:
    """The first method is the model of the endpoint's name, each one that of its own."""
    call = serve({"predict": (MATRIX, lambda rows: rows.sum(axis=1)), "double": (MATRIX, lambda rows: rows * 2)})
    body, headers = asked({"x": MATRIX}, binary=True)

    def of(model: str) -> Any:
        return call("POST", f"/v2/models/{model}/infer", content=body, headers=headers)

    assert MATRIX.sum(axis=1).tolist() == answered(of("churn")).as_numpy("predict").tolist()
    assert MATRIX.sum(axis=1).tolist() == answered(of("churn.predict")).as_numpy("predict").tolist()
    assert (MATRIX * 2).tolist() == answered(of("churn.double")).as_numpy("double").tolist()
    assert 404 == of("nobody").status_code


def test_a_frame_is_answered_by_column(serve: Callable[..., Caller]) -> None:
    """An answer of several columns is several tensors, of which a caller may ask for some."""
    call = serve({"predict": (FRAME, lambda frame: frame[["plan", "age"]])})
    columns = {name: FRAME[name].to_numpy(object if name == "plan" else None) for name in FRAME}

    whole = answered(call("POST", "/v2/models/churn/infer", content=asked(columns, binary=False)[0]))
    body, headers = asked(columns, binary=True, outputs=("age",))
    some = answered(call("POST", "/v2/models/churn/infer", content=body, headers=headers))

    assert ([b"a", b"b", b"a"], [42, 17, 3]) == (whole.as_numpy("plan").tolist(), whole.as_numpy("age").tolist())
    assert (None, [42, 17, 3]) == (some.as_numpy("plan"), some.as_numpy("age").tolist())


def test_health_and_metadata(serve: Callable[..., Caller]) -> None:
    """What a client asks before it sends anything."""
    call = serve({"predict": (FRAME, total)})
    told = call("GET", "/v2/models/churn").json()

    assert [{"live": True}, {"ready": True}] == [call("GET", f"/v2/health/{one}").json() for one in ("live", "ready")]
    assert [200] * 4 == [
        call("GET", path).status_code
        for path in ("/v2/health/ready", "/v2/models/churn/ready", "/v2/models/churn/versions/7", "/v2")
    ]
    assert [("age", "INT64", [-1]), ("share", "FP64", [-1]), ("plan", "BYTES", [-1])] == [
        (one["name"], one["datatype"], one["shape"]) for one in told["inputs"]
    ]
    assert [{"name": "predict", "datatype": "FP64", "shape": [-1]}] == told["outputs"]
    assert 404 == call("GET", "/v2/models/churn/versions/6").status_code


def tensor(**changed: Any) -> dict[str, Any]:
    """Describe the tensor of two rows of three numbers, with something changed."""
    return {"name": "x", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 4, 5, 6]} | changed


WRONG: dict[str, tuple[int, Any]] = {
    "no JSON": (400, b"{"),
    "no inputs": (400, {}),
    "empty": (422, {"inputs": []}),
    "too few values": (422, {"inputs": [tensor(data=[1])]}),
    "too many values": (422, {"inputs": [tensor(data=list(range(7)))]}),
    "another width": (422, {"inputs": [tensor(shape=[3, 2])]}),
    "no rows": (422, {"inputs": [tensor(shape=[], data=[1])]}),
    "negative": (422, {"inputs": [tensor(shape=[-2, -3])]}),
    "huge": (422, {"inputs": [tensor(shape=[2**40, 2**40], data=[])]}),
    "no such type": (422, {"inputs": [tensor(datatype="FP65")]}),
    "texts": (422, {"inputs": [tensor(data=["a"] * 6)]}),
    "booleans": (422, {"inputs": [tensor(data=[True] * 6)]}),
    "too large a number": (422, {"inputs": [tensor(datatype="INT8", data=[300] * 6)]}),
    "unevenly nested": (422, {"inputs": [tensor(data=[[1, 2, 3], 4, 5, 6])]}),
    "twice": (422, {"inputs": [tensor(), tensor()]}),
    "bytes that are not there": (422, {"inputs": [tensor(data=None, parameters={"binary_data_size": 48})]}),
    "a negative size": (422, {"inputs": [tensor(data=None, parameters={"binary_data_size": -1})]}),
    "no such output": (422, {"inputs": [tensor()], "outputs": [{"name": "nothing"}]}),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body"), WRONG.values(), ids=WRONG.keys())
def test_errors_are_those_of_the_protocol(serve: Callable[..., Caller], status: int, body: Any) -> None:
    """Every refusal is `{"error": ...}` with a status."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    got = serve({"predict": (MATRIX, lambda rows: rows.sum(axis=1))})("POST", "/v2/models/churn/infer", content=content)

    assert (status, {"error"}, "application/json") == (got.status_code, got.json().keys(), got.headers["content-type"])


@pytest.mark.parametrize("length", ["x", "-1", "99999", "0", "1"])
def test_a_wrong_length_of_the_head(serve: Callable[..., Caller], length: str) -> None:
    """The header that says where the binary tensors begin is not trusted."""
    body, _ = asked({"x": MATRIX}, binary=True)

    got = serve({"predict": (MATRIX, lambda rows: rows.sum(axis=1))})(
        "POST", "/v2/models/churn/infer", content=body, headers={"Inference-Header-Content-Length": length}
    )

    assert 400 == got.status_code


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xffab", b"\x01\x00\x00\x00", b"\x01\x00\x00\x00\xff", b"\x00", b""])
def test_wrong_lengths_of_texts(serve: Callable[..., Caller], data: bytes) -> None:
    """A text's length is not trusted."""
    head = json.dumps(
        {"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(data)}}]}
    ).encode()

    got = serve({"predict": (["a"], lambda texts: texts)})(
        "POST", "/v2/models/churn/infer", content=head + data, headers={"Inference-Header-Content-Length": str(len(head))}
    )

    assert 422 == got.status_code


def test_nulls_are_left_out(serve: Callable[..., Caller]) -> None:
    """A client may write null for what it does not say, and further parameters for other servers."""
    body = {
        "id": None,
        "outputs": None,
        "parameters": {"content_type": "np"},
        "inputs": [tensor(parameters=None)],
    }

    got = serve({"predict": (MATRIX, lambda rows: rows.sum(axis=1))})("POST", "/v2/models/churn/infer", json=body)

    assert [6.0, 15.0] == got.json()["outputs"][0]["data"]


def test_strangers_get_no_answer(serve: Callable[..., Caller]) -> None:
    """The protocol's routes need a key as all others do."""
    call = serve({"predict": (MATRIX, lambda rows: rows)})

    assert [401] * 3 == [
        Caller(call.app, "")(method, path).status_code
        for method, path in (("GET", "/v2"), ("GET", "/v2/models/churn"), ("POST", "/v2/models/churn/infer"))
    ]
