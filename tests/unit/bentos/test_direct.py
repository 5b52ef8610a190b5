"""A worker on a real socket: connections that stay open, requests in a row, slow callers and callers that leave."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from jupyter_deploy.bentos.python.endpoint.server import Worker, config_of
from tests.unit.bentos.conftest import SECRET
from tests.unit.bentos.test_streams import app_of

Make = Callable[..., HotPath]
KEY = f"authorization: Bearer {SECRET}\r\n"
ROWS = '{"rows":[[1,2,3]]}'


class Served:
    """A worker in a process of its own.

    Args:
        app: What it serves.
        path: A file of its own.
    """

    def __init__(self, app: HotPath, path: Path) -> None:
        self.app = app
        config, listening = config_of(app), socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = listening.getsockname()[1]
        path.touch()
        self.pid = os.fork()
        if not self.pid:
            try:
                app.start(0)
                Worker(config, app, path).run(sockets=[listening])
            finally:
                os._exit(0)
        listening.close()
        while not app.slot.ready:
            time.sleep(0.005)

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def post(self, rows: Any) -> int:
        """Send rows on a connection of their own, and give the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/predict", json.dumps({"rows": rows}), {"authorization": f"Bearer {SECRET}"})
        status = connection.getresponse().status
        connection.close()
        return status

    def rows(self) -> int:
        """Count the rows that the model got."""
        return int(self.app.served.board.count("predict").batch.total)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[HotPath], Served]]:
    """Serve applications in processes of their own."""
    running: list[Served] = []

    def begin(app: HotPath) -> Served:
        running.append(Served(app, tmp_path / f"{len(running)}.sock"))
        return running[-1]

    yield begin
    for one in running:
        if one.pid:
            os.kill(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)


Serve = Callable[[HotPath], Served]


def message(body: str = ROWS, head: str = "", key: str = KEY, first: str = "POST /predict HTTP/1.1") -> bytes:
    """Write a request."""
    return f"{first}\r\nhost: a\r\n{key}{head}content-length: {len(body)}\r\n\r\n{body}".encode()


def answers(connection: socket.socket, number: int) -> list[tuple[int, bytes]]:
    """Read so many answers that stand one after the other."""
    file, found = connection.makefile("rb"), []
    for _ in range(number):
        status, length = int(file.readline().split()[1]), 0
        while (line := file.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        found.append((status, file.read(length)))
    return found


def test_requests_in_a_row_are_answered_in_order(make_app: Make, serve: Serve) -> None:
    """Requests that a caller sends without waiting are answered one after the other, whoever of us answers them."""
    bodies = [json.dumps({"rows": [[number, 0, 0]]}) for number in range(300)]
    with serve(make_app()).connect() as connection:
        connection.sendall(b"".join(message(body) for body in bodies))
        assert [(200, b'{"predictions":[%d.0]}' % number) for number in range(300)] == answers(connection, 300)
        mixed = [message(), message("", first="GET /contract.json HTTP/1.1"), message("{"), message(), message(key="")]
        connection.sendall(b"".join(mixed * 5))
        assert [200, 200, 400, 200, 401] * 5 == [status for status, _ in answers(connection, 25)]


@pytest.mark.parametrize(
    ("behind", "seconds", "status"),
    [(message(" " * 20_000), 0.4, 413), (message()[:40], 2.0, 408), (message(key=""), 0.4, 401)],
    ids=["too large", "half a head", "no key"],
)
def test_nobody_is_refused_before_its_turn(make_app: Make, serve: Serve, behind: bytes, seconds: float, status: int) -> None:
    """What is wrong with a request is said after the earlier ones of its connection are answered, however long they take."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0], body_seconds=0.5))
    with served.connect() as connection:
        connection.sendall(message(json.dumps({"rows": [[seconds, 0, 0]]})) + behind)
        (first, answer), (second, _) = answers(connection, 2)
        assert (200, {"predictions": [seconds]}, status) == (first, json.loads(answer), second)


def test_nobody_begins_before_its_turn(tmp_path: Path, serve: Serve) -> None:
    """A request waits for the end of a stream before it, also where the caller reads so slowly that the stream pauses."""

    def fill(to: int) -> Iterator[str]:
        yield from (str(number) * 20_000 for number in range(to))

    served = serve(app_of(fill, tmp_path))
    asked = message('{"rows":[{"to":200}]}', "accept: text/event-stream\r\n") + message('{"rows":[{"to":0}]}') * 3
    with served.connect() as connection:
        connection.sendall(asked)
        time.sleep(0.5)
        got = b""
        while got.count(b'"predictions"') < 3:
            got += connection.recv(100_000)
    assert got.index(b"event: end") < got.index(b'"predictions"')
    assert 200 == got.count(b'data: "')


def test_who_is_hung_up_on_hurts_nobody(make_app: Make, serve: Serve) -> None:
    """A connection that ends while several of its requests wait disturbs no other one's call."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0]))
    with served.connect() as connection:
        connection.sendall(message('{"rows":[[0.5,0,0]]}') + message() + b"no request\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(4096), b"")).startswith(b"HTTP/1.1 400")
    assert [200, 200] == [served.post([[0, 0, 0]]) for _ in range(2)]


def test_nothing_is_asked_after_a_last_request(make_app: Make, serve: Serve) -> None:
    """What stands behind a request that closes its connection never reaches the model."""
    served = serve(make_app())
    with served.connect() as connection:
        connection.sendall(message(head="connection: close\r\n") + message())
        assert 1 == b"".join(iter(lambda: connection.recv(4096), b"")).count(b"HTTP/1.1 200")
    assert 1 == served.rows()


def test_an_unknown_uvicorn_serves_by_asgi() -> None:
    """Where uvicorn has not what the direct way leans on, the worker takes the other one before it serves anything."""
    code = (
        "from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol\n"
        "del HttpToolsProtocol.on_message_complete\n"
        "from jupyter_deploy.bentos.python.endpoint.server import Protocol\n"
        "print(Protocol.__name__)\n"
    )
    assert "FallbackProtocol\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_request_may_come_byte_by_byte(make_app: Make, serve: Serve) -> None:
    """However a request is cut into packets, it is one request."""
    with serve(make_app()).connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in message():
            connection.sendall(bytes([byte]))
        assert [(200, b'{"predictions":[6.0]}')] == answers(connection, 1)


def test_a_body_in_chunks_is_taken(make_app: Make, serve: Serve) -> None:
    """A body without a stated length is read, and measured while it comes."""
    app = make_app(limit=1000)
    head = f"POST /predict HTTP/1.1\r\nhost: a\r\n{KEY}transfer-encoding: chunked\r\n\r\n".encode()
    served = serve(app)
    with served.connect() as connection:
        connection.sendall(head + b"9\r\n" + ROWS[:9].encode() + b"\r\n9\r\n" + ROWS[9:].encode() + b"\r\n0\r\n\r\n")
        assert [200] == [status for status, _ in answers(connection, 1)]
        connection.sendall(head + b"500\r\n" + b" " * 0x500 + b"\r\n")
        assert [413] == [status for status, _ in answers(connection, 1)]
        assert b"" == connection.recv(1)


def test_leave_to_send_comes_after_the_head_was_judged(make_app: Make, serve: Serve) -> None:
    """Who asks before it sends a body gets leave where the head is good, and a refusal instead where it is not."""
    expects = "expect: 100-continue\r\n"
    served = serve(make_app())
    with served.connect() as connection:
        whole = message(head=expects)
        connection.sendall(whole[: -len(ROWS)])
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == connection.recv(25)
        connection.sendall(ROWS.encode())
        assert [200] == [status for status, _ in answers(connection, 1)]
    for head, key, status in (("", "", 401), ("content-type: text/plain\r\n", KEY, 415)):
        with served.connect() as connection:
            connection.sendall(message(head=head + expects, key=key)[: -len(ROWS)])
            assert [status] == [one for one, _ in answers(connection, 1)]
            assert b"" == connection.recv(1)


def test_old_callers_are_hung_up_on(make_app: Make, serve: Serve) -> None:
    """A connection is closed after its answer where the caller does not keep it, and stays where it does."""
    served = serve(make_app())
    for options in ({"first": "POST /predict HTTP/1.0"}, {"head": "connection: close\r\n"}):
        with served.connect() as connection:
            connection.sendall(message(**options))
            got = b"".join(iter(lambda: connection.recv(4096), b""))
            assert got.startswith(b"HTTP/1.1 200")
            assert b"connection: close\r\n" in got


@pytest.mark.parametrize(
    ("sent", "status"),
    [(message()[:-1], 408), (message()[:40], 408), (message(key="")[:-1], 401), (b"", 0)],
    ids=["half a body", "half a head", "half a body without a key", "nothing"],
)
def test_who_sends_too_slowly_is_hung_up_on(make_app: Make, serve: Serve, sent: bytes, status: int) -> None:
    """A request that is not whole in time is given up; a connection on which nothing was asked may stay."""
    served = serve(make_app(body_seconds=0.3))
    with served.connect() as connection:
        connection.sendall(sent)
        if status:
            assert [status] == [one for one, _ in answers(connection, 1)]
            assert b"" == connection.recv(1)
        assert 200 == served.post([[1, 2, 3]])


def test_who_leaves_before_its_turn_costs_no_call(make_app: Make, serve: Serve) -> None:
    """The model never sees a request whose caller went away while others were answered."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0]))
    first = threading.Thread(target=served.post, args=([[0.6, 0, 0]],))
    first.start()
    time.sleep(0.2)
    with served.connect() as connection:
        connection.sendall(message('{"rows":[[0,0,0],[0,0,0]]}'))
        time.sleep(0.1)
    first.join()

    assert 200 == served.post([[0, 0, 0]])
    assert 2 == served.rows()


def test_who_waits_too_long_is_told_and_nobody_else_is_hurt(make_app: Make, serve: Serve) -> None:
    """The deadline counts from a request's arrival; one that only waited for others ends without ending the worker."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0], deadline=1.0))
    got: list[int] = []
    asks = [threading.Thread(target=lambda: got.append(served.post([[0.7, 0, 0]]))) for _ in range(2)]
    for one in asks:
        one.start()
        time.sleep(0.05)
    for one in asks:
        one.join()

    assert [200, 504] == got
    assert 200 == served.post([[0, 0, 0]])
    assert (0, 0) == os.waitpid(served.pid, os.WNOHANG)


@pytest.mark.parametrize("is_known", [False, True], ids=["in the thread", "on the loop"])
def test_a_call_that_hangs_ends_the_worker(make_app: Make, serve: Serve, is_known: bool) -> None:
    """A running call cannot be ended but with its process: its caller is told, and the process ends."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0], deadline=0.5))
    if is_known:
        assert 200 == served.post([[0, 0, 0]])

    assert 504 == served.post([[30, 0, 0]])
    _, status = os.waitpid(served.pid, 0)
    served.pid = 0
    assert 75 == os.waitstatus_to_exitcode(status)


def test_what_was_asked_is_answered_before_the_end(make_app: Make, serve: Serve) -> None:
    """A worker that is told to end answers what it has, and then ends."""
    served = serve(make_app(lambda rows: time.sleep(rows[0, 0]) or rows[:, 0]))
    with served.connect() as idle, served.connect() as connection:
        connection.sendall(message('{"rows":[[0.5,0,0]]}'))
        time.sleep(0.2)
        os.kill(served.pid, signal.SIGTERM)
        got = b"".join(iter(lambda: connection.recv(4096), b""))
        assert got.startswith(b"HTTP/1.1 200")
        assert b"connection: close\r\n" in got
        assert b"" == idle.recv(1)
    os.waitpid(served.pid, 0)
    served.pid = 0


def test_who_does_not_read_is_not_answered_without_end(make_app: Make, serve: Serve) -> None:
    """A caller that asks again and again and reads no answer is left waiting, so that its answers do not fill the memory."""
    served = serve(make_app(limit=2_000_000))
    wide = message(json.dumps({"rows": [[0.1, 0.2, 0.3]] * 2_000}))
    with served.connect() as connection:
        connection.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            for sent in range(2_000):  # noqa: B007 (it tells how far it came)
                connection.sendall(wide)
        assert sent < 1_900
        assert 200 == served.post([[1, 2, 3]])
