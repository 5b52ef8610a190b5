"""A control socket: one JSON line in, one JSON line out, one connection a command, in one thread."""

from __future__ import annotations

import json
import selectors
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 2.0  # seconds for a command to arrive; the caller is the agent, which sends it at once
LONGEST = 1 << 20  # bytes of one command

Command = dict[str, Any]
Answer = Callable[[Command], Command]


def listen(path: Path, backlog: int = 128) -> socket.socket:
    """Bind a Unix socket that its owner alone may use; whoever connects finds it listening or not at all.

    Args:
        path: Where it shall stand; an older socket there is replaced in one step.
        backlog: How many connections may wait.

    Returns:
        The listening socket.
    """
    made = prepare(path, backlog)
    publish(path)
    return made


def prepare(path: Path, backlog: int = 128) -> socket.socket:
    """Make a Unix socket that listens, beside the path where it shall stand later.

    Args:
        path: Where it shall stand.
        backlog: How many connections may wait.

    Returns:
        The listening socket, which nobody finds yet.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    new = _beside(path)
    new.unlink(missing_ok=True)
    made.bind(str(new))
    new.chmod(0o600)
    made.listen(backlog)
    return made


def publish(path: Path) -> None:
    """Put a prepared socket where it shall stand, in one step.

    Args:
        path: The same path.
    """
    _beside(path).rename(path)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def identity(path: Path) -> tuple[int, int] | None:
    """Tell a file from another that takes its path later.

    Args:
        path: The path.

    Returns:
        What stays the same as long as the file stands there; None where nothing does.
    """
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns  # an inode's number alone is soon used again


class Control:
    """The listening end.

    Args:
        path: The socket's path.
        answer: What to do with a command.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self.socket = listen(path)
        self._identity = identity(path)
        self.socket.setblocking(False)
        self._answer = answer
        self._connection: socket.socket | None = None
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.socket, selectors.EVENT_READ)
        self._selector.register(self._inside, selectors.EVENT_READ)

    @property
    def waker(self) -> int:
        """The descriptor that ends a wait early when a byte is written to it, as `signal.set_wakeup_fd` does."""
        return self._outside.fileno()

    def wake(self) -> None:
        """End a wait early, from another thread."""
        self._outside.send(b"\0")

    def step(self, seconds: float) -> bool:
        """Wait for a command or a wake-up, and answer whatever has arrived.

        Args:
            seconds: How long to wait at most.

        Returns:
            Whether a command was answered.
        """
        answered = False
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._inside:
                self._drain()
            else:
                answered |= self._take()
        return answered

    def holds_path(self) -> bool:
        """Say whether whoever connects to the path still reaches this socket."""
        return identity(self.path) == self._identity

    def close(self) -> None:
        """Close every descriptor, also that of a command that is being answered, without removing the path."""
        self._selector.close()
        for one in (self.socket, self._inside, self._outside, self._connection):
            if one is not None:
                one.close()

    def _drain(self) -> None:
        try:
            while self._inside.recv(4096):
                pass
        except BlockingIOError:
            return

    def _take(self) -> bool:
        try:
            connection, _ = self.socket.accept()
        except OSError:  # whoever connected went away again
            return False
        self._connection = connection
        with connection:
            connection.settimeout(PATIENCE)
            try:
                connection.sendall(_write(self._answer(_read(_line(connection)))))
            except (OSError, ValueError):
                return False
        return True


def ask(path: Path, command: Command, seconds: float = 10.0) -> Command:
    """Send one command and read the answer.

    Args:
        path: The socket's path.
        command: The command.
        seconds: How long to wait at most.

    Returns:
        The answer.

    Raises:
        OSError: If nobody answers there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(seconds)
        made.connect(str(path))
        made.sendall(_write(command))
        return _read(_line(made))


def _read(line: bytes) -> Command:
    command = json.loads(line)
    if not isinstance(command, dict):
        raise ValueError("this is no command")  # noqa: TRY004 (as for every other line that is none)
    return command


def _write(command: Command) -> bytes:
    return json.dumps(command).encode() + b"\n"


def _line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(65536)
        if not part or len(data) > LONGEST:
            raise OSError("the line was cut off")
        data += part
    return data
