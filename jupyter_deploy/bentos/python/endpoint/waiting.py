"""Async functions: an answer that is awaited is waited for, in an event loop of the thread that asks.

Where that thread runs a loop already, as a notebook's kernel does, another thread waits in its place.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import threading
from collections.abc import AsyncIterator, Awaitable
from typing import Any

_here = threading.local()
_beside: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a thread does not outlive a fork


def wait(answer: Any) -> Any:
    """Wait for an answer.

    Args:
        answer: What a function returned.

    Returns:
        What it gives in the end; a list where it is an asynchronous iterator. Anything else is given back as it is.

    Raises:
        Exception: Whatever the awaited code raises.
    """
    if isinstance(answer, AsyncIterator):
        answer = _collected(answer)
    elif not inspect.isawaitable(answer):
        return answer
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _loop().run_until_complete(_awaited(answer))
    return asyncio.run_coroutine_threadsafe(_awaited(answer), _loop_beside()).result()


def is_async(function: Any) -> bool:
    """Say whether a function has to be waited for, as far as it tells.

    Args:
        function: The function, or any object that can be called.

    Returns:
        Whether it is an async function, or calls one that it wraps.
    """
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in _called(function))


def is_generator(function: Any) -> bool:
    """Say whether a function yields its answer piece by piece, as far as it tells.

    Args:
        function: The function, or any object that can be called.

    Returns:
        Whether it is a generator or an asynchronous one, or calls one that it wraps.
    """
    return any(inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in _called(function))


def _called(function: Any) -> tuple[Any, Any]:
    """Give what a call runs: the function within all wrappers, and where that is an object, its method for calls."""
    while isinstance(function, functools.partial):
        function = function.func
    inner = inspect.unwrap(function)
    return inner, getattr(type(inner), "__call__", None)  # noqa: B004 (the method itself is wanted)


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


async def _collected(answers: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in answers]


def _loop() -> asyncio.AbstractEventLoop:
    """Give this thread's loop, which stays, so that what the model keeps open stays open between calls."""
    if getattr(_here, "of", None) != os.getpid():
        _here.of, _here.loop = os.getpid(), asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = _here.loop
    return loop


def _loop_beside() -> asyncio.AbstractEventLoop:
    if os.getpid() not in _beside:
        _beside[os.getpid()] = loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="waiting", daemon=True).start()
    return _beside[os.getpid()]
