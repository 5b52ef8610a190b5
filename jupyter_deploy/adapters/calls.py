"""Calls an endpoint as a colleague would, over HTTP with a key, and gives back the notebook model's own kind of answer."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from jupyter_deploy import errors
from jupyter_deploy.adapters.view import accepts
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Input, Method

PATIENCE = 5.0  # seconds for which a router may be away while it restarts
BUSY = 429  # nothing of such a request was begun
BATCH = 1_000  # rows a request
BODY = 4 * 1024 * 1024  # bytes a request aims to stay below


SINGLE = frozenset({"float", "int", "bool", "str", "object"} | {f"{kind}64" for kind in ("float", "int")})
"""What an argument may be that a list by column holds one of for each call."""


class Caller:
    """Sends requests to one endpoint.

    Args:
        name: The endpoint's name, for errors.
        url: Its URL; certificates are loaded, and checked, for https alone.
        key_file: The file with the key; it is read for each call, so that a new key counts at once.
        deadline: Seconds that the endpoint gives a call.
        repeat: Whether a request may be sent again that a worker may have begun to answer.
    """

    def __init__(self, name: str, url: str, key_file: Path, deadline: float, *, repeat: bool) -> None:
        self.name = name
        self._key_file = key_file
        self._repeat = repeat
        self._deadline = deadline
        # The endpoint's own deadline comes first; no proxy may stand between this machine and itself.
        timeout = httpx.Timeout(deadline + 10, connect=5)
        self._http = httpx.Client(timeout=timeout, trust_env=False, verify=url.startswith("https://"))

    def call(self, url: str, method: Method, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call a method of the model.

        Args:
            url: The endpoint's URL, ending in a slash.
            method: What the contract says of the method.
            args: The positional arguments, as the model's own method takes them.
            named: The named arguments, for functions.

        Returns:
            The answer, of the kind that the notebook's model gave.

        Raises:
            CallFailed: If the endpoint answers with an error.
            BadInput: If the arguments do not fit the contract.
        """
        rows, index, single = arguments(method, args, named)
        predictions: list[Any] = []
        for batch in batches(rows, method.input):
            predictions += self._send(url + method.name, batch)
        answer = codec.decode_answer(predictions, method.output, index)
        return getattr(answer, "iloc", answer)[0] if single and method.output.kind != "value" else answer

    def raw(self, url: str, body: bytes) -> Any:
        """Send a body as it is.

        Args:
            url: The method's URL.
            body: JSON.

        Returns:
            The endpoint's answer as JSON.

        Raises:
            CallFailed: If the endpoint answers with an error.
        """
        answer = self._post(url, body)
        if answer.is_success:
            return answer.json()
        raise _failure(self.name, answer, self._key_file)

    def _send(self, url: str, batch: bytes) -> list[Any]:
        answer = self.raw(url, batch)
        predictions = answer.get("predictions") if isinstance(answer, dict) else None
        if not isinstance(predictions, list):
            raise errors.CallFailed(f"`{self.name}` answered without `predictions`.", "Is something else listening at its URL?")
        return predictions

    def _post(self, url: str, body: bytes) -> httpx.Response:
        """Send a request, again for a while if the router is just restarting, or if every worker has enough to do."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {_secret(self._key_file)}"}
        began = time.monotonic()
        end, pause = began + PATIENCE, 0.02
        while True:
            try:
                answer = self._http.post(url, content=body, headers=headers)
                wait = _wait(answer)
                if not wait or time.monotonic() + wait > began + self._deadline:
                    return answer
                time.sleep(wait)
                continue
            except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                refused = isinstance(error, httpx.ConnectError)
                if time.monotonic() > end or not (refused or self._repeat):
                    raise errors.CallFailed(
                        f"`{self.name}` does not answer at {url} ({type(error).__name__}).",
                        "`%deploy` alone shows what is deployed.",
                    ) from error
            except httpx.TransportError as error:
                raise errors.CallFailed(f"The call of {url} failed: {type(error).__name__}.") from error
            time.sleep(pause)
            pause = min(pause * 2, 0.3)


def _wait(answer: httpx.Response) -> float:
    """Say how many seconds to wait before a busy endpoint is asked again; none where it has answered."""
    told = answer.headers.get("retry-after", "") if answer.status_code == BUSY else ""
    return float(told) * random.uniform(0.5, 1.0) if told.isdigit() else 0.0  # noqa: S311 (so that callers do not return together)


def arguments(method: Method, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[list[Any], Any, bool]:
    """Turn a call's arguments into rows.

    Args:
        method: What the contract says of the method.
        args: Positional arguments.
        named: Named arguments.

    Returns:
        The rows as JSON, the index of a pandas object or None, and whether this was one call of a function rather than rows.

    Raises:
        BadInput: If the arguments do not fit the contract.
    """
    given = method.input
    if given.kind == "arguments":
        row = _bound(method, args, named)
        if row is not None:
            return _encoded(method, row), None, True
    elif len(args) == 0 and len(named) == 1:
        args, named = tuple(named.values()), {}  # model.predict(X=X)
    if len(args) != 1 or named:
        fixed = ", ".join(f"{name}=..." for name in named) or "..."
        raise errors.BadInput(
            f"`{method.name}` takes one argument, but got {len(args) + len(named)}.",
            "Give all rows at once; to fix what else the model takes, deploy a function: "
            f"`lambda X: model.{method.name}(X, {fixed})`.",
        )
    value = args[0]
    by_column = given.kind == "frame" or (given.kind == "arguments" and all(one.dtype in SINGLE for one in given.columns))
    if isinstance(value, dict) and by_column:
        return _table(value), None, False
    index = value.index if type(value).__module__.partition(".")[0] == "pandas" else None
    return _encoded(method, value), index, False


def _encoded(method: Method, value: Any) -> list[Any]:
    try:
        return codec.encode_input(value, method.input)
    except (TypeError, ValueError) as error:
        hint = f"It takes: {accepts(method.input)}."
        raise errors.BadInput(f"`{method.name}` cannot be asked with this: {error}.", hint) from None


def batches(rows: list[Any], given: Input, most: int = BATCH, size: int = BODY) -> Iterator[bytes]:
    """Cut rows into request bodies.

    Args:
        rows: The rows as JSON.
        given: The method's input; the one value of a `value` is never cut.
        most: Rows a request.
        size: Bytes that a request should stay below; a single row may be larger.

    Yields:
        One body after the other.
    """
    if given.kind == "value" or not rows:
        yield codec.to_json({"rows": rows})
        return
    for start in range(0, len(rows), most):
        yield from _halved(rows[start : start + most], size)


def _halved(rows: list[Any], size: int) -> Iterator[bytes]:
    body: bytes = codec.to_json({"rows": rows})
    if len(body) <= size or len(rows) == 1:
        yield body
        return
    middle = len(rows) // 2
    yield from _halved(rows[:middle], size)
    yield from _halved(rows[middle:], size)


def _bound(method: Method, args: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any] | None:
    """Bind a function's arguments to their names; None where rows were given instead."""
    names, further = [column.name for column in method.input.columns], method.input.others is not None
    if len(args) == 1 and not named and _are_rows(args[0], method.input):
        return None
    unknown = [name for name in named if name not in names and not further] or [str(value)[:20] for value in args[len(names) :]]
    if unknown:
        raise errors.BadInput(
            f"`{method.name}` takes {', '.join(names) or 'no arguments'}, not `{unknown[0]}`.",
            errors.did_you_mean(unknown[0], names),
        )
    twice = set(named) & set(names[: len(args)])
    if twice:
        raise errors.BadInput(f"`{method.name}` got `{min(twice)}` twice: by place and by name.")
    return {**dict(zip(names, args, strict=False)), **named}


