"""What the browser may ask of the Jupyter server; each call is logged in, authorized, of JSON, and goes on to the agent.

Jupyter's own decorators stand on the methods of `Guarded` alone, with action and resource named, because `authorized` keeps what it
found at its first call. Handlers say what they do in `read` and `change`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_deploy import errors
from jupyter_deploy.adapters.serving import events, table
from jupyter_deploy.adapters.serving.table import Verb
from jupyter_deploy.adapters.serving.upstream import PROBLEM, Upstream, problem_of

if TYPE_CHECKING:
    import httpx

RESOURCE = "jupyter_deploy"
READ, WRITE = "read", "write"
LONGEST_TAG = 200  # characters of an `If-None-Match`
MADE_UP = re.compile("[0-9a-f]{32}")  # the username that Jupyter makes up
JSONS = ("application/json", "application/jsonl")
Method = Callable[..., Awaitable[None]]


def permitted(action: str) -> Callable[[Method], Method]:
    """Let a method of a handler run only for those who are logged in and whom the server's authorizer allows it.

    Args:
        action: `read` or `write`, on the resource `jupyter_deploy`.

    Returns:
        The decorator.
    """

    def around(method: Method) -> Method:
        allowed: Method = authorized(action, RESOURCE)(method)
        return web.authenticated(allowed)  # type: ignore[return-value] # tornado allows methods that give nothing to wait for

    return around


class Guarded(APIHandler):
    """A handler whose every method asks for a login and for permission."""

    def initialize(self, upstream: Upstream) -> None:
        """Take what Jupyter gives to each handler.

        Args:
            upstream: The agent.
        """
        self.upstream = upstream
        self._following: asyncio.Task[None] | None = None

    @property
    def _track_activity(self) -> bool:  # type: ignore[override]
        """Whether a call keeps an idle server from being ended: looking at a panel does not."""
        return self.request.method != "GET"

    async def read(self, **_: str) -> None:
        """Answer a GET, which changes nothing; the values in the path are its arguments."""
        raise web.HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)

    async def change(self, **_: str) -> None:
        """Answer a POST or DELETE, whose body is JSON; the values in the path are its arguments."""
        raise web.HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)

    @permitted(READ)
    async def get(self, **parts: str) -> None:
        """Look at something."""
        with self._telling():
            await self.read(**parts)

    @permitted(WRITE)
    async def post(self, **parts: str) -> None:
        """Change something."""
        with self._telling():
            self._check_json()
            await self.change(**parts)

    @permitted(WRITE)
    async def delete(self, **parts: str) -> None:
        """End something."""
        with self._telling():
            self._check_json()
            await self.change(**parts)

    @permitted(WRITE)
    async def put(self, **_: str) -> None:
        """Refuse: there is no such call."""
        raise web.HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)

    head = patch = put

    def tell(self, value: Any) -> None:
        """Answer with JSON.

        Args:
            value: What is told.
        """
        self.finish(json.dumps(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell what Jupyter itself refuses as a problem too.

        Args:
            status_code: HTTP status.
            **kwargs: `exc_info`, where there is an exception.
        """
        error = (kwargs.get("exc_info") or (None, None))[1]
        phrase = HTTPStatus(status_code).phrase
        detail = (error.log_message if isinstance(error, web.HTTPError) else None) or f"{phrase}."
        code, hint = phrase.replace(" ", ""), ""
        if status_code == HTTPStatus.FORBIDDEN and not self.current_user:
            code, detail, hint = (
                "LoginNeeded",
                "You are not logged in, or your login has expired.",
                "Reload the page and log in again.",
            )
        self._refuse({"title": phrase, "status": status_code, "code": code, "detail": detail, "hint": hint})

    def set_default_headers(self) -> None:
        """Let nobody on the way keep what is told here: a key's secret is told once."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> str | None:
        """Leave versions to the agent."""
        return None

    def _log(self) -> None:
        """Leave it out of the server's log that there is no agent: whoever looks asks again and again."""
        if (self.get_status(), self.request.method) != (HTTPStatus.SERVICE_UNAVAILABLE, "GET"):
            super()._log()

    def on_connection_close(self) -> None:
        """Stop following once the browser has left."""
        if self._following is not None:
            self._following.cancel()
        super().on_connection_close()

    # ----- inside

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except errors.DeployError as error:
            if self._headers_written:  # a stream that had begun; its reader sees that it ended
                self.finish()
            else:
                self.set_status(error.status)
                self._refuse(problem_of(error))

    def _refuse(self, problem: dict[str, Any]) -> None:
        self.finish(json.dumps({"type": "about:blank", **problem}), set_content_type=PROBLEM)

    def _check_json(self) -> None:
        """Take JSON alone: a page elsewhere can send forms and texts with a person's cookies, but no JSON."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise web.HTTPError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be JSON, with the content type application/json.")


class Relay(Guarded):
    """Passes one path of the table on to the agent."""

    def initialize(self, upstream: Upstream, path: str = "") -> None:
        """Take what Jupyter gives to each handler.

        Args:
            upstream: The agent.
            path: The path, of `table.TABLE`.
        """
        super().initialize(upstream)
        self.path_asked = path

    async def read(self, **parts: str) -> None:
        """Pass a GET on.

        Args:
            **parts: The values in the path.
        """
        verb = self._verb()
        given = {name: self.get_query_arguments(name) for name in verb.query}
        etag = self.request.headers.get("If-None-Match", "")[:LONGEST_TAG]
        path, query = self.path_asked.format(**parts), table.chosen(verb, given)
        async with self.upstream.ask("GET", path, query, etag=etag, stream=verb.stream) as answer:
            self._take_head(answer)
            if verb.stream:
                await self._follow(answer)
            elif answer.status_code == HTTPStatus.NOT_MODIFIED:
                self.finish()
            else:
                self.finish(await answer.aread(), set_content_type=_kind(answer))

    async def change(self, **parts: str) -> None:
        """Pass a POST or DELETE on, and tell those who listen for events once it is done.

        Args:
            **parts: The values in the path.
        """
        verb = self._verb()
        if len(self.request.body) > verb.limit:
            raise web.HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {verb.limit} bytes.")
        method, path = self.request.method or "", self.path_asked.format(**parts)
        async with self.upstream.ask(method, path, body=self.request.body or b"{}", who=_name_of(self.current_user)) as answer:
            told = await answer.aread()
            self._take_head(answer)
        if verb.action is not None:
            self._announce(events.told(verb.action, parts, json.loads(told)))
        self.finish(told, set_content_type=_kind(answer))

    def _announce(self, event: dict[str, Any]) -> None:
        try:
            self.event_logger.emit(schema_id=events.SCHEMA, data=event)
        except Exception:  # an administrator's own code listens; what was done is done, and a new key's secret is told but once
            self.log.exception("jupyter_deploy: an event could not be told: %s", event)

    def _verb(self) -> Verb:
        verbs = table.TABLE[self.path_asked]
        verb = next((verb for method, verb in verbs.items() if method == self.request.method), None)
        if verb is None:
            raise web.HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)
        return verb

    def _take_head(self, answer: httpx.Response) -> None:
        """Take status and version of the agent's answer, and no other header."""
        self.set_status(answer.status_code)
        if "etag" in answer.headers:
            self.set_header("ETag", answer.headers["etag"])

    async def _follow(self, answer: httpx.Response) -> None:
        """Pass on what comes as it comes, until it ends or the browser leaves."""
        self.set_header("Content-Type", _kind(answer))
        self.set_header("X-Accel-Buffering", "no")  # a proxy before this server would keep lines until there are many
        self._following = asyncio.ensure_future(self._copy(answer))
        with contextlib.suppress(asyncio.CancelledError, StreamClosedError):
            await self._following
        self.finish(set_content_type=_kind(answer))

    async def _copy(self, answer: httpx.Response) -> None:
        await self.flush()
        async for part in answer.aiter_raw():
            self.write(part)
            await self.flush()


