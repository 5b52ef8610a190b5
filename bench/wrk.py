"""Load a server with wrk, and tell what each of its processes spent on a request."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

SCRIPT = Path(__file__).parent / "apps" / "post.lua"
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}  # in milliseconds
TICKS = 0.03  # seconds by which the coarse clock of a process may differ from the sum of its threads' fine ones
SERVER, CLIENT = {0}, {1}  # cores


class Load(NamedTuple):
    """What came of one load.

    Attributes:
        requests: How many were answered.
        rate: Answers a second.
        p50: The median latency in milliseconds.
        p99: The 99th percentile in milliseconds.
        bad: Answers other than 2xx, and broken connections.
        cpu: Microseconds of CPU a request, by part of the server.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    bad: int
    cpu: dict[str, float]

    @property
    def whole(self) -> float:
        """Microseconds of CPU a request, of all parts together."""
        return sum(self.cpu.values())


def press(
    url: str,
    body: bytes,
    key: str,
    connections: int,
    seconds: int,
    parts: Mapping[str, Iterable[int]],
    cores: set[int] | None = None,
) -> Load:
    """Send as many requests as the server answers.

    Args:
        url: Where to.
        body: The body.
        key: The key's secret; empty where there is none.
        connections: How many requests are in flight.
        seconds: For how long.
        parts: The process ids of the server's parts.
        cores: Where wrk runs; on a core of its own if not given, where it has one.

    Returns:
        What came of it.
    """
    before = {name: clocks(pids) for name, pids in parts.items()}
    program = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20s", "-s", str(SCRIPT), url]
    pinned = ["taskset", "-c", ",".join(map(str, cores or CLIENT))] if pinning() else []
    done = subprocess.run(
        [*pinned, *program], check=True, capture_output=True, text=True, env={**os.environ, "BODY": body.decode(), "KEY": key}
    )
    after = {name: clocks(pids) for name, pids in parts.items()}
    number = int(_found(r"(\d+) requests in", done.stdout))
    cpu = {name: 1e6 * spent(before[name], after[name]) / max(1, number) for name in parts}
    bad = int(_found(r"Non-2xx or 3xx responses: (\d+)", done.stdout))
    bad += sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", done.stdout)))
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", done.stdout))
    return Load(number, rate, _milliseconds("50", done.stdout), _milliseconds("99", done.stdout), bad, cpu)


def pinning() -> bool:
    """Say whether server and client each have a core of their own: only where this process was told so."""
    return os.sched_getaffinity(0) == SERVER


def pin(pids: Iterable[int], cores: set[int]) -> None:
    """Move processes with all of their threads to some cores.

    Args:
        pids: The processes.
        cores: The cores.
    """
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(task.name), cores)


def tree(pid: int) -> list[int]:
    """List a process and all that it started.

    Args:
        pid: The process.

    Returns:
        The process ids that live.
    """
    try:
        return [pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def clocks(pids: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Read how much CPU processes have spent.

    Args:
        pids: The processes.

    Returns:
        Seconds by process id: in ticks of 10 ms with all threads that there ever were, and to the nanosecond for those that live.
    """
    found = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            times = psutil.Process(pid).cpu_times()
            fine = sum(int((one / "schedstat").read_text().split()[0]) for one in Path(f"/proc/{pid}/task").iterdir())
            found[pid] = (times.user + times.system, fine / 1e9)
    return found


def spent(before: Mapping[int, tuple[float, float]], after: Mapping[int, tuple[float, float]]) -> float:
    """Give the seconds of CPU between two readings; a thread that ended meanwhile takes its fine clock with it."""
    total = 0.0
    for pid, (ticks, fine) in after.items():
        coarse, exact = ticks - before.get(pid, (0.0, 0.0))[0], fine - before.get(pid, (0.0, 0.0))[1]
        total += exact if abs(exact - coarse) < TICKS else coarse
    return total


def memory(pids: Iterable[int]) -> float:
    """Add up the memory of processes in megabytes, pages that several share divided among them."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            total += psutil.Process(pid).memory_full_info().pss / 1e6
    return total


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else "0"


def _milliseconds(share: str, text: str) -> float:
    match = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s|m)", text)
    return float(match[1]) * UNITS[match[2]] if match else 0.0
