"""Requests that arrive while the model is busy: who is answered with whom, who waits, and who is turned away."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from jupyter_deploy.bentos.python.endpoint import keys
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from jupyter_deploy.bentos.python.endpoint.limits import Limits
from tests.unit.bentos.conftest import SECRET, write_keys

Make = Callable[..., HotPath]
Post = Callable[..., Awaitable[httpx.Response]]


class Gate:
    """A model that sums rows, notes the size of each call, and begins no call before it is let through."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, rows: Any) -> Any:
        """Answer."""
        self.calls.append(len(rows))
        self.entered.set()
        assert self.open.wait(20)
        if (rows < 0).any():
            raise ValueError("negative")
        return rows.sum(axis=1)


def run(app: HotPath, story: Callable[[Post], Awaitable[Any]]) -> Any:
    """Let a story send requests that overlap."""

    async def tell() -> Any:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # httpx names ASGI's types otherwise
        async with httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client:

            async def post(rows: Any, key: str = SECRET) -> httpx.Response:
                body = json.dumps({"rows": rows}, separators=(",", ":"))
                return await client.post("/predict", content=body, headers={"authorization": f"Bearer {key}"})

            return await story(post)

    return asyncio.run(tell())


async def busy(post: Post, gate: Gate) -> asyncio.Task[httpx.Response]:
    """Send a first request, and wait until the model has it."""
    first = asyncio.ensure_future(post([[1, 0, 0]]))
    await asyncio.to_thread(gate.entered.wait, 20)
    return first


async def queued(app: HotPath, number: int) -> None:
    """Wait until so many requests wait."""
    while len(app.batching) != number:  # noqa: ASYNC110 (the queue tells nobody)
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(("batched", "calls"), [(True, [1, 15]), (False, [1, 1, 2, 3, 4, 5])], ids=["proved", "not proved"])
def test_what_waits_is_answered_in_one_call(make_app: Make, batched: bool, calls: list[int]) -> None:
    """Requests of any size are joined where that is proved, in order, and each gets its own rows' answers."""
    gate = Gate()
    app = make_app(gate)
    app.served.board.batch({"predict"} if batched else set())

    async def story(post: Post) -> list[Any]:
        first = await busy(post, gate)
        others = [asyncio.ensure_future(post([[10 * size, row, 0] for row in range(size)])) for size in range(1, 6)]
        await queued(app, 5)
        gate.open.set()
        return [one.json()["predictions"] for one in await asyncio.gather(first, *others)]

    assert [[1.0], *([10.0 * size + row for row in range(size)] for size in range(1, 6))] == run(app, story)
    assert calls == gate.calls


def test_a_row_that_fails_fails_alone(make_app: Make) -> None:
    """Where the model raises at one caller's row, the others of the same call are answered all the same."""
    gate = Gate()
    app = make_app(gate)
    app.served.board.batch({"predict"})

    async def story(post: Post) -> list[int]:
        first = await busy(post, gate)
        others = [asyncio.ensure_future(post([[value, 0, 0]])) for value in (2, -1, 3)]
        await queued(app, 3)
        gate.open.set()
        return [one.status_code for one in await asyncio.gather(first, *others)]

    assert [200, 200, 500, 200] == run(app, story)
    assert [1, 3, 1, 1, 1] == gate.calls


@pytest.mark.parametrize(("limits", "calls"), [({"batch": 4}, [1, 4, 4, 1]), ({"batch_bytes": 60}, [1, 3, 3, 3])])
def test_a_call_has_limits(make_app: Make, limits: dict[str, Any], calls: list[int]) -> None:
    """One call answers no more rows, and no more bytes, than it may."""
    gate = Gate()
    app = make_app(gate, **limits)
    app.served.board.batch({"predict"})

    async def story(post: Post) -> list[int]:
        first = await busy(post, gate)
        others = [asyncio.ensure_future(post([[1, 2, 3]])) for _ in range(9)]
        await queued(app, 9)
        gate.open.set()
        return [one.status_code for one in await asyncio.gather(first, *others)]

    assert [200] * 10 == run(app, story)
    assert calls == gate.calls


