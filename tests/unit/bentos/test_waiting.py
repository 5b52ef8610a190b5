"""Async answers are waited for, wherever the question comes from."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jupyter_deploy.bentos.python.endpoint.hints import settled
from jupyter_deploy.bentos.python.endpoint.waiting import is_async


async def later(x: int) -> int:
    """Answer after others had their turn."""
    await asyncio.sleep(0)
    return x + 1


async def one_by_one(x: int) -> AsyncIterator[int]:
    """Answer in parts."""
    for number in range(x):
        yield await later(number)


class Called:
    """Is awaited when it is called."""

    async def __call__(self, x: int) -> int:
        """Answer."""
        return await later(x)


def without_loop(ask: Any) -> Any:
    return ask()


def in_a_thread(ask: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result()


def within_a_loop(ask: Any) -> Any:
    async def here() -> Any:
        return ask()

    return asyncio.run(here())


@pytest.mark.parametrize("place", [without_loop, in_a_thread, within_a_loop])
def test_answers(place: Any) -> None:
    """Coroutines, asynchronous generators and what wraps them give their values: with a loop, without one, and in a thread."""
    assert 4 == place(lambda: settled(later(3)))
    assert [1, 2, 3] == place(lambda: settled(one_by_one(3)))
    assert 4 == place(lambda: settled(Called()(3)))
    assert [1, 2] == place(lambda: settled(x for x in (1, 2)))
    assert "plain" == place(lambda: settled("plain"))


@pytest.mark.parametrize("place", [without_loop, within_a_loop])
def test_one_loop(place: Any) -> None:
    """Calls of one thread share a loop, so that what one of them opened serves the next."""

    async def running() -> Any:
        return asyncio.get_running_loop()

    assert place(lambda: settled(running())) is place(lambda: settled(running()))


def test_errors() -> None:
    """What the awaited code raises is raised."""

    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        settled(fails())


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (later, True), (one_by_one, True), (Called(), True), (Called().__call__, True), (functools.partial(later, 1), True),
        (functools.wraps(later)(lambda x: [later(x)][0]), True), (len, False), (lambda x: x, False), (without_loop, False),
    ],
)  # fmt: skip
def test_is_async(function: Any, expected: bool) -> None:
    """Async functions are known by what they are, through partials and decorators."""
    assert expected is is_async(function)
