"""The workers of one release: forked from the loaded parent, forked again within milliseconds when one dies or hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import uvicorn

from . import devices, log, memory, threads, warming
from .board import REPLACED, Board
from .control import publish
from .hotpath import HotPath
from .limits import Limits
from .server import Worker

T = TypeVar("T")

CRASHES, WITHIN = 5, 10.0  # so many deaths before any worker was ready, within so many seconds, are a failure
PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds before a worker that died before it was ready is forked again, doubled each time
LATE = 1.0  # seconds beyond the deadline that a worker has to give up a call by itself
UNLOADABLE = 76  # exit status of a worker that could not load its model


class Workers:
    """The processes that answer.

    Args:
        board: What they share.
        limits: What each of them may have, and for how long.
        build: Gives the application and uvicorn's configuration in a worker: those made before the fork, or its own.
        starting: Seconds that a worker may be silent before it is ready.
        sockets: Where each worker's socket shall stand, and the prepared socket.
        silence: Seconds without a heartbeat after which a worker is replaced.
        after_fork: What a new worker does first, given its number, such as closing what is its parent's.
    """

    def __init__(
        self,
        board: Board,
        limits: Limits,
        build: Callable[[], tuple[HotPath, uvicorn.Config]],
        starting: float,
        sockets: Mapping[Path, socket.socket],
        silence: float,
        after_fork: Callable[[int], None],
    ) -> None:
        self.restarts = 0
        self.unloadable = ""  # why a worker could not load its model
        self.early_end = "The workers end before they are ready; the log says why."
        self.board, self._limits, self._build, self._after_fork = board, limits, build, after_fork
        self._starting, self._silence = starting, silence
        self._slots = [board.slot(number) for number in range(board.workers)]
        self._paths, self._sockets = list(sockets), list(sockets.values())
        for path in self._paths:
            publish(path)
        self._pids: dict[int, int] = {}  # worker's number by process id
        self._early = [0] * board.workers  # deaths in a row before it was ready
        self._due: dict[int, float] = {}
        self._crashes: list[float] = []
        self._gauge = memory.Gauge(limits.memory)
        self._innocent: set[int] = set()  # ended for what was no doing of a request
        self._late: set[int] = set()  # ended for a call that took too long

    def start(self) -> None:
        """Fork them all."""
        for number in range(len(self._slots)):
            self._fork(number)

    def ready(self) -> list[int]:
        """List the process ids of the workers that answer."""
        return [pid for pid, number in self._pids.items() if self._slots[number].ready]

    def alive(self) -> bool:
        """Say whether any worker lives."""
        return bool(self._pids)

    def tend(self) -> bool:
        """Take note of the dead, end the silent, fork successors.

        Returns:
            False where they die again and again before any of them is ready.
        """
        for pid, number, status in self._dead():
            self._blame(pid, number, status)
            self._succeed(number, status)
        now = time.monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            self._fork(number)
        self._end_silent(now)
        self._end_large()
        recent = [moment for moment in self._crashes if now - moment < WITHIN]
        self._crashes = recent
        return (len(recent) < CRASHES and not self.unloadable) or bool(self.ready())

    def reap(self) -> None:
        """Take note of the dead without a successor, while the release ends."""
        for _ in self._dead():
            pass

    def close(self) -> None:
        """Close the listening sockets here; each worker still has its own."""
        for one in self._sockets:
            one.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every worker.

        Args:
            number: The signal.
        """
        for pid in self._pids:
            _kill(pid) if number == signal.SIGKILL else os.kill(pid, number)

    def _dead(self) -> list[tuple[int, int, int]]:
        found = []
        for pid in list(self._pids):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                _kill(pid)  # what it started, while its id is still its own
                _, status = os.waitpid(pid, 0)
                found.append((pid, self._pids.pop(pid), os.waitstatus_to_exitcode(status)))
        return found

    def _blame(self, pid: int, number: int, status: int) -> None:
        """Count a worker's death against the requests that its model had in hand, unless they are not what it died of."""
        innocent, ready = pid in self._innocent or status == REPLACED, self._slots[number].ready
        in_hand = 0 if innocent else self.board.quarantine.died(number, surely=pid in self._late)
        self._innocent.discard(pid)
        self._late.discard(pid)
        self._gauge.forget(pid)
        self.board.quarantine.left(number)
        log.write("worker_ended", worker=number, status=status, ready=ready, in_hand=in_hand)

    def _succeed(self, number: int, status: int) -> None:
        slot = self._slots[number]
        self._early[number] = 0 if slot.ready else self._early[number] + 1
        if not slot.ready:
            self._crashes.append(time.monotonic())
            self.unloadable = _reason().read_text() if status == UNLOADABLE else self.unloadable
        self.restarts += 1
        slot.ready = False
        early = self._early[number]
        self._due[number] = time.monotonic() + (min(PAUSE * 2**early, LONGEST_PAUSE) if early else 0.0)

    def _end_silent(self, now: float) -> None:
        for pid, number in self._pids.items():
            if pid in self._innocent or pid in self._late:  # it is ending, which may take a moment on a busy machine
                continue
            slot = self._slots[number]
            silent, since = now - slot.beat, slot.busy
            # A call that keeps the interpreter to itself silences the loop too, and the worker cannot give it up by itself.
            if since and silent > LATE and now - since > (self._limits.deadline if slot.ready else self._starting) + LATE:
                self._late.add(pid)
            elif silent <= self._silence or (since and not _stopped(pid)):
                continue
            else:
                self._innocent.add(pid)
            log.write("worker_silent", worker=number, silent=round(silent, 1))
            _kill(pid)

    def _end_large(self) -> None:
        for pid, number in self._pids.items():
            found = self._gauge.above(pid)
            if found:
                log.write("worker_above_memory", worker=number, bytes=found, limit=self._limits.memory)
                if not self._slots[number].ready:
                    self.early_end = f"A worker has {found:,} bytes before it answers, and `memory` allows {self._limits.memory:,}."
                _kill(pid)

    def _fork(self, number: int) -> None:
        self._slots[number].clear(busy=True)
        pid = os.fork()
        if pid:
            self._pids[pid] = number
            return
        try:
            self._work(number)
        finally:  # a child never returns into its parent's code
            error = sys.exc_info()[1]
            if error is not None and not isinstance(error, SystemExit):
                log.failure("worker_failed", error, worker=number)
            os._exit(0 if error is None else 1)

    def _work(self, number: int) -> None:
        os.setpgid(0, 0)
        self._after_fork(number)
        held = self._sockets[number]
        for one in self._sockets:
            if one is not held:
                one.close()
        threads.use(threads.each(self._limits.threads, self.board.workers))
        app, config = _or_end(self._build)
        app.start(number)
        memory.bound(self._limits.memory if devices.device() == devices.CPU else 0)  # a GPU's driver maps more than there is
        warming.warm(app.served.model, self.board, self._limits)
        if app.served.model.golden:
            _or_end(devices.check_used)
        Worker(config, app, self._paths[number]).run(sockets=[held])


def _or_end(step: Callable[[], T]) -> T:
    """Do what must succeed before a worker can answer, or leave the reason to the parent and end."""
    try:
        return step()
    except BaseException as error:  # noqa: BLE001 (the author's code may raise anything while it is loaded, SystemExit too)
        reason = f"{type(error).__name__}: {error}"
        log.failure("load_failed", error, reason=reason)
        _reason().write_text(reason)
        os._exit(UNLOADABLE)


def _reason() -> Path:
    """Where a worker that cannot load its model leaves the reason for its parent."""
    return Path(tempfile.gettempdir()) / "unloadable"


def _kill(pid: int) -> None:
    """End a worker and what it started."""
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it may not have its group yet
        os.killpg(pid, signal.SIGKILL)


def _stopped(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")
