"""Carries questions to the agent over its Unix socket and answers back; `client.py` knows what can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec

from jupyter_deploy import errors
from jupyter_deploy.home import Home
from jupyter_deploy.values import to_json

TIMEOUT = httpx.Timeout(60, connect=5)
QUICK = httpx.Timeout(10, connect=5)  # for what takes milliseconds, so that an agent that hangs is soon found out
PATIENT = httpx.Timeout(600, connect=5)  # for what may have to start a release again, or to wait for an installer to end


class Transport:
    """A connection to the agent.

    Args:
        home: The agent's folders.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        transport = httpx.HTTPTransport(uds=str(home.agent_socket))
        self._http = httpx.Client(transport=transport, base_url="http://agent", timeout=TIMEOUT, trust_env=False)

    def _ask(self, method: str, path: str, body: Any = None, timeout: httpx.Timeout = TIMEOUT) -> bytes:
        try:
            answer = self._http.request(method, path, content=None if body is None else to_json(body), timeout=timeout)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            raise _problem(answer)
        return answer.content

    def _lines(self, path: str, patience: float | None = None) -> Iterator[bytes]:
        """Follow what never ends by itself, or late, one line of JSON after the other, at most so many seconds apart."""
        try:
            with self._http.stream("GET", path, timeout=httpx.Timeout(patience, connect=5)) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise _problem(answer)
                left = b""
                for part in answer.iter_bytes():
                    *whole, left = (left + part).split(b"\n")  # httpx would also split at what Unicode calls the end of a line
                    yield from whole
        except httpx.ReadTimeout as error:
            raise TimeoutError(f"Nothing came for {patience:g} s.") from error
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> errors.AgentUnreachable:
        return errors.AgentUnreachable(
            f"The agent does not answer at {self.home.agent_socket} ({type(error).__name__}).",
            f"`%deploy` starts it again; its log is {self.home.agent_log}.",
        )


def _problem(answer: httpx.Response) -> errors.DeployError:
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        problem = {}
    detail = problem.get("detail", f"The agent met an error of its own ({answer.status_code}).")
    return errors.by_code(problem.get("code", ""), detail, problem.get("hint", "`jupyter deploy agent logs` shows it."))
