"""A generator's items as server-sent events."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.board import Board
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Manifest, Method, Output
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath, Served, routes_of
from jupyter_deploy.bentos.python.endpoint.keys import Keys
from jupyter_deploy.bentos.python.endpoint.limits import Limits
from jupyter_deploy.bentos.python.endpoint.model import BoundMethod, Model
from tests.unit.bentos.conftest import SECRET, Caller, write_keys

EVENTS = {"accept": "text/event-stream"}


def count(to: int) -> Iterator[int]:
    """Count, as a notebook's generator does."""
    yield from range(to)


async def count_waiting(to: int) -> AsyncIterator[int]:
    """Count, and wait between two numbers."""
    for number in range(to):
        await asyncio.sleep(0)
        yield number


async def count_later(to: int) -> Iterator[int]:
    """Give a generator after a while."""
    await asyncio.sleep(0)
    return count(to)


def app_of(function: Callable[..., Any], folder: Path, deadline: float = 30.0) -> HotPath:
    """Serve a function of one number."""
    method = Method(
        name="predict", input=codec.describe_arguments([{"to": 3}], function), output=Output(kind="list", streamed=True)
    )
    model = Model(
        Manifest(endpoint="churn", language_version="3", framework="callable"), Contract(methods=(method,)), [],
        {"predict": BoundMethod(method, function)},
    )  # fmt: skip
    keys = Keys(write_keys(folder / "keys.json", SECRET))
    limits = Limits(deadline=deadline)
    return HotPath(
        Served(model=model, release="churn@7", state="verified", keys=keys, board=Board(routes_of(model), 1), limits=limits)
    )


def events(text: str) -> list[tuple[str, Any]]:
    """Read server-sent events as a browser does."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields.get("event", "message"), json.loads(fields["data"])))
    return found


@pytest.mark.parametrize("function", [count, count_waiting, count_later])
def test_items_are_events(function: Callable[..., Any], tmp_path: Path) -> None:
    """Each item of a generator, of an async one too, is an event, and the end is one."""
    got = Caller(app_of(function, tmp_path))("POST", "/predict", json=[{"to": 3}], headers=EVENTS)

    assert (200, "text/event-stream") == (got.status_code, got.headers["content-type"])
    assert [("message", 0), ("message", 1), ("message", 2), ("end", {})] == events(got.text)


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_who_asks_for_json_gets_a_list(accept: str, tmp_path: Path) -> None:
    """Only who asks for events gets them."""
    got = Caller(app_of(count, tmp_path))("POST", "/predict", json=[{"to": 3}], headers={"accept": accept})

    assert {"predictions": [[0, 1, 2]]} == got.json()


def test_a_failure_midway_is_an_event(tmp_path: Path) -> None:
    """What fails after the first item ends the stream with a problem that says nothing of the inside."""

    def fail(to: int) -> Iterator[int]:
        yield to
        raise ValueError(f"secret {to}")

    got = Caller(app_of(fail, tmp_path))("POST", "/predict", json=[{"to": 3}], headers=EVENTS)
    (_, first), (kind, problem) = events(got.text)

    assert (3, "error", 500, "model_failed") == (first, kind, problem["status"], problem["code"])
    assert "secret" not in got.text


def test_a_failure_before_the_first_item_is_a_status(tmp_path: Path) -> None:
    """Nothing was answered yet, so the status can say it."""

    def fail(to: int) -> Iterator[int]:
        raise ValueError(to)
        yield to

    assert 500 == Caller(app_of(fail, tmp_path))("POST", "/predict", json=[{"to": 3}], headers=EVENTS).status_code


@pytest.mark.parametrize("rows", [[{"to": "x"}], [{"to": 1}, {"to": 2}]])
def test_bad_input_is_refused_before(rows: list[Any], tmp_path: Path) -> None:
    """The contract holds for streams too, and one stream belongs to one row."""
    assert 422 == Caller(app_of(count, tmp_path))("POST", "/predict", json=rows, headers=EVENTS).status_code


def test_a_revoked_key_ends_the_stream(tmp_path: Path) -> None:
    """Between two items the key is looked at again."""
    app = app_of(count, tmp_path)

    def revoking(to: int) -> Iterator[int]:
        yield 0
        write_keys(tmp_path / "keys.json")  # none of them
        time.sleep(0.3)
        yield from range(1, to)

    app.served.model.methods["predict"].__init__(app.served.model.contract.methods[0], revoking)  # type: ignore[misc]
    got = Caller(app)("POST", "/predict", json=[{"to": 9}], headers=EVENTS)

    assert [("message", 0), ("message", 1), ("error", 401)] == [
        (kind, data["status"] if kind == "error" else data) for kind, data in events(got.text)
    ]


def test_a_caller_who_goes_away_ends_the_generator(tmp_path: Path) -> None:
    """What nobody waits for is not made."""
    ended = threading.Event()

    def endless(to: int) -> Iterator[int]:
        try:
            while True:
                yield to
        finally:
            ended.set()

    async def leave() -> None:
        got: list[bytes] = []
        app = app_of(endless, tmp_path)
        body = [{"type": "http.request", "body": b'[{"to":1}]', "more_body": False}]
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if body:
                return body.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            got.append(message.get("body", b""))
            if len(got) > 3:
                gone.set()

        headers = [(b"authorization", f"Bearer {SECRET}".encode()), (b"accept", b"text/event-stream")]
        await app({"type": "http", "method": "POST", "path": "/predict", "headers": headers}, receive, send)
        await asyncio.to_thread(ended.wait)

    asyncio.run(leave())

    assert ended.is_set()
