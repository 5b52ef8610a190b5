"""Other people's clients, unchanged, against a real release behind the real router."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tritonclient.http as triton

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.home import write
from jupyter_deploy.values import Contract, Method, Output
from tests.serving import SECRET, Machine, machine

FRAME = pd.DataFrame({"age": [42, 17], "share": [0.5, 2.5], "plan": ["a", "b"]})


def key(**further: str) -> dict[str, str]:
    """Give the headers of a request; some clients add to them."""
    return {"authorization": f"Bearer {SECRET}", **further}


def scorer() -> Any:
    """Make a model of a table, with an answer that is streamed."""

    class Scorer:
        def predict(self, frame: Any) -> Any:
            return (frame["age"] + frame["share"]).to_numpy()

        def count(self, to: int, pause: float = 0.0) -> Any:
            for number in range(to):
                time.sleep(pause)
                yield number

    return Scorer()


@pytest.fixture(scope="module")
def served() -> Iterator[Machine]:
    """Serve the model behind a router."""
    model = scorer()
    methods = (
        Method(
            name="predict", attribute="predict", input=codec.describe_input(FRAME),
            output=codec.describe_output(model.predict(FRAME), 2),
        ),
        Method(
            name="count", attribute="count", input=codec.describe_arguments([{"to": 3, "pause": 0.0}], model.count),
            output=Output(kind="list", streamed=True),
        ),
    )  # fmt: skip
    with machine() as made:
        launch = made.launch(1, model, deadline=1.0)
        write(Path(launch.folder) / "contract.json", msgspec.json.encode(Contract(methods=methods)))
        write(Path(launch.folder) / "golden.json", b"[]")
        made.target.start(launch)
        made.switch(launch.id, deadline=1.0)
        yield made


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client(served: Machine, *, binary: bool) -> None:
    """Triton's client finds the model alive and ready, reads what it takes, and asks it."""
    url = served.target.url("churn").removeprefix("http://").rstrip("/")
    with triton.InferenceServerClient(url) as client:
        assert client.is_server_live(headers=key())
        assert client.is_server_ready(headers=key())
        assert client.is_model_ready("churn", headers=key())
        inputs = []
        for told in client.get_model_metadata("churn", headers=key())["inputs"]:
            values = FRAME[told["name"]].to_numpy(object if told["datatype"] == "BYTES" else None)
            inputs.append(triton.InferInput(told["name"], list(values.shape), told["datatype"]))
            inputs[-1].set_data_from_numpy(values, binary_data=binary)
        wanted = [triton.InferRequestedOutput("predict", binary_data=binary)]
        got = client.infer("churn", inputs, outputs=wanted, headers=key(), request_id="mine")

    assert ([42.5, 19.5], "mine") == (got.as_numpy("predict").tolist(), got.get_response()["id"])


def test_tritons_client_reads_errors(served: Machine) -> None:
    """What is wrong is told to whoever called in the way that its client reads."""
    url = served.target.url("churn").removeprefix("http://").rstrip("/")
    with triton.InferenceServerClient(url) as client:
        one = triton.InferInput("age", [1], "INT64")
        one.set_data_from_numpy(np.array([1]))
        with pytest.raises(triton.InferenceServerException, match=r"rows\[0\]\.share: missing"):
            client.infer("churn", [one], headers=key())


def test_arrow_there_and_back(served: Machine) -> None:
    """A table goes there and the answer comes back without JSON."""
    table, sink = pa.Table.from_pandas(pd.concat([FRAME] * 500, ignore_index=True)), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    kind = "application/vnd.apache.arrow.stream"
    got = httpx.post(
        f"{served.target.url('churn')}predict", content=sink.getvalue(), headers=key(**{"content-type": kind, "accept": kind})
    )

    assert (200, kind) == (got.status_code, got.headers["content-type"])
    assert [42.5, 19.5] * 500 == pa.ipc.open_stream(got.content).read_all().column("predict").to_pylist()


def test_mlflows_and_tensorflows_shapes(served: Machine) -> None:
    """What MLflow's and TensorFlow Serving's clients send is answered as they expect."""
    url = f"{served.target.url('churn')}predict"
    bodies = [
        {"dataframe_split": json.loads(FRAME.to_json(orient="split"))}, {"dataframe_records": FRAME.to_dict("records")},
        {"instances": FRAME.to_dict("records"), "signature_name": "serving_default"}, {"inputs": FRAME.to_dict("list")},
    ]  # fmt: skip

    assert [{"predictions": [42.5, 19.5]}] * 4 == [httpx.post(url, json=body, headers=key()).json() for body in bodies]


def test_a_stream_outlasts_the_deadline_of_one_answer(served: Machine) -> None:
    """The deadline holds for each item, so a stream may take longer than one answer; its items arrive while it goes on."""
    began, url = time.monotonic(), f"{served.target.url('churn')}count"
    asked = {"json": [{"to": 5, "pause": 0.5}], "headers": key(accept="text/event-stream"), "timeout": 30}
    with httpx.stream("POST", url, **asked) as got:
        arrived = [(line, time.monotonic() - began) for line in got.iter_lines() if line.startswith("data: ")]

    assert [*(f"data: {number}" for number in range(5)), "data: {}"] == [line for line, _ in arrived]
    assert arrived[0][1] < arrived[-1][1]