def test_who_has_most_waiting_gives_way(make_app: Make) -> None:
    """A full queue turns away the newest request of the greediest key, so that another key's request finds a place."""
    gate, other = Gate(), keys.make_key()
    app = make_app(gate, queue=3)
    write_keys(app.served.keys.path, SECRET, other)  # type: ignore[attr-defined]  # the fixture's keys stand in a file

    async def story(post: Post) -> list[Any]:
        first = await busy(post, gate)
        greedy = [asyncio.ensure_future(post([[1, 2, 3]])) for _ in range(5)]
        await asyncio.wait(greedy, return_when=asyncio.FIRST_COMPLETED)
        modest = asyncio.ensure_future(post([[1, 2, 3]], other))
        while sum(one.done() for one in greedy) < 3:  # noqa: ASYNC110 (one of them, whichever it is)
            await asyncio.sleep(0.001)
        gate.open.set()
        return [await one for one in (first, *greedy, modest)]

    first, *greedy, modest = run(app, story)
    refused = [one for one in greedy if one.status_code == 429]

    assert (200, 200) == (first.status_code, modest.status_code)
    assert [("busy", "1")] * 3 == [(one.json()["code"], one.headers["retry-after"]) for one in refused]
    assert [200, 200] == [one.status_code for one in greedy if one not in refused]


def test_keys_take_turns(make_app: Make) -> None:
    """A request of a key with one waiting is answered before the second of a key with many."""
    gate, other = Gate(), keys.make_key()
    app = make_app(gate)
    write_keys(app.served.keys.path, SECRET, other)  # type: ignore[attr-defined]  # the fixture's keys stand in a file
    order: list[str] = []

    async def story(post: Post) -> None:
        async def ask(name: str, key: str) -> None:
            await post([[1, 2, 3]], key)
            order.append(name)

        first = await busy(post, gate)
        asks = [asyncio.ensure_future(ask(f"greedy {number}", SECRET)) for number in range(4)]
        await queued(app, 4)
        asks.append(asyncio.ensure_future(ask("modest", other)))
        await queued(app, 5)
        gate.open.set()
        await asyncio.gather(first, *asks)

    run(app, story)

    assert ["greedy 0", "modest", "greedy 1", "greedy 2", "greedy 3"] == order


def test_too_many_rows_are_refused_before_the_model(make_app: Make) -> None:
    """A request with more rows than the endpoint takes is refused, and told how many it may have."""
    gate = Gate()
    app = make_app(gate, rows=2)

    async def story(post: Post) -> httpx.Response:
        return await post([[1, 2, 3]] * 3)

    got = run(app, story)

    assert (413, "too_many_rows") == (got.status_code, got.json()["code"])
    assert "at most 2 rows" in got.json()["detail"]
    assert [] == gate.calls


def test_large_bodies_are_looked_at_beside_the_loop(make_app: Make) -> None:
    """Large requests are read in a thread, each answered with its own rows; more than may wait are told to come again."""
    app = make_app(limit=1_000_000, queue=4)

    async def story(post: Post) -> list[httpx.Response]:
        return await asyncio.gather(*(post([[number, 0, 0]] * 2_000) for number in range(12)))

    got = run(app, story)

    assert {200, 429} >= {one.status_code for one in got}
    assert [one.status_code for one in got].count(200) >= 4
    assert all(one.json()["predictions"] == [float(number)] * 2_000 for number, one in enumerate(got) if one.status_code == 200)


def test_quick_requests_of_one_tick_share_a_call(make_app: Make) -> None:
    """Once the model is known to be quick, what arrives together is answered together on the event loop."""
    calls: list[int] = []

    def predict(rows: Any) -> Any:
        calls.append(len(rows))
        return np.asarray(rows).sum(axis=1)

    app = make_app(predict)
    app.served.board.batch({"predict"})

    async def story(post: Post) -> list[Any]:
        await post([[0, 0, 0]])
        answers = await asyncio.gather(*(post([[number, 0, 0]]) for number in range(30)))
        return [one.json()["predictions"] for one in answers]

    assert [[float(number)] for number in range(30)] == run(app, story)
    assert 31 == sum(calls)
    assert len(calls) < 31


def test_limits_have_defaults() -> None:
    """The defaults are those that the documentation tells."""
    limits = Limits()

    assert (16 * 1024 * 1024, 100_000, 10.0, 30.0) == (limits.body, limits.rows, limits.body_seconds, limits.deadline)
