"""The agent's routes, over its Unix socket.

Whoever can open the socket is the user, for it is readable by its owner alone; so there is no further login. Calls of the deployer
block, so they run in threads; changes of a release come back through `Feed` to those who follow it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from jupyter_deploy import __version__, errors
from jupyter_deploy import home as homes
from jupyter_deploy.agent.acting import Acting
from jupyter_deploy.agent.feed import Feed
from jupyter_deploy.agent.keyring import Keyring
from jupyter_deploy.agent.observing import Observing
from jupyter_deploy.agent.replies import json, problem
from jupyter_deploy.deployer import Deployer
from jupyter_deploy.observe.observer import Observer
from jupyter_deploy.received import Received
from jupyter_deploy.records import RECENT
from jupyter_deploy.values import Capture, Options, from_json, to_json

log = logging.getLogger(__name__)
T = TypeVar("T")


class Deploy(msgspec.Struct, frozen=True):
    """Body of `POST /deploys`."""

    capture: Capture
    options: Options
    environment: dict[str, str] = {}


class Export(msgspec.Struct, frozen=True):
    """Body of `POST /endpoints/{name}/export`."""

    out: str
    number: int | None = None


class Import(msgspec.Struct, frozen=True):
    """Body of `POST /imports`."""

    received: Received
    name: str
    options: Options
    environment: dict[str, str] = {}


class Spare(msgspec.Struct, frozen=True):
    """Body of `POST /spares`."""

    interpreter: str
    path: tuple[str, ...]
    modules: tuple[str, ...]
    owner: int


class Agent:
    """The routes' functions.

    Args:
        deployer: What does the work.
        observer: What looks at the endpoints.
        feed: Wakes those who follow a release.
        port: The port that it was told to serve the endpoints at; None where it chose one itself.
    """

    def __init__(self, deployer: Deployer, observer: Observer, feed: Feed, port: int | None) -> None:
        self.deployer = deployer
        self.feed = feed
        self.port = port
        self.ending = asyncio.Event()
        self.everything = False
        self.trouble = ""
        self.observing = Observing(deployer, observer, feed, lambda: self.trouble)

    def app(self) -> Starlette:
        """Put the routes together.

        Returns:
            The ASGI application.
        """
        one, release = "/endpoints/{name}", "/endpoints/{name}/releases/{number:int}"
        return Starlette(
            routes=[
                Route("/status", self.status),
                Route("/spares", self.warm, methods=["POST"]),
                Route("/deploys", self.deploy, methods=["POST"]),
                Route("/imports", self.adopt, methods=["POST"]),
                Route("/endpoints", self.endpoints),
                Route(one, self.endpoint, methods=["GET"]),
                Route(one, self.remove, methods=["DELETE"]),
                Route(f"{one}/logs", self.logs),
                Route(f"{one}/history", self.history),
                Route(f"{one}/changes", self.changes),
                Route(f"{one}/lock", self.lock),
                Route(f"{one}/export", self.export, methods=["POST"]),
                Route(f"{one}/rollback", self.rollback, methods=["POST"]),
                Route(f"{one}/promote", self.promote, methods=["POST"]),
                Route(f"{one}/stop", self.halt, methods=["POST"]),
                Route(f"{release}/events", self.events),
                Route(f"{release}/golden", self.golden),
                Route(f"{release}/capture", self.capture),
                Route(f"{release}/cancel", self.cancel, methods=["POST"]),
                Route("/targets", self.targets),
                Route("/free", self.free, methods=["POST"]),
                Route("/stop", self.stop, methods=["POST"]),
                *self.observing.routes(),
                *Keyring(self.deployer).routes(),
            ],
            middleware=[Middleware(Acting)],
            exception_handlers={errors.DeployError: problem, OSError: self.disk},
        )

    async def status(self, _: Request) -> Response:
        """Say how the agent is."""
        return json({
            "version": __version__, "pid": os.getpid(),
            "home": str(self.deployer.home.root), "port": self.port, "memory": _memory(),
            "endpoints": len(await run_in_threadpool(self.deployer.store.endpoints)), "trouble": self.trouble,
        })  # fmt: skip

    async def warm(self, request: Request) -> Response:
        """Prepare for a kernel's previews."""
        spare = from_json(await request.body(), Spare)
        await run_in_threadpool(self.deployer.target.warm, spare.interpreter, spare.path, spare.modules, spare.owner)
        return json({})

    async def deploy(self, request: Request) -> Response:
        """Begin to deploy a capture."""
        asked = from_json(await request.body(), Deploy)
        return json(await run_in_threadpool(self.deployer.deploy, asked.capture, asked.options, asked.environment), 201)

    async def adopt(self, request: Request) -> Response:
        """Begin to verify a bundle that was made elsewhere."""
        asked = from_json(await request.body(), Import)
        given = asked.received, asked.name, asked.options, asked.environment
        return json(await run_in_threadpool(self.deployer.adopt, *given), 201)

    async def history(self, request: Request) -> Response:
        """Read what was done to an endpoint."""
        return json(await run_in_threadpool(self.deployer.history, request.path_params["name"]))

    async def changes(self, request: Request) -> Response:
        """Compare two releases."""
        numbers = (request.query_params.get(side) for side in ("old", "new"))
        old, new = (int(number) if number else None for number in numbers)
        return json(await run_in_threadpool(self.deployer.changes, request.path_params["name"], old, new))

    async def lock(self, request: Request) -> Response:
        """Read a release's lock, or lock the same for another machine."""
        number, platform = request.query_params.get("release"), request.query_params.get("platform", "")
        name = request.path_params["name"]
        return json(await run_in_threadpool(self.deployer.lock, name, int(number) if number else None, platform))

    async def export(self, request: Request) -> Response:
        """Write a release's bundle as an archive."""
        asked = from_json(await request.body(), Export)
        return json(await run_in_threadpool(self.deployer.export, request.path_params["name"], asked.number, Path(asked.out)))

    async def endpoints(self, _: Request) -> Response:
        """List what is deployed."""
        return json(await run_in_threadpool(self.deployer.endpoints))

    async def endpoint(self, request: Request) -> Response:
        """Look at one endpoint."""
        most = None if request.query_params.get("all") else RECENT
        return json(await run_in_threadpool(self.deployer.endpoint, request.path_params["name"], most))

    async def remove(self, request: Request) -> Response:
        """End an endpoint."""
        await run_in_threadpool(self.deployer.remove, request.path_params["name"])
        return json({})

    async def logs(self, request: Request) -> Response:
        """Read what an endpoint's processes wrote."""
        number = request.query_params.get("release")
        lines = int(request.query_params.get("lines", "100"))
        found = await run_in_threadpool(self.deployer.logs, request.path_params["name"], lines, int(number) if number else None)
        return json(found)

    async def golden(self, request: Request) -> Response:
        """Send a release's golden rows, from the file as they lie there."""
        found = await run_in_threadpool(self.deployer.golden, request.path_params["name"], request.path_params["number"])
        return FileResponse(found, media_type="application/json")

    async def rollback(self, request: Request) -> Response:
        """Let an older release answer again."""
        to = from_json(await request.body(), dict[str, int | None]).get("to")
        return json(await run_in_threadpool(self.deployer.rollback, request.path_params["name"], to))

    async def promote(self, request: Request) -> Response:
        """Let a newer release answer, or start a stopped endpoint again."""
        to = from_json(await request.body(), dict[str, int | None]).get("to")
        return json(await run_in_threadpool(self.deployer.promote, request.path_params["name"], to))

    async def halt(self, request: Request) -> Response:
        """Let nothing answer any more at an endpoint."""
        return json(await run_in_threadpool(self.deployer.stop, request.path_params["name"]))

    async def capture(self, request: Request) -> Response:
        """Read what was taken from the kernel for a release."""
        return json(await run_in_threadpool(self.deployer.capture, request.path_params["name"], request.path_params["number"]))

    async def targets(self, _: Request) -> Response:
        """List where releases can run."""
        return json(await run_in_threadpool(self.deployer.targets))

    async def cancel(self, request: Request) -> Response:
        """Stop a deploy that is on its way."""
        return json(await run_in_threadpool(self.deployer.cancel, request.path_params["name"], request.path_params["number"]))

    async def events(self, request: Request) -> Response:
        """Follow a release, one JSON line after each change, until it has ended."""
        name, number = request.path_params["name"], request.path_params["number"]
        await run_in_threadpool(self.deployer.release, name, number)
        return StreamingResponse(self._changes(name, number), media_type="application/jsonl")

    async def free(self, _: Request) -> Response:
        """Delete what no release needs."""
        return json(await run_in_threadpool(self.deployer.free))

    async def stop(self, request: Request) -> Response:
        """End the agent, and the endpoints with it if asked; nothing happens if another agent than this one was meant."""
        asked = from_json(await request.body(), dict[str, Any])
        if asked.get("pid") in {None, os.getpid()}:
            self.everything = bool(asked.get("everything", True))
            self.ending.set()
        return json({})

    async def disk(self, request: Request, error: Exception) -> Response:
        """Say that something could not be written."""
        assert isinstance(error, OSError)  # noqa: S101 (Starlette gives only these)
        log.error("a call of the agent met an error of the system", exc_info=error)
        return await problem(request, homes.failed(error, self.deployer.home.root))

    async def _changes(self, name: str, number: int) -> AsyncIterator[bytes]:
        async for _ in self.feed.follow(name, number):
            try:
                release = await run_in_threadpool(self.deployer.release, name, number)
            except errors.UnknownName:  # removed meanwhile
                return
            yield to_json(release) + b"\n"
            if release.ended:
                return


def _memory() -> int:
    """This process's resident memory in bytes; 0 where the system does not say."""
    facts = Path("/proc/self/statm")
    return int(facts.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if facts.exists() else 0
