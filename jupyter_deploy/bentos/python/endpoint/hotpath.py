"""The routes of an endpoint as a plain ASGI application, in front of BentoML's where there is one.

A prediction passes through none of BentoML's layers: 46 µs instead of 2,000 and more. Whatever this application does not answer
itself (documentation, the schema for BentoML's client) goes on to the inner one, and never before the key was checked.
"""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from . import codec, log, metrics, openapi, page, schema
from .board import Board
from .calls import Calls
from .exchange import JSON, Headers, Request
from .limits import Limits
from .model import Model
from .problems import BodyTooLarge, ModelFailed, NoSuchRoute, NotJson, Problem, Unauthorized, WrongMethod
from .routes import LIVE, READY, is_inference, routes_by_path, told

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Reply = tuple[int, Headers, bytes]

PROBLEM: Headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
ANONYMOUS = frozenset({"/", "/livez", "/readyz"})
OTHER = "other"  # the route under which everything is counted that is no method of the model
PASSED_ON = re.compile(r"/(docs|schema\.json|healthz|static_content/[\w./-]+)")  # to BentoML
OWN_SCRIPTS = b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


class Checker(Protocol):
    """Whatever says whose key a secret is."""

    def check(self, secret: str) -> str | None:
        """Say whose key a secret is, or None."""
        ...


@dataclass(frozen=True)
class Served:
    """What the application serves, and on which terms.

    Args:
        model: The model.
        release: The release's name, such as `churn@7`.
        state: `preview` or `verified`.
        keys: Who may call.
        board: Where it is counted.
        limits: What it takes, and for how long.
    """

    model: Model
    release: str
    state: str
    keys: Checker
    board: Board
    limits: Limits


def routes_of(model: Model) -> tuple[str, ...]:
    """List the routes that are counted apart.

    Args:
        model: The model.

    Returns:
        Its methods, and one name for all else.
    """
    return (*model.methods, OTHER)


