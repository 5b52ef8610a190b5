from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator

import pytest

from jupyter_deploy import errors
from jupyter_deploy.targets.local import ports


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port on which this process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_asked_port_comes_first(taken: int) -> None:
    """The port that the settings name is taken before the one that was used last."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        free = listener.getsockname()[1]

    assert free == ports.choose(free, taken)


def test_taken_port_names_its_program(taken: int) -> None:
    """A taken port is an error that names the program which has it and the setting that chooses another."""
    with pytest.raises(errors.PortInUse) as caught:
        ports.choose(taken, None)

    assert f"Port {taken} " in caught.value.message
    assert f"(process {os.getpid()})" in caught.value.message
    suggested = re.search(r"`port = (\d+)` in deploy\.toml", caught.value.hint)
    assert suggested is not None
    assert ports.free(int(suggested[1]))


def test_last_port_is_kept_rather_than_changed(taken: int) -> None:
    """Where the last port is taken the URLs do not change silently."""
    with pytest.raises(errors.PortInUse):
        ports.choose(None, taken)


def test_first_port_is_the_next_free_one() -> None:
    """The first time, a port from 8484 on is chosen, past those that are taken."""
    first = ports.choose(None, None)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier listener may linger
        listener.bind(("127.0.0.1", first))
        listener.listen()
        second = ports.choose(None, None)

    assert ports.FIRST <= first < second