def _are_rows(value: Any, given: Input) -> bool:
    """Tell rows, each with the arguments of one call, from a call whose one argument is a list, an object or a table."""
    if type(value).__module__.startswith("pandas"):
        return bool(given.columns) and given.columns[0].holds is None
    rows = value if isinstance(value, list) else [value]
    names = {column.name for column in given.columns}
    required = {column.name for column in given.columns if not (column.optional or column.nullable)}
    return all(isinstance(one, dict) and required <= one.keys() and (given.others or one.keys() <= names) for one in rows)


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise errors.CallFailed(
            f"The key file {path} cannot be read: {error.strerror}.", "`%deploy status` names the file."
        ) from error


def _failure(name: str, answer: httpx.Response, key_file: Path) -> errors.CallFailed:
    """Turn a problem document into an error that names the fields."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    lines = [f"`{name}` answered {answer.status_code} {problem.get('code') or problem.get('title') or ''}".rstrip()]
    lines[0] += f": {problem['detail']}" if problem.get("detail") else "."
    lines += [f"  {one.get('path')}: {one.get('message')}" for one in problem.get("errors") or () if isinstance(one, dict)]
    hints = {401: f"The key in {key_file} is not valid (any more).", 500: f"`%deploy logs {name}` shows what the model raised."}
    request = problem.get("request_id") or answer.headers.get("jd-request-id")
    return errors.CallFailed("\n".join(lines), hints.get(answer.status_code) or (f"Request {request}." if request else ""))


def _table(value: dict[Any, Any]) -> list[Any]:
    """Read a dict as one row, or, where it holds lists, as columns."""
    columns = {
        name: list(cells)
        for name, cells in value.items()
        if not isinstance(cells, str | bytes | dict) and hasattr(cells, "__iter__")
    }
    if not columns:
        return [value]
    lengths = {len(cells) for cells in columns.values()}
    if len(columns) != len(value) or len(lengths) != 1:
        raise errors.BadInput(
            "The columns differ in length.", "Give every column as a list of the same length, or one row of single values."
        )
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
