"""Talk to the processes beside us over their Unix sockets: HTTP to Envoy and workers, JSON lines to parents."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_deploy import stops

LONGEST = 64 * 1024 * 1024  # bytes of an answer in one line
PIECE = 256 * 1024  # bytes that are read at once


class _Connection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = _connect(self._path, self.timeout or 0)


def request(
    path: Path, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout: float
) -> tuple[int, bytes]:
    """Send one HTTP request over a Unix socket.

    Args:
        path: The socket.
        method: Such as `GET`.
        target: The path with its query.
        body: The body; none where empty.
        headers: Header fields.
        timeout: Seconds without any progress after which it is given up.

    Returns:
        HTTP status and body.

    Raises:
        OSError: If nobody listens, or the connection ends before the answer does.
    """
    connection = _Connection(path, timeout)
    try:
        connection.connect()
        with _ending(connection.sock):
            connection.request(method, target, body or None, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"no whole answer from {path}: {error!r}") from error
    finally:
        connection.close()


def ask(path: Path, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Send one line of JSON and read one line back.

    Args:
        path: The socket.
        question: What to send.
        timeout: Seconds for all of it, for the author's code runs there too and may never end a line.

    Returns:
        The answer.

    Raises:
        OSError: If nobody listens, or there is no whole answer of at most `LONGEST` bytes in time.
    """
    until = time.monotonic() + timeout
    with _connect(path, timeout) as connection, _ending(connection):
        connection.sendall(json.dumps(question).encode() + b"\n")
        line = bytearray()
        while not line.endswith(b"\n"):
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError(f"no whole answer from {path} within {timeout:g} s")
            connection.settimeout(left)
            part = connection.recv(PIECE)
            line += part
            if not part or len(line) > LONGEST:
                raise ConnectionError(f"no whole answer from {path}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def listener_of(path: Path) -> int | None:
    """Say which process listens on a Unix socket.

    Args:
        path: The socket.

    Returns:
        Its process id, as the kernel knows it; None where nobody listens.
    """
    try:
        with _connect(path, 1.0) as connection:
            facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    pid: int = struct.unpack("3i", facts)[0]
    return pid or None


def _ending(connection: socket.socket) -> contextlib.AbstractContextManager[None]:
    """Have a conversation ended with the step that it belongs to."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    return stops.ending(hang_up)


def _connect(path: Path, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection
