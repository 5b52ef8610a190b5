"""The routes of an endpoint as a plain ASGI application, in front of BentoML's where there is one.

A prediction passes through none of BentoML's layers: 46 µs instead of 2,000 and more. Whatever this application does not answer
itself (documentation, the schema for BentoML's client) goes on to the inner one, and never before the key was checked.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from . import codec, metrics, openapi, page, schema, streams
from .batching import Batching
from .board import Board
from .exchange import JSON, Exchange, Headers, Request, Route
from .formats import has_arrow
from .limits import Limits
from .model import BoundMethod, Model
from .problems import BodyTooLarge, NoSuchRoute, NotJson, Problem, RequestTimeout, WrongMethod
from .quarantine import digest
from .refusals import Reply, document, refusal
from .routes import LIVE, READY, is_inference, routes_by_path, told
from .turns import Job, Result

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

ANONYMOUS = frozenset({"/", "/livez", "/readyz"})
OTHER = "other"  # the route under which everything is counted that is no method of the model
PASSED_ON = re.compile(r"/(docs|schema\.json|healthz|static_content/[\w./-]+)")  # to BentoML
OWN_SCRIPTS = b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


class Checker(Protocol):
    """Whatever says whose key a secret is, and what it may do."""

    def start(self, worker: int) -> None:
        """Count as one of the workers."""
        ...

    def admit(self, secret: str, method: str = "") -> str:
        """Give the id of the key, or raise a `Problem` where it may not call that method, or not read what is no method."""
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

    Attributes:
        slot: Where this worker counts.
        batching: Asks the model.
        targets: The routes that are posted to, by what stands in a request's first line.
        signature: The headers that every answer has, as they are written.
    """

    def __init__(self, served: Served, inner: Asgi | None = None) -> None:
        self.served = served
        self.inner = inner
        for method in served.model.methods.values():
            method.decoder.most = served.limits.rows
        self._routes = routes_by_path(served.model, served.release)
        self.targets = {path.encode(): one for path, one in self._routes.items() if not one.method.method.output.streamed}
        self.signature = b"jd-release: %b\r\njd-state: %b\r\n" % (served.release.encode(), served.state.encode())
        self._common: Headers = [(b"jd-release", served.release.encode()), (b"jd-state", served.state.encode())]
        self._statics: dict[str, Callable[[], Reply]] = {
            "/": self._page, "/livez": lambda: (200, JSON, b'{"status":"ok"}'), "/readyz": self._readyz, "/metrics": self._metrics,
            "/contract.json": lambda: (200, JSON, self._contract), "/docs.json": lambda: (200, JSON, self._openapi),
            LIVE: lambda: (200, JSON, b'{"live":true}'), READY: self._ready,
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
        self.served.keys.start(worker)
        self.batching = Batching(self.slot, self.served.limits)
        self._ids = os.urandom(6).hex().encode()
        self._number = 0

    def end(self) -> None:
        """Finish what is beside the answers, before the worker ends."""

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
        began = time.monotonic()
        request = self.identified(Request(scope["method"], scope["path"], scope["headers"]))
        try:
            reply = await self._answer(request, began, scope, receive, send)
        except Problem as problem:
            reply = refusal(problem, request)
        if reply is not None:
            route = self._routes.get(request.path)
            self.slot.answered(route.method.method.name if route else OTHER, reply[0], time.monotonic() - began)
            await self._send(reply, request, send)

    def identified(self, request: Request) -> Request:
        """Give a request an id where its caller gave it none.

        Args:
            request: The request.

        Returns:
            The same.
        """
        if not request.id:
            self._number += 1
            request.id = b"%b%06x" % (self._ids, self._number)
        return request

    def authorized(self, request: Request, route: Route | None = None) -> str:
        """Find out whose key a request comes with, and count it.

        Args:
            request: Its head.
            route: The method of the model that it calls; None for all else.

        Returns:
            The key's id.

        Raises:
            Problem: If it opens nothing, or not this.
        """
        return self.served.keys.admit(request.secret, route.method.method.name if route else "")

    async def _answer(self, request: Request, began: float, scope: Scope, receive: Receive, send: Send) -> Reply | None:
        route = self._routes.get(request.path) if request.method == "POST" else None
        anonymous = request.path in ANONYMOUS and request.method in ("GET", "HEAD")
        caller = "" if anonymous else self.authorized(request, route)
        if route is not None:
            return await self._predict(route, request, caller, began, receive, send)
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

    async def _predict(
        self, route: Route, request: Request, caller: str, began: float, receive: Receive, send: Send
    ) -> Reply | None:
        exchange = self.opened(route, request)
        body = await self._body(receive)
        if body is None:
            return None
        if request.again:
            await self.slot.running.told(digest(route.method.method.name, body))
        if exchange.streams:
            await self._stream(route, exchange, request, body, caller, began, receive, send)
            return None
        result = await self._asked(route.method, exchange, body, caller, began, receive)
        if isinstance(result, Problem):
            raise result
        return None if result is None else (200, exchange.headers, result)

    async def _asked(
        self, method: BoundMethod, exchange: Exchange, body: bytes, caller: str, began: float, receive: Receive
    ) -> Result | None:
        """Ask the model; None where the caller went away meanwhile."""
        answer: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()

        def done(result: Result | None) -> None:
            if not answer.done():
                answer.set_result(result)

        job = self.batching.ask(method, exchange, body, caller, began, done)
        leaving = None if job is None else asyncio.ensure_future(self._left(job, receive, done))
        try:
            return await answer
        finally:
            if leaving is not None:
                leaving.cancel()

    async def _stream(
        self,
        route: Route,
        exchange: Exchange,
        request: Request,
        body: bytes,
        caller: str,
        began: float,
        receive: Receive,
        send: Send,
    ) -> None:
        stream = streams.Stream(route.method)

        async def more() -> bytes | None:
            try:
                self.authorized(request)
            except Problem as problem:  # it was revoked, or has ended
                return streams.failed(document(problem, request))
            result = await self._asked(stream, streams.NEXT, body, caller, time.monotonic(), receive)
            return streams.failed(document(result, request)) if isinstance(result, Problem) else result

        first = await self._asked(stream, exchange, body, caller, began, receive)
        if isinstance(first, Problem):
            raise first
        if first is not None:
            head = [*exchange.headers, *self._common, (b"jd-request-id", request.id)]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            self.slot.answered(route.method.method.name, 200, time.monotonic() - began)
            await streams.send_all(stream, first, more, send)
        if not stream.ended:
            stream.closing = True
            self.batching.ask(stream, streams.NEXT, body, caller, time.monotonic(), lambda _: None)

    async def _left(self, job: Job, receive: Receive, done: Callable[[None], None]) -> None:
        """Drop a request whose caller goes away while it waits."""
        if (await receive())["type"] == "http.disconnect":
            self.batching.drop(job)
            done(None)

    def opened(self, route: Route, request: Request) -> Exchange:
        """Judge a request by its head.

        Args:
            route: What is asked.
            request: The head.

        Returns:
            How it is read and answered.

        Raises:
            Problem: If the body is of no type that is read, or too large.
        """
        exchange = route.exchange(request)
        if request.encoding not in (b"", b"identity"):
            raise NotJson("Send the body without a content-encoding.")
        if request.length > self.served.limits.body:
            raise self.too_large()
        return exchange

    def too_large(self) -> BodyTooLarge:
        """Tell how large a body may be."""
        return BodyTooLarge(f"A body has at most {self.served.limits.body} bytes.")

    async def _body(self, receive: Receive) -> bytes | None:
        message = await self._received(receive, until := time.monotonic() + self.served.limits.body_seconds)
        parts, size = [message.get("body", b"")], 0
        while message.get("more_body"):
            size += len(parts[-1])
            if size > self.served.limits.body:
                raise self.too_large()
            message = await self._received(receive, until)
            parts.append(message.get("body", b""))
        if size + len(parts[-1]) > self.served.limits.body:
            raise self.too_large()
        if message["type"] == "http.disconnect":
            return None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _received(self, receive: Receive, until: float) -> Message:
        try:
            return await asyncio.wait_for(receive(), until - time.monotonic())
        except asyncio.TimeoutError as error:  # before Python 3.11 a class of its own
            raise RequestTimeout(f"A body arrives within {self.served.limits.body_seconds:g} seconds.") from error

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

    def _ready(self) -> Reply:
        return (200, JSON, b'{"ready":true}') if self.slot.ready else (503, JSON, b'{"ready":false}')

    def _metrics(self) -> Reply:
        text = metrics.exposition(self.served.board, self.served.release, self.served.state)
        return 200, [(b"content-type", metrics.CONTENT_TYPE)], text


def _static(text: bytes) -> Reply:
    return 200, JSON, text


def _contract(served: Served) -> bytes:
    """What the page and the clients read: the contract as a schema, with the release's name and rows to try."""
    contract = served.model.contract
    tried = {method.name: {"rows": openapi.examples(method, served.model.golden)} for method in contract.methods}
    about = {"endpoint": served.model.manifest.endpoint, "release": served.release, "state": served.state}
    return codec.to_json({**about, **schema.document(contract), "examples": [tried]})


def _openapi(served: Served) -> bytes:
    model = served.model
    told = openapi.document(model.manifest.endpoint, served.release, model.contract, model.golden, arrow=has_arrow())
    return codec.to_json(told)
