"""How much memory a worker has of its own, and what keeps it below its limit.

Two bounds work together. The worker cannot be given much more address space than its limit, so one huge allocation is a MemoryError
in the call that asks for it, and the worker lives. What grows in small steps is seen by the parent, which ends the worker.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from .isolation import at_most

SLACK = 256 << 20  # bytes of address space beyond the limit: stacks of threads, what an allocator keeps in store
PAGE = os.sysconf("SC_PAGE_SIZE")
SHARE = 50  # a reading is repeated no sooner than after so many times as long as it took, because large memory takes long to count


def bound(limit: int) -> None:
    """Let this process, just forked, have only so much more memory.

    Args:
        limit: Bytes; 0 stands for no limit.
    """
    has = _figures(Path("/proc/self/status"), ("VmData:",)) if limit else 0
    if has:
        import resource

        at_most(resource.RLIMIT_DATA, has + limit + limit // 4 + SLACK)


def be_first_to_go() -> None:
    """Let the system end this process and its children before others of the user's when the machine runs out of memory."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


class Gauge:
    """Reads how much memory processes have of their own, as often as is cheap.

    Args:
        limit: Bytes above which a process is reported; 0 stands for no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._due: dict[int, float] = {}

    def above(self, pid: int) -> int:
        """Say whether a process has more than it may.

        Args:
            pid: Its process id.

        Returns:
            The bytes that it has of its own, where they are above the limit; 0 otherwise.
        """
        if not self._limit or resident(pid) <= self._limit:  # which takes microseconds, and what it shares only adds to it
            return 0
        began = time.monotonic()
        if began < self._due.get(pid, 0.0):
            return 0
        found = own(pid)
        ended = time.monotonic()
        self._due[pid] = ended + SHARE * (ended - began)
        return found if found > self._limit else 0

    def forget(self, pid: int) -> None:
        """Let go of a process that has ended.

        Args:
            pid: Its process id.
        """
        self._due.pop(pid, None)


def resident(pid: int) -> int:
    """Read how much memory a process has, with all that it shares.

    Args:
        pid: Its process id.

    Returns:
        Bytes; 0 where the system does not say.
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def own(pid: int) -> int:
    """Read how much memory a process shares with no other.

    Args:
        pid: Its process id.

    Returns:
        Bytes; 0 where the system does not say.
    """
    return _figures(Path(f"/proc/{pid}/smaps_rollup"), ("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:"))


def _figures(path: Path, names: tuple[str, ...]) -> int:
    """Add up figures of a file of the system's, in bytes."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))
