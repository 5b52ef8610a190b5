"""Asks the agent for the browser, without blocking the server: the agent's answers come as they are, its absence as an error."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_deploy import __version__, errors

if TYPE_CHECKING:  # imported when it is first needed, for a server starts without it
    import httpx

CONNECT = 5.0  # seconds
READ = 60.0  # seconds for an answer
CHANGE = 600.0  # seconds for what may have to start a release again
JSON = {"Content-Type": "application/json"}
PROBLEM = "application/problem+json"


class Upstream:
    """The agent of this server's user, whichever process it is at the moment."""

    def __init__(self) -> None:
        self._http: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def start(self) -> None:
        """Start an agent where there is none, and replace an older one.

        Raises:
            AgentUnreachable: If it does not come up.
        """
        await asyncio.to_thread(_start)

    async def status(self) -> dict[str, Any]:
        """Say how the agent is; none is started.

        Returns:
            `version` of this server, `agent` with the agent's own status or None, `problem` or None.
        """
        try:
            async with self.ask("GET", "status") as answer:
                told = json.loads(await answer.aread())
        except errors.DeployError as error:
            return {"version": __version__, "agent": None, "problem": problem_of(error)}
        differs = difference(str(told["version"]))
        return {"version": __version__, "agent": told, "problem": problem_of(differs) if differs else None}

    @contextlib.asynccontextmanager
    async def ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes | None = None, etag: str = "",
        *, who: str = "", stream: bool = False,
    ) -> AsyncIterator[httpx.Response]:  # fmt: skip
        """Ask the agent.

        Args:
            method: The HTTP method.
            path: The path, of `table.TABLE`.
            query: Its parameters.
            body: JSON; none where None.
            etag: What the browser has, so that the agent may answer that it is still that.
            who: On whose behalf, for the agent's audit; the system's user's where empty.
            stream: Whether the answer may take as long as it takes.

        Yields:
            The answer, whose body is still to be read; its status is 304 or below 300.

        Raises:
            AgentUnreachable: If there is no agent.
            AgentVersion: If it knows no such route.
            DeployError: Whatever the agent answered.
        """
        import httpx

        from jupyter_deploy.agent import acting

        http = self._http or await self._made()
        seconds = None if stream else READ if method == "GET" else CHANGE
        headers = (JSON if body is not None else {}) | ({"If-None-Match": etag} if etag else {}) | acting.head(who)
        request = http.build_request(
            method, f"/{path}", params=query or None, content=body, headers=headers, timeout=httpx.Timeout(seconds, connect=CONNECT)
        )
        try:
            answer = await http.send(request, stream=True)
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        try:
            if answer.status_code >= 300 and answer.status_code != 304:
                raise _refused(answer, await answer.aread())
            yield answer
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        finally:
            await answer.aclose()

    async def _made(self) -> httpx.AsyncClient:
        async with self._making:
            if self._http is None:
                self._http = await asyncio.to_thread(_client)
        return self._http


def difference(version: str) -> errors.AgentVersion | None:
    """Say what is wrong with an agent's version.

    Args:
        version: The agent's version.

    Returns:
        The error, to be told beside what the agent answers; None where it is this server's own version.
    """
    from packaging.version import Version

    if version == __version__:
        return None
    older = Version(version) < Version(__version__)
    hint = (
        "Start it anew: what is deployed goes on answering." if older else "Update jupyterlab-deploy here and restart the server."
    )
    order = "older" if older else "newer"
    return errors.AgentVersion(f"The agent has version {version}, which is {order} than the server's {__version__}.", hint)


def problem_of(error: errors.DeployError) -> dict[str, Any]:
    """Write an error as problem details (RFC 9457).

    Args:
        error: The error.

    Returns:
        The same fields as the agent's own problems.
    """
    told = {"code": error.code, "detail": error.message, "hint": error.hint}
    return {"type": "about:blank", "title": error.code, "status": error.status, **told}


def _client() -> httpx.AsyncClient:
    """Make the client, in a thread: the import alone takes longer than a request may be kept waiting."""
    import httpx

    from jupyter_deploy.home import Home

    # No connection is kept, for the agent may be another process by the next call.
    transport = httpx.AsyncHTTPTransport(uds=str(Home.find().agent_socket), limits=httpx.Limits(max_keepalive_connections=0))
    return httpx.AsyncClient(transport=transport, base_url="http://agent", trust_env=False)


def _start() -> None:
    from jupyter_deploy.agent.lifecycle import connect

    connect()


def _unreachable(error: Exception) -> errors.AgentUnreachable:
    from jupyter_deploy.home import Home

    return errors.AgentUnreachable(
        f"The agent does not answer ({type(error).__name__}).", f"`%deploy` starts it again; its log is {Home.find().agent_log}."
    )


def _refused(answer: httpx.Response, body: bytes) -> errors.DeployError:
    if answer.headers.get("content-type", "").startswith(PROBLEM):
        told = json.loads(body)
        return errors.by_code(str(told.get("code", "")), str(told.get("detail", "")), str(told.get("hint", "")))
    if answer.status_code in {404, 405}:  # of the agent's own router: each of our routes tells a problem
        message = f"The agent does not know what was asked: it is not of the server's version {__version__}."
        return errors.AgentVersion(message, "Start it anew: what is deployed goes on answering.")
    return errors.DeployError(f"The agent met an error of its own ({answer.status_code}).", "`jupyter deploy agent logs` shows it.")
