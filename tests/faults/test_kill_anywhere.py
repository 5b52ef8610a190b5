"""A deploy that is killed anywhere: the older release answers throughout, and what was begun is finished."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.targets.local import sockets
from jupyter_deploy.targets.local.watch import ended
from tests.faults import injection, points, report
from tests.faults.arena import Arena, Fault

FAILPOINTS = Path(__file__).with_name("failpoints")
PACKAGES = ("pluggy", "iniconfig", "packaging", "idna", "certifi", "click", "markdown_it", "pygments")  # small ones
AGAIN = 5.0  # seconds for which callers try again while the router, and what is in flight in it, is gone


@pytest.mark.parametrize("call", points.some(points.SYSTEM_CALLS), ids=lambda call: f"{call.name}-{call.number}")
def test_the_agent_is_killed_at_a_system_call(arena: Arena, call: points.Call, tmp_path: Path) -> None:
    """Whichever call it was, no caller notices, and the next agent or the same command finishes."""

    def fault(pid: int) -> contextlib.AbstractContextManager[Callable[[], bool]]:
        return injection.tampered(pid, call.name, "signal=KILL", str(call.number), tmp_path / "trace")

    seen = arena.meet(fault)

    assert {} == seen.failures
    report.add("System calls", call.name, seen)


@pytest.mark.parametrize("point", points.some(points.FAILPOINTS), ids="-".join)
def test_the_agent_is_killed_at_a_function(arena: Arena, point: points.Point) -> None:
    """Whether it had just begun or ended a step, no caller notices, and the next agent or the same command finishes."""
    place = os.pathsep.join(filter(None, (str(FAILPOINTS), os.environ.get("PYTHONPATH", ""))))

    @contextlib.contextmanager
    def fault(_: int) -> Iterator[Callable[[], bool]]:
        try:
            pid = arena.restart(FAILPOINT=":".join(point), PYTHONPATH=place)
        except errors.AgentUnreachable:  # it got there as soon as it had begun
            yield lambda: True
            return
        yield lambda: ended(pid, 1.0)
        if not ended(pid, 0):
            arena.restart()

    seen = arena.meet(fault)

    assert {} == seen.failures
    report.add("Functions", f"{point.module}.{point.function}, its {'beginning' if point.event == 'call' else 'end'}", seen)


@pytest.mark.parametrize("number, victim", points.some(list(enumerate(points.VICTIMS))), ids=str)
def test_another_process_is_killed(arena: Arena, number: int, victim: points.Victim) -> None:
    """Whatever else dies in whichever stage, no caller notices, and the deploy or the same command finishes."""
    modules = combination(number) if victim.process == "uv" else ()
    seen = arena.meet(killing(arena, victim), *modules, retry=AGAIN if victim.process == "router" else 0.0)

    assert {} == seen.failures
    report.add("Processes", f"{victim.process}, when `{victim.stage}` has begun", seen)


def combination(number: int) -> tuple[str, ...]:
    """Choose packages that nobody has deployed together yet, so that they have to be locked and installed."""
    return tuple(name for bit, name in enumerate(PACKAGES) if (number + 1) >> bit & 1)


def killing(arena: Arena, victim: points.Victim) -> Fault:
    """Kill a process once a stage of the next release has begun."""

    @contextlib.contextmanager
    def fault(_: int) -> Iterator[Callable[[], bool]]:
        before = connect(arena.home).endpoint(arena.name).releases[0].number
        killed, over = threading.Event(), threading.Event()
        thread = threading.Thread(target=kill_when, args=(arena, victim, before + 1, killed, over))
        thread.start()
        yield killed.is_set
        over.set()
        thread.join()

    return fault


def kill_when(arena: Arena, victim: points.Victim, number: int, killed: threading.Event, over: threading.Event) -> None:
    """Wait until a stage has begun and the process is there, and kill it."""
    client = connect(arena.home)
    while not over.is_set():
        newest = client.endpoint(arena.name).releases[0]
        begun = newest.number == number and any(stage.name == victim.stage for stage in newest.stages)
        for pid in pids(arena, victim.process, number) if begun else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.set()
        if killed.is_set():
            return
        time.sleep(0.005)


def pids(arena: Arena, process: str, number: int) -> list[int]:
    """Find the processes of a kind; those of the release that answers where it is not about the new one."""
    runtime = arena.home.runtime
    if process == "uv":
        return [one.pid for one in psutil.Process(arena.agent()).children() if one.name() == "uv"]
    if process in {"router", "environment parent"}:
        listening = map(sockets.listener_of, runtime.glob("router.sock" if process == "router" else "e-*.sock"))
        return [pid for pid in listening if pid]
    found = []
    for control in runtime.glob("*/parent.sock"):
        with contextlib.suppress(OSError):
            launch, status = (control.parent / "launch.json").read_text(), sockets.ask(control, {"do": "status"}, 5)
            if (f'"number":{number},' in launch) == process.startswith("new "):
                found += status["workers"][:1] if process.endswith("worker") else [status["pid"]]
    return found


def test_the_points_were_reached() -> None:
    """Faults that never happen prove nothing."""
    reached = [seen.hit for _, _, seen in report.ROWS]

    assert sum(reached) >= 0.6 * len(reached)
