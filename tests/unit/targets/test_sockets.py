"""Conversations with the processes beside us: whatever a release answers, whoever asks goes on."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_deploy.targets.local import sockets

Answer = Callable[[socket.socket], None]


@pytest.fixture
def parent() -> Iterator[Callable[[Answer], Path]]:
    """Give a function that listens on a socket and answers the first question."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))  # a path that a socket may have

        def listening(answer: Answer) -> Path:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(folder / "s"))
            listener.listen()

            def serve() -> None:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(1000)
                    answer(connection)

            threading.Thread(target=serve, daemon=True).start()
            return folder / "s"

        yield listening


def test_an_answer_may_come_in_parts(parent: Callable[[Answer], Path]) -> None:
    """It is read to the end of its line."""

    def answer(connection: socket.socket) -> None:
        for part in (b'{"ok": ', b"true}", b"\n"):
            connection.sendall(part)

    assert {"ok": True} == sockets.ask(parent(answer), {"do": "status"}, 30.0)


def test_an_answer_that_ends_early_is_none(parent: Callable[[Answer], Path]) -> None:
    """What ends before its line does is not taken for an answer."""
    with pytest.raises(ConnectionError, match="no whole answer"):
        sockets.ask(parent(lambda connection: connection.sendall(b"{}")), {"do": "status"}, 30.0)


def test_an_answer_that_never_ends_is_given_up_in_time(parent: Callable[[Answer], Path]) -> None:
    """Though a little more of it comes again and again."""
    left = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not left.wait(0.02):
            connection.sendall(b" ")

    with pytest.raises(TimeoutError):
        sockets.ask(parent(drip), {"do": "samples"}, 0.3)
    left.set()


def test_an_answer_without_an_end_takes_no_memory_without_end(
    parent: Callable[[Answer], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up where it is longer than any answer is."""
    monkeypatch.setattr(sockets, "LONGEST", 100_000)

    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b" " * 10_000)

    with pytest.raises(ConnectionError, match="no whole answer"):
        sockets.ask(parent(flood), {"do": "samples"}, 30.0)
