"""Predictions without ASGI: bytes from the socket become a job, its answer becomes bytes in one write.

uvicorn's protocol stays what parses and keeps connections; a request for one of the model's routes is answered by a `Direct` in the
place of uvicorn's own cycle, without a task and without a message between them. Everything else goes on to the ASGI application.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .exchange import Exchange, Headers, Request, Route
from .joined import TOO_SLOW, Joined
from .problems import Problem, RequestTimeout
from .quarantine import digest
from .refusals import refusal
from .turns import Job, Result

if TYPE_CHECKING:
    from .hotpath import HotPath

KEEP_ALIVE = 120.0  # seconds; above the router's own idle time, so that it never writes into a connection that closes
STREAM = b"event-stream"  # what is answered piece by piece is answered by ASGI
LINES = {one.value: b"HTTP/1.1 %d %b\r\n" % (one.value, one.phrase.encode()) for one in HTTPStatus}
LEANT_ON = {
    "app", "cycle", "expect_100_continue", "flow", "headers", "loop", "on_body", "on_headers_complete", "on_message_begin", "url",
    "on_message_complete", "on_response_complete", "parser", "pipeline", "resume_writing", "server_state", "tasks", "transport",
}  # fmt: skip
_names = (HttpToolsProtocol.__init__, HttpToolsProtocol.on_message_begin)
if not {*dir(HttpToolsProtocol)}.union(*(one.__code__.co_names for one in _names)) >= LEANT_ON:
    raise ImportError("this uvicorn keeps its connections otherwise")


class _Silent:
    """What uvicorn wakes its own cycle with; nobody sleeps here."""

    def set(self) -> None:
        """Do nothing."""


class Direct:
    """One request on one connection, from its head to its answer.

    Args:
        protocol: The connection.
        route: What is asked.
        request: The head.
        keep_alive: Whether the connection stays open afterwards.
        expects: Whether the caller waits for leave to send the body.
    """

    __slots__ = (
        "_began", "_body", "_caller", "_exchange", "_expects", "_is_begun", "_job", "_protocol", "_request", "_route",
        "disconnected", "is_whole", "keep_alive", "response_complete",
    )  # fmt: skip
    message_event = _Silent()

    def __init__(self, protocol: DirectProtocol, route: Route, request: Request, *, keep_alive: bool, expects: bool) -> None:
        self._protocol, self._route, self._request, self._expects = protocol, route, request, expects
        self.keep_alive = keep_alive
        self.disconnected = self.response_complete = self.is_whole = self._is_begun = False
        self._began = protocol.begun
        self._caller = ""
        self._exchange: Exchange | None = None
        self._job: Job | None = None
        self._body: bytes | bytearray = b""

    def begin(self) -> None:
        """Judge the head, when the connection's earlier requests are answered."""
        app = self._protocol.hot
        self._is_begun = True
        try:
            self._caller = app.authorized(self._request, self._route)
            self._exchange = app.opened(self._route, self._request)
        except Problem as problem:
            if self._expects and not self._body:
                self.keep_alive = False  # whether the body still comes is the caller's choice, and so is what the next bytes are
            self._refuse(problem)
            return
        if self._is_too_large():
            self._refuse(app.too_large())
        elif self.is_whole:
            self._ask()
        elif self._expects and not self._body:
            self._protocol.raw.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def feed(self, data: bytes) -> None:
        """Take a part of the body.

        Args:
            data: The part.
        """
        if self.response_complete or self._is_too_large():
            return
        if not self._body:
            self._body = data
        else:  # one piece of memory, however small the parts are
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += data
        if self._is_begun and self._is_too_large():
            self._refuse(self._protocol.hot.too_large())

    def end(self) -> None:
        """Take note that the body is whole."""
        self.is_whole = True
        if self._is_begun and not self.response_complete:
            self._ask()

    def late(self) -> None:
        """Give up on a body that does not arrive."""
        self._refuse(RequestTimeout(f"A body arrives within {self._protocol.hot.served.limits.body_seconds:g} seconds."))

    def lost(self) -> None:
        """Take note that the caller has gone."""
        if self._job is not None:
            self._protocol.hot.batching.drop(self._job)

    def _is_too_large(self) -> bool:
        return len(self._body) > self._protocol.hot.served.limits.body

    def _ask(self) -> None:
        body, self._body = bytes(self._body), b""
        if self._request.again:
            self._protocol.later(self._ask_again(body))
        else:
            self._put(body)

    async def _ask_again(self, body: bytes) -> None:
        await self._protocol.hot.slot.running.told(digest(self._route.method.method.name, body))
        if not self.disconnected:
            self._put(body)

    def _put(self, body: bytes) -> None:
        exchange = cast("Exchange", self._exchange)
        self._job = self._protocol.hot.batching.ask(self._route.method, exchange, body, self._caller, self._began, self._done)

    def _done(self, result: Result) -> None:
        self._job = None
        if isinstance(result, Problem):
            self._refuse(result)
        else:
            self._answer(200, cast("Exchange", self._exchange).headers, result)

    def _refuse(self, problem: Problem) -> None:
        self._answer(*refusal(problem, self._request))

    def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        protocol = self._protocol
        if self.disconnected or self.response_complete or protocol.raw.is_closing():
            return
        told = b"".join([b"%b: %b\r\n" % header for header in headers])
        if b"connection: close\r\n" in told:
            self.keep_alive = False
        elif not self.keep_alive:
            told += b"connection: close\r\n"
        # Counted before it is written, as a caller may look at once.
        protocol.hot.slot.answered(self._route.method.method.name, status, time.monotonic() - self._began)
        protocol.raw.write(
            b"%b%bcontent-length: %d\r\n%bjd-request-id: %b\r\n\r\n%b"
            % (LINES[status], told, len(body), protocol.hot.signature, self._request.id, body)
        )
        self.response_complete = True
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's protocol with one write an answer, and with predictions answered at once.

    Attributes:
        raw: The connection's transport.
        begun: When the request that arrives now began, in monotonic seconds.
    """

    cycle: Any  # what arrived last: a `Direct`, or one of uvicorn's own
    pipeline: Any  # what waits for its turn

    def __init__(self, config: Any, *args: Any, **options: Any) -> None:
        super().__init__(config, *args, **options)
        self.hot: HotPath = config.app
        self._targets = self.hot.targets
        self._turn: Any = None  # what is answered now, or was last
        self._is_arriving = self._is_headed = False
        self.begun = self._idle = time.monotonic()
        self._stuck = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection.

        Args:
            transport: Its transport.
        """
        self.raw = transport
        super().connection_made(cast("asyncio.Transport", Joined(transport)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of a lost connection.

        Args:
            exc: Why it was lost.
        """
        if isinstance(self._turn, Direct):
            self._turn.lost()
        for cycle in (self._turn, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self.begun = time.monotonic()
        self._is_arriving, self._is_headed = True, False

    def on_headers_complete(self) -> None:
        """Decide who answers."""
        self._is_headed = True
        if self.raw.is_closing():  # what stands behind the last request is nobody's
            return
        route = self._targets.get(self.url) if self.parser.get_method() == b"POST" else None
        request = Request("POST", self.url.decode("latin-1"), self.headers)
        if route is None or STREAM in request.accept:
            self._by_asgi()
            return
        is_old = self.parser.get_http_version() == "1.0"
        keep_alive, expects = not is_old and self.parser.should_keep_alive(), not is_old and self.expect_100_continue
        cycle = Direct(self, route, self.hot.identified(request), keep_alive=keep_alive, expects=expects)
        is_next, self.cycle = self._is_free(), cycle
        if is_next and not self.flow.write_paused:
            self._turn = cycle
            cycle.begin()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _by_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)  # the list that stands in the scope
        is_next = self._is_free()
        super().on_headers_complete()
        if is_next:
            self._turn = self.cycle

    def _is_free(self) -> bool:
        """Say whether all that arrived before is answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_body(self, body: bytes) -> None:
        """Take a part of a body.

        Args:
            body: The part.
        """
        if isinstance(self.cycle, Direct):
            self.cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take note that a request is whole."""
        self._is_arriving = False
        if isinstance(self.cycle, Direct):
            self.cycle.end()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """End an answer, and begin the next request's."""
        cast("Joined", self.transport).flush()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle = time.monotonic()
        if self.flow.read_paused:
            self.flow.resume_reading()
        self._go_on()

    def resume_writing(self) -> None:
        """Go on when the caller has taken what was written."""
        super().resume_writing()
        self._go_on()

    def _go_on(self) -> None:
        is_free = self._turn is None or self._turn.response_complete
        if self.pipeline and is_free and not self.flow.write_paused and not self.raw.is_closing():
            self._turn, app = self.pipeline.pop()
            self.loop.call_soon(self._begin, self._turn, app)  # not at once: a hundred of them would be a hundred calls deep

    def _begin(self, cycle: Any, app: Any) -> None:
        if cycle.disconnected or self.raw.is_closing():
            return
        if cycle is self.cycle:
            self.begun = time.monotonic()  # its body could not arrive while nothing was read
        if isinstance(cycle, Direct):
            cycle.begin()
        else:
            self.later(cycle.run_asgi(app))

    def later(self, work: Any) -> None:
        """Do something that waits.

        Args:
            work: A coroutine.
        """
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def look(self, now: float) -> None:
        """Close a connection that holds its place for nothing.

        Args:
            now: Monotonic seconds.
        """
        limits = self.hot.served.limits
        self._stuck = (self._stuck or now) if self.flow.write_paused else 0.0
        if self._stuck and now - self._stuck > limits.deadline:
            self.raw.abort()
        elif self._is_arriving and now - self.begun > limits.body_seconds:
            self._end_arrival()
        elif not self._is_arriving and (self.cycle is None or self.cycle.response_complete) and now - self._idle > KEEP_ALIVE:
            self.transport.close()

    def _end_arrival(self) -> None:
        cycle: Any = self.cycle
        if not self._is_headed:
            if self._is_free():
                self.raw.write(TOO_SLOW)
                self.transport.close()
        elif cycle.response_complete:
            self.transport.close()
        elif isinstance(cycle, Direct) and cycle is self._turn:
            cycle.late()
