"""A second agent: it speaks the agent's HTTP on the agent's socket, and answers whatever a test has put into it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from jupyter_deploy import __version__
from jupyter_deploy.agent.lifecycle import take_lock
from jupyter_deploy.home import Home
from jupyter_deploy.values import to_json


class Stub:
    """An agent without a store.

    Args:
        version: Which version it says that it has.
    """

    def __init__(self, version: str = __version__) -> None:
        self.answers: dict[str, Any] = {
            "status": {"version": version, "pid": 0, "home": "", "memory": 0, "endpoints": 0, "trouble": ""}
        }
        self.lines: dict[str, list[Any]] = {}
        self.ended = threading.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "DELETE"])])

    async def answer(self, request: Request) -> Response:
        """Answer what was put in, and with 404 whatever was not, as an agent does that knows no such route."""
        path = request.path_params["path"]
        if path == "stop":
            self.ended.set()
            return JSONResponse({})
        if path in self.lines:
            return StreamingResponse(self._follow(path), media_type="application/jsonl")
        if path in self.answers:
            return Response(to_json(self.answers[path]), media_type="application/json")
        return JSONResponse({"detail": "Not Found"}, 404)

    async def _follow(self, path: str) -> AsyncIterator[bytes]:
        for line in self.lines[path]:
            yield to_json(line) + b"\n"


@contextlib.contextmanager
def standing_in(home: Home, stub: Stub) -> Iterator[None]:
    """Let a second agent answer at the socket of a home.

    Args:
        home: The agent's folders.
        stub: The second agent.
    """
    home.make()
    lock = take_lock(home)
    assert lock is not None, "Another agent lives in this home."
    server = uvicorn.Server(uvicorn.Config(stub.app, uds=str(home.agent_socket), log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    ending = threading.Thread(target=_end, args=(stub, server, thread, lock), daemon=True)
    thread.start()
    ending.start()
    end = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < end, "The second agent did not start."
        time.sleep(0.01)
    yield
    stub.ended.set()
    ending.join()


def _end(stub: Stub, server: uvicorn.Server, thread: threading.Thread, lock: int) -> None:
    """Once it is told to, end the server, then give up the lock, as an agent that ends does."""
    stub.ended.wait()
    server.should_exit = True
    thread.join()
    os.close(lock)
