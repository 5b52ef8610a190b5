"""The local target while its processes are killed under load: real Envoy, real parents and workers, every answer checked."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from bench import load
from jupyter_deploy.targets.local import sockets
from jupyter_deploy.targets.local.watch import ended
from jupyter_deploy.targets.local.workers import REVIVALS
from tests.serving import Machine, machine, until

pytestmark = pytest.mark.faults


@pytest.fixture
def made() -> Iterator[Machine]:
    """Give a target on which nothing runs."""
    with machine() as one:
        yield one


def parent_of(made: Machine, launch: str) -> int:
    """Give the release parent's process id."""
    folder = made.home.runtime / hashlib.sha256(launch.encode()).hexdigest()[:8]
    pid: int = sockets.ask(folder / "parent.sock", {"do": "status"}, 5)["pid"]
    return pid


def kill_parent(made: Machine, launch: str) -> None:
    """Kill the release parent and wait until another one has taken its place."""
    before = parent_of(made, launch)
    os.kill(before, signal.SIGKILL)
    assert "ready" == made.target.status()[launch].phase
    until(lambda: made.target.status()[launch].workers != () and parent_of(made, launch) != before)


def kill_worker(made: Machine, launch: str) -> None:
    """Kill a worker and wait until another one has taken its place."""
    before = made.target.status()[launch]
    os.kill(before.workers[0], signal.SIGKILL)
    until(lambda: made.target.status()[launch].restarts > before.restarts)
    until(lambda: len(made.target.status()[launch].workers) == len(before.workers))


def kill_router(made: Machine) -> None:
    """Kill Envoy and wait until another one has taken its place."""
    before = router_of(made)
    os.kill(before, signal.SIGKILL)
    until(lambda: sockets.listener_of(made.home.runtime / "router.sock") not in {None, before})


def router_of(made: Machine) -> int:
    """Give Envoy's process id."""
    pid = sockets.listener_of(made.home.runtime / "router.sock")
    assert pid
    return pid


def lives(pid: int) -> bool:
    """Say whether a process runs."""
    return not ended(pid, 0)


@pytest.mark.parametrize("workers", [2, 1])
def test_killed_worker_loses_nothing(made: Machine, workers: int) -> None:
    """Under load a killed worker loses no request, whether or not it has a sibling, and is replaced."""
    launch = made.start(2, workers=workers)
    made.switch(launch)
    with load.running(made.plan()) as report:
        for _ in range(5):
            time.sleep(0.4)
            kill_worker(made, launch)

    assert {} == report.reasons
    assert 5 == made.target.status()[launch].restarts


def test_hung_worker_is_replaced(made: Machine) -> None:
    """A worker that is stopped is replaced after its silence; its sibling answers what it was asked."""
    launch = made.start(2)
    made.switch(launch)
    hung = made.target.status()[launch].workers[0]
    with load.running(made.plan(rate=30)) as report:
        time.sleep(0.3)
        os.kill(hung, signal.SIGSTOP)
        until(lambda: made.target.status()[launch].restarts == 1 and len(made.target.status()[launch].workers) == 2)

    assert {} == report.reasons
    assert hung not in made.target.status()[launch].workers


def test_killed_release_parent_is_revived(made: Machine) -> None:
    """Under load a killed release parent loses no request: its orphans answer until its successor's workers take their sockets."""
    launch = made.start(2)
    made.switch(launch)
    orphans = made.target.status()[launch].workers
    with load.running(made.plan()) as report:
        time.sleep(0.3)
        kill_parent(made, launch)
        until(lambda: not any(map(lives, orphans)))

    assert {} == report.reasons
    assert [8] == made.predict(launch, 4)


def test_release_parent_that_keeps_dying_is_left(made: Machine) -> None:
    """A release whose parent dies again and again is not revived for ever."""
    launch = made.start(2)
    for _ in range(REVIVALS):
        kill_parent(made, launch)
    for pid in (parent_of(made, launch), *made.target.status()[launch].workers):
        os.kill(pid, signal.SIGKILL)
    until(lambda: made.target.status()[launch].phase == "failed")

    assert "died 5 times within 60 s" in made.target.status()[launch].reason
    made.start(2)
    assert [8] == made.predict(launch, 4)


def test_killed_environment_parent_is_replaced(made: Machine) -> None:
    """Without its environment parent a release goes on, and the next one starts all the same."""
    first = made.start(2)
    for path in made.home.runtime.glob("e-*.sock"):
        pid = sockets.listener_of(path)
        assert pid
        os.kill(pid, signal.SIGKILL)

    assert [8] == made.predict(first, 4)
    assert [12] == made.predict(made.start(3), 4)


def test_killed_router_loses_nothing_with_our_client(made: Machine) -> None:
    """A killed router comes back with its traffic; a client that tries again, as ours does, loses no request."""
    made.switch(made.start(2))
    with load.running(made.plan(retry=5.0)) as report:
        for _ in range(3):
            time.sleep(0.4)
            kill_router(made)

    assert {} == report.reasons
    assert {"churn@2"} == {call.release for call in report.calls}


def test_switch_while_the_router_is_dead(made: Machine) -> None:
    """A switch that meets a dead router is acknowledged by its successor."""
    first, second = made.start(2), made.start(3)
    made.switch(first)
    os.kill(router_of(made), signal.SIGKILL)
    made.switch(second)

    assert {"churn@3"} == {call.release for call in load.run(made.plan(retry=5.0), 0.3).calls}


def test_release_that_died_without_an_agent_is_gone(made: Machine) -> None:
    """What died while no agent ran is listed as gone, and can be started again at the same place."""
    launch = made.start(2)
    made.switch(launch)
    workers, parent = made.target.status()[launch].workers, parent_of(made, launch)
    made.target.close(everything=False)
    for pid in (parent, *workers):
        os.kill(pid, signal.SIGKILL)
    made.target = type(made.target)(made.home)

    assert "gone" == made.target.status()[launch].phase
    made.start(2)
    made.switch(launch)
    assert {} == load.run(made.plan(), 0.3).reasons


def test_everything_died(made: Machine) -> None:
    """After a crash of the machine, when only files are left, starting and switching again brings the same URL back."""
    launch = made.start(2)
    made.switch(launch)
    url, workers, parent = made.target.url("churn"), made.target.status()[launch].workers, parent_of(made, launch)
    router = router_of(made)
    made.target.close(everything=False)
    for pid in (router, parent, *workers):
        os.kill(pid, signal.SIGKILL)
    made.target = type(made.target)(made.home)
    made.start(2)
    made.switch(launch)

    assert url == made.target.url("churn")
    assert {} == load.run(made.plan(), 0.3).reasons


def test_orphans_of_a_stopped_release_leave(made: Machine) -> None:
    """A release whose parent was killed while no agent ran leaves no worker behind when it is stopped."""
    launch = made.start(2)
    workers, parent = made.target.status()[launch].workers, parent_of(made, launch)
    made.target.close(everything=False)
    os.kill(parent, signal.SIGKILL)
    made.target = type(made.target)(made.home)
    made.target.stop(launch)

    until(lambda: not any(map(lives, workers)))
    assert {} == made.target.status()
