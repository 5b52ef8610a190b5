"""Control sockets: one line in, one line out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_deploy.bentos.python.endpoint.control import Control, ask


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """Answer every command with itself, in another thread."""
    made = Control(tmp_path / "c.sock", lambda command: {"ok": True, **command})
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            made.step(1.0)

    thread = threading.Thread(target=serve)
    thread.start()
    yield made
    ended.set()
    made.wake()
    thread.join()
    made.close()


def test_a_command_is_answered(control: Control) -> None:
    """A command gets its answer over a socket that its owner alone may use."""
    assert {"ok": True, "do": "status"} == ask(control.path, {"do": "status"})
    assert 0o600 == control.path.stat().st_mode & 0o777


@pytest.mark.parametrize("sent", [b"", b"not json\n", b"[1]\n", b"{"])
def test_nonsense_disturbs_nobody(control: Control, sent: bytes) -> None:
    """Whoever sends something else is hung up on, and the next one is answered."""
    with socket.socket(socket.AF_UNIX) as odd:
        odd.connect(str(control.path))
        odd.sendall(sent)
        odd.shutdown(socket.SHUT_WR)
        answer = odd.recv(100)

    assert b"" == answer
    assert {"ok": True} == ask(control.path, {})


def test_a_successor_takes_the_path_over(control: Control) -> None:
    """Whoever binds the same path later gets the callers, and the first one can tell."""
    held = control.holds_path()
    successor = Control(control.path, lambda command: {"successor": True})
    answers = threading.Thread(target=successor.step, args=(5.0,))
    answers.start()
    got = ask(control.path, {})
    answers.join()
    successor.close()

    assert (True, {"successor": True}, False) == (held, got, control.holds_path())