class HotPath:
    """The application of one worker.

    Args:
        served: What it serves.
        inner: BentoML's application, where there is one.
    """

    def __init__(self, served: Served, inner: Asgi | None = None) -> None:
        self.served = served
        self.inner = inner
        self._routes = routes_by_path(served.model, served.release)
        self._common: Headers = [(b"jd-release", served.release.encode()), (b"jd-state", served.state.encode())]
        self._statics: dict[str, Callable[[], Reply]] = {
            "/": self._page, "/livez": lambda: (200, JSON, b'{"status":"ok"}'), "/readyz": self._readyz, "/metrics": self._metrics,
            "/contract.json": lambda: (200, JSON, self._contract), "/docs.json": lambda: (200, JSON, self._openapi),
            LIVE: lambda: (200, JSON, b'{"live":true}'), READY: self._readyz,
        }  # fmt: skip
        for path, text in told(served.model, served.release).items():
            self._statics[path] = functools.partial(_static, text)
        self._contract, self._openapi = _contract(served), _openapi(served)
        self.start(0)

    def start(self, worker: int) -> None:
        """Take a worker's place, after the fork.

        Args:
            worker: Its number, from 0.
        """
        self.slot = self.served.board.slot(worker)
        self._calls = Calls(self.slot, self.served.limits.deadline)
        self._ids = os.urandom(6).hex()
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it.

        Args:
            scope: What is asked.
            receive: Gives the body.
            send: Takes the answer.
        """
        if scope["type"] != "http":
            await self._unusual(scope, receive, send)
            return
        began = time.perf_counter()
        request = Request(scope["method"], scope["path"], scope["headers"])
        if not request.id:
            self._number += 1
            request.id = b"%s%06x" % (self._ids.encode(), self._number)
        try:
            reply = await self._answer(request, scope, receive, send)
        except Problem as problem:
            reply = _problem(problem, request)
        if reply is not None:
            await self._send(reply, request, send)
            route = self._routes.get(request.path)
            self.slot.answered(route.method.method.name if route else OTHER, reply[0], time.perf_counter() - began)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> Reply | None:
        anonymous = request.path in ANONYMOUS and request.method in ("GET", "HEAD")
        if not anonymous and self.served.keys.check(request.secret) is None:
            raise Unauthorized
        route = self._routes.get(request.path)
        if route is not None and request.method == "POST":
            exchange = route.exchange(request)
            body = await self._body(request, receive)
            return None if body is None else (200, exchange.headers, await self._calls.call(route.method, body, exchange))
        return await self._get(request, scope, receive, send)

    async def _get(self, request: Request, scope: Scope, receive: Receive, send: Send) -> Reply | None:
        static = self._statics.get(request.path)
        inner = self.inner if static is None and PASSED_ON.fullmatch(request.path) else None
        if static is None and inner is None:
            if request.path in self._routes:
                raise WrongMethod("POST")
            own = (path for path in self._routes if not is_inference(path))
            raise NoSuchRoute(f"There are: {', '.join(f'POST {path}' for path in own)}.")
        if request.method not in ("GET", "HEAD"):
            raise WrongMethod("GET")
        if static is not None:
            return static()
        if inner is not None:
            await self._pass_on(inner, request, scope, receive, send)
        return None

    async def _body(self, request: Request, receive: Receive) -> bytes | None:
        if request.encoding not in (b"", b"identity"):
            raise NotJson("Send the body without a content-encoding.")
        if request.length > self.served.limits.body:
            raise BodyTooLarge(f"A body has at most {self.served.limits.body} bytes.")
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.served.limits.body:
                raise BodyTooLarge(f"A body has at most {self.served.limits.body} bytes.")
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _send(self, reply: Reply, request: Request, send: Send) -> None:
        status, headers, body = reply
        head = [*headers, (b"content-length", b"%d" % len(body)), *self._common, (b"jd-request-id", request.id)]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def _pass_on(self, inner: Asgi, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """Let BentoML answer; its page stands at `/`, ours at `/docs` shows it."""
        path = "/" if request.path == "/docs" else request.path
        added = [*self._common, (b"jd-request-id", request.id), (b"content-security-policy", OWN_SCRIPTS)]

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *added]
                self.slot.answered(OTHER, message["status"], 0.0)
            await send(message)

        await inner({**scope, "path": path, "raw_path": path.encode()}, receive, marked)

    async def _unusual(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            if self.inner is not None:
                await self.inner(scope, receive, send)
                return
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    def _page(self) -> Reply:
        return 200, page.HEADERS, page.SHELL

    def _readyz(self) -> Reply:
        return (200, JSON, b'{"status":"ready"}') if self.slot.ready else (503, JSON, b'{"status":"starting"}')

    def _metrics(self) -> Reply:
        text = metrics.exposition(self.served.board, self.served.release, self.served.state)
        return 200, [(b"content-type", metrics.CONTENT_TYPE)], text


def _static(text: bytes) -> Reply:
    return 200, JSON, text


def _problem(problem: Problem, request: Request) -> Reply:
    headers = [*PROBLEM, *problem.headers]
    if isinstance(problem, WrongMethod):
        headers.append((b"allow", problem.allowed.encode()))
    if isinstance(problem, ModelFailed):
        log.failure("model_failed", problem, request_id=request.id.decode(), method=request.path[1:])
    made = problem.body(request.id.decode())
    if is_inference(request.path):
        headers[0] = JSON[0]
        places = [f"{one['path']}: {one['message']}" for one in made.get("errors", ())]
        made = {"error": " ".join([made.get("detail") or f"{made['title']}.", *places])}
    return problem.status, headers, codec.to_json(made)


def _contract(served: Served) -> bytes:
    """What the page and the clients read: the contract as a schema, with the release's name and rows to try."""
    contract = served.model.contract
    tried = {method.name: {"rows": openapi.examples(method, served.model.golden)} for method in contract.methods}
    about = {"endpoint": served.model.manifest.endpoint, "release": served.release, "state": served.state}
    return codec.to_json({**about, **schema.document(contract), "examples": [tried]})


def _openapi(served: Served) -> bytes:
    model = served.model
    return codec.to_json(openapi.document(model.manifest.endpoint, served.release, model.contract, model.golden))