class Status(Guarded):
    """Says how the agent is, whether or not there is one."""

    async def read(self, **_: str) -> None:
        """Look."""
        self.tell(await self.upstream.status())


class Start(Guarded):
    """Starts the agent."""

    async def change(self, **_: str) -> None:
        """Start it, or replace an older one."""
        await self.upstream.start()
        self.tell(await self.upstream.status())


class Applying(Guarded):
    """Tells the settings that apply in a folder; the kernels of this server have its environment variables too."""

    async def read(self, **_: str) -> None:
        """Look."""
        folder = self.get_query_argument("folder", "")
        self.tell(await asyncio.to_thread(_settings, Path(self.settings["server_root_dir"]), folder))


class Nowhere(Guarded):
    """Whatever else stands below our path."""

    async def read(self, **_: str) -> None:
        """Say that there is nothing."""
        raise web.HTTPError(HTTPStatus.NOT_FOUND, "There is no such call.")

    change = read


def _name_of(user: Any) -> str:
    """Tell a user's name; none of one whom a token or password alone let in, for whom Jupyter makes a new one up each time."""
    made_up = MADE_UP.fullmatch(user.username) and user.name.startswith("Anonymous ")
    return "" if made_up else str(user.username)


def _kind(answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    return kind if kind in JSONS else JSONS[0]


def _settings(root: Path, folder: str) -> dict[str, Any]:
    import msgspec

    from jupyter_deploy import settings

    root = root.expanduser().absolute()
    here = Path(os.path.normpath(root / folder.lstrip("/")))
    if not here.is_relative_to(root):
        raise errors.BadInput("The folder is not below the one that this server shows.", "Name a folder of the file browser.")
    values, origins = settings.read(here, {})
    return {"values": msgspec.to_builtins(values), "origins": origins}
