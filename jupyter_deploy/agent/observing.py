"""The agent's routes about what is seen of endpoints: the list, samples, and logs as they are written."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from jupyter_deploy import errors
from jupyter_deploy.agent.feed import Feed
from jupyter_deploy.agent.replies import json
from jupyter_deploy.deployer import Deployer
from jupyter_deploy.observe.observer import Observer
from jupyter_deploy.observe.overview import Overviews
from jupyter_deploy.observe.tail import Tail
from jupyter_deploy.values import to_json

LOOKED = "looked"  # what `Feed` tells after each look
LINES = "application/jsonl"
PAUSE = 0.3  # seconds between two looks at a log


class Observing:
    """The routes' functions.

    Args:
        deployer: Knows the endpoints.
        observer: Looks at them.
        feed: Wakes those who follow after each look.
        trouble: Says what did not come up again after the agent started.
    """

    def __init__(self, deployer: Deployer, observer: Observer, feed: Feed, trouble: Callable[[], str]) -> None:
        self._deployer, self._observer, self._feed, self._trouble = deployer, observer, feed, trouble
        self._ending = asyncio.Event()
        self._overviews = Overviews(deployer.store, deployer.target, observer.history, deployer.release)

    def routes(self) -> list[Route]:
        """List the routes."""
        one = "/endpoints/{name}"
        return [
            Route("/summary", self.summary),
            Route(f"{one}/samples", self.samples),
            Route(f"{one}/samples/stream", self.stream),
            Route(f"{one}/logs/stream", self.logs),
        ]

    def end(self) -> None:
        """End what would go on for ever, because the agent ends."""
        self._ending.set()
        self._feed.tell(LOOKED)

    async def summary(self, request: Request) -> Response:
        """Tell of every endpoint in one line, or that nothing has changed since the version that the caller has."""
        self._observer.watch()
        trouble = self._trouble()
        found = self._overviews.known(trouble)
        if found is None:
            found = await run_in_threadpool(self._overviews.read, trouble)
        head = {"etag": f'"{found.version}"', "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == head["etag"]:
            return Response(status_code=304, headers=head)
        return Response(to_json(msgspec.structs.replace(found, now=time.time())), headers=head, media_type="application/json")

    async def samples(self, request: Request) -> Response:
        """Tell what was seen of an endpoint in a time up to now."""
        name, asked = request.path_params["name"], request.query_params
        span, since = _number(asked.get("span", "300")), _number(asked.get("since", "0"))
        found = await run_in_threadpool(self._observer.history.series, name, int(span), since)
        self._observer.watch(name)
        return json(found)

    async def stream(self, request: Request) -> Response:
        """Tell each sample of an endpoint as it is taken, one a second, until the caller leaves or the endpoint is removed."""
        name, since = request.path_params["name"], request.query_params.get("since")
        told = time.time() if since is None else _number(since)
        await run_in_threadpool(self._observer.history.since, name, told)
        return StreamingResponse(self._samples(name, told), media_type=LINES)

    async def logs(self, request: Request) -> Response:
        """Tell the last lines that a release's processes wrote, and then each line as it is written, until the caller leaves."""
        asked = request.query_params
        number = int(_number(asked["release"])) if "release" in asked else None
        tail = await run_in_threadpool(self._tail, request.path_params["name"], number, int(_number(asked.get("lines", "100"))))
        return StreamingResponse(self._written(tail), media_type=LINES)

    async def _samples(self, name: str, told: float) -> AsyncIterator[bytes]:
        self._observer.watch(name)
        async for _ in self._feed.follow(LOOKED):
            if self._ending.is_set():
                return
            self._observer.watch(name)
            told = min(told, time.time())  # the clock may have been set back
            try:
                found = await run_in_threadpool(self._observer.history.since, name, told)
            except errors.UnknownName:  # removed meanwhile
                return
            for sample in found:
                told = sample.at
                yield to_json(sample) + b"\n"

    async def _written(self, tail: Tail) -> AsyncIterator[bytes]:
        while not self._ending.is_set() and (lines := await run_in_threadpool(tail.read)) is not None:
            for line in lines:
                yield to_json(line) + b"\n"
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), PAUSE)

    def _tail(self, name: str, number: int | None, lines: int) -> Tail:
        if number is None:
            newest = next(iter(self._deployer.endpoint(name, most=1).releases), None)
            if newest is None:
                raise errors.UnknownName(f"`{name}` has no release yet.", "Deploy a model to it.")
            number = newest.number
        return Tail(self._deployer.traffics.folder(self._deployer.release(name, number)), lines)


def _number(text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(text)):
            return number
    raise errors.BadInput(f"`{text[:40]}` is no number.", "Give seconds, lines or a release's number in digits.")
