"""Notice within milliseconds that a process has ended, whether it is our child or not."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable
from pathlib import Path

Ended = Callable[[], None]


def ended(pid: int, seconds: float) -> bool:
    """Wait for a process to end.

    Args:
        pid: The process.
        seconds: How long to wait at most.

    Returns:
        Whether it has ended.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def kill_session(leader: int) -> None:
    """Kill a process that leads a session, and all that belong to the session.

    Args:
        leader: The process; it may have ended.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is somebody else's
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session == leader or int(folder.name) == leader:
                os.kill(int(folder.name), signal.SIGKILL)


class Watch:
    """One thread that waits for processes to end and calls back, each callback in a thread of its own."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[int, Ended]] = {}
        self._poll = select.epoll()
        self._wake, self._waker = os.pipe()
        self._poll.register(self._wake, select.EPOLLIN)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def add(self, pid: int, ended: Ended) -> None:
        """Watch a process.

        Args:
            pid: The process.
            ended: Called once when it ends; at once where it has ended already.
        """
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._call(ended)
            return
        self._watched[handle] = (pid, ended)
        self._poll.register(handle, select.EPOLLIN)

    def close(self) -> None:
        """Stop watching; nothing happens to the processes."""
        self._closed = True
        os.write(self._waker, b".")
        self._thread.join()
        self._poll.close()
        for handle in (*self._watched, self._wake, self._waker):
            os.close(handle)
        self._watched.clear()

    def _run(self) -> None:
        while not self._closed:
            for handle, _ in self._poll.poll():
                if handle != self._wake:
                    self._end(handle)

    def _end(self, handle: int) -> None:
        self._poll.unregister(handle)
        pid, ended = self._watched.pop(handle)
        os.close(handle)
        with contextlib.suppress(ChildProcessError):  # not our child: its own parent reaps it
            os.waitpid(pid, os.WNOHANG)
        if not self._closed:
            self._call(ended)

    @staticmethod
    def _call(ended: Ended) -> None:
        threading.Thread(target=ended, name="ended", daemon=True).start()
