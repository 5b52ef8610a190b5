"""A worker without httptools on a real socket: it answers as the other one does."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_deploy.bentos.python.endpoint import server
from jupyter_deploy.bentos.python.endpoint.fallback import FallbackProtocol
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from tests.unit.bentos.test_direct import Served, answers, message

Make = Callable[..., HotPath]
Serve = Callable[[HotPath], Served]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve an application in a process of its own."""
    running: list[Served] = []
    monkeypatch.setattr(server, "Protocol", FallbackProtocol)

    def begin(app: HotPath) -> Served:
        running.append(Served(app, tmp_path / "socket"))
        return running[-1]

    yield begin
    for one in running:
        os.kill(one.pid, signal.SIGKILL)
        os.waitpid(one.pid, 0)


def test_requests_in_a_row_are_answered_in_order(make_app: Make, serve: Serve) -> None:
    """Requests that a caller sends without waiting are answered one after the other."""
    mixed = [message(), message("", first="GET /contract.json HTTP/1.1"), message("{"), message(), message(key="")]
    with serve(make_app()).connect() as connection:
        connection.sendall(b"".join(mixed * 5))
        assert [200, 200, 400, 200, 401] * 5 == [status for status, _ in answers(connection, 25)]


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [(message()[:-1], [408]), (message()[:40], [408]), (message() + message()[:40], [200, 408]), (message(key="")[:-1], [401])],
    ids=["half a body", "half a head", "half a head after a request", "half a body without a key"],
)
def test_who_sends_too_slowly_is_hung_up_on(make_app: Make, serve: Serve, sent: bytes, statuses: list[int]) -> None:
    """A request that is not whole in time is given up."""
    served = serve(make_app(body_seconds=0.3))
    with served.connect() as connection:
        connection.sendall(sent)
        assert statuses == [one for one, _ in answers(connection, len(statuses))]
        assert b"" == connection.recv(1)
        assert 200 == served.post([[1, 2, 3]])


def test_who_does_not_read_is_hung_up_on(make_app: Make, serve: Serve) -> None:
    """A caller that reads no answer for as long as a model may take is given up."""
    served = serve(make_app(limit=2_000_000, deadline=1.0))
    with served.connect() as connection:
        connection.settimeout(20)
        wide = message(json.dumps({"rows": [[0.1, 0.2, 0.3]] * 2_000}))
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(wide)
    assert 200 == served.post([[1, 2, 3]])


def test_what_was_asked_is_answered_before_the_end(make_app: Make, serve: Serve) -> None:
    """A worker that is told to end answers what it has, and then closes its connections."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0]))
    with served.connect() as idle, served.connect() as connection:
        connection.sendall(message('{"rows":[[0.5,0,0]]}'))
        time.sleep(0.2)
        os.kill(served.pid, signal.SIGTERM)
        assert b"".join(iter(lambda: connection.recv(4096), b"")).startswith(b"HTTP/1.1 200")
        assert b"" == idle.recv(1)
