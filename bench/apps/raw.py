"""The ceiling: plain ASGI and msgspec without keys, contract, metrics or request ids, rows of one tick answered in one call.

`uvicorn raw:app` with `MODELS`, the folder of the models, and `SERVED`, the names of those to load; `lr-onnx` is `lr` as ONNX.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np

FOLDER = Path(os.environ["MODELS"])
JSON = [(b"content-type", b"application/json")]
LARGEST = 512  # rows of a call
SLOW = ("rf",)  # these run beside the event loop, and what arrives meanwhile is answered in the next call


class Pair(msgspec.Struct):
    """A row of a+b."""

    a: float
    b: float


class Pairs(msgspec.Struct):
    """A body of a+b."""

    rows: list[Pair]


class Table(msgspec.Struct):
    """A body of a model of numbers."""

    rows: list[list[float]]


class Texts(msgspec.Struct):
    """A body of a model of texts."""

    rows: list[str]


class Batch:
    """Answers what arrived in one tick of the event loop, or while the call before ran, in one call.

    Args:
        predict: Takes the rows and gives an array.
        beside: Whether it runs in a thread.
    """

    def __init__(self, predict: Callable[[list[Any]], Any], beside: bool) -> None:
        self._predict = predict
        self._thread = ThreadPoolExecutor(1) if beside else None
        self._waiting: list[tuple[list[Any], asyncio.Future[list[Any]]]] = []
        self._armed = False

    def __call__(self, rows: list[Any]) -> asyncio.Future[list[Any]]:
        """Answer some rows."""
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting.append((rows, answer))
        if not self._armed:
            self._armed = True
            if self._thread is None:
                loop.call_soon(self._flush)
            else:
                loop.call_soon(lambda: loop.create_task(self._drain()))
        return answer

    def _flush(self) -> None:
        self._armed = False
        while self._waiting:
            taken = self._take()
            _give(taken, self._predict([row for rows, _ in taken for row in rows]).tolist())

    async def _drain(self) -> None:
        while self._waiting:
            taken = self._take()
            rows = [row for rows, _ in taken for row in rows]
            _give(taken, (await asyncio.get_running_loop().run_in_executor(self._thread, self._predict, rows)).tolist())
        self._armed = False

    def _take(self) -> list[tuple[list[Any], asyncio.Future[list[Any]]]]:
        taken, size = [], 0
        while self._waiting and (not taken or size + len(self._waiting[0][0]) <= LARGEST):
            taken.append(self._waiting.pop(0))
            size += len(taken[-1][0])
        return taken


def _give(taken: list[tuple[list[Any], asyncio.Future[list[Any]]]], answers: list[Any]) -> None:
    begin = 0
    for rows, answer in taken:
        if not answer.done():
            answer.set_result(answers[begin : begin + len(rows)])
        begin += len(rows)


async def _added(pairs: list[Pair]) -> list[float]:
    return [pair.a + pair.b for pair in pairs]


def _route(name: str) -> tuple[Any, Callable[[list[Any]], Awaitable[list[Any]]]]:
    workload = name.removesuffix("-onnx")
    if name == "add":
        return msgspec.json.Decoder(Pairs).decode, _added
    decode = msgspec.json.Decoder(Texts if workload == "text" else Table).decode
    return decode, Batch(_predictor(name, workload), beside=name in SLOW)


def _predictor(name: str, workload: str) -> Callable[[list[Any]], Any]:
    if name != workload:
        return _onnx(workload)
    model = joblib.load(FOLDER / f"{name}.joblib")
    if name == "mlp":
        return _torch(model)
    return model.predict if name == "text" else lambda rows: model.predict(np.array(rows))


def _torch(model: Any) -> Callable[[list[Any]], Any]:
    import torch

    torch.set_num_threads(1)

    def predict(rows: list[Any]) -> Any:
        with torch.inference_mode():
            return model(torch.tensor(rows)).numpy()

    return predict


def _onnx(name: str) -> Callable[[list[Any]], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(FOLDER / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    entry, answer = session.get_inputs()[0], session.get_outputs()[0].name
    if name == "text":
        return lambda rows: session.run([answer], {entry.name: np.array(rows, dtype=object).reshape(-1, 1)})[0]
    return lambda rows: session.run([answer], {entry.name: np.array(rows, dtype=np.float32)})[0]


ROUTES = {f"/{name}": _route(name) for name in os.environ["SERVED"].split(",")}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request."""
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    route = ROUTES.get(scope["path"])
    status, answer = 404, b"{}"
    if route is not None:
        status, answer = 200, msgspec.json.encode({"predictions": await route[1](route[0](body).rows)})
    await send({"type": "http.response.start", "status": status, "headers": [*JSON, (b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})
