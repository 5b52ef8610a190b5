"""Many starters, deploys at once, other versions, a reboot, a clock that jumps: one agent, one history, nothing lost."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

import jupyter_deploy as jd
from jupyter_deploy import __version__
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from jupyter_deploy.soundness import examine
from tests.faults.arena import Arena, Seen, end, follow, processes, until

PACKAGE = Path(jd.__file__).parent
STARTER = "from jupyter_deploy.agent.lifecycle import connect; print(connect().status()['pid'])"
TAMPERING = Path(__file__).with_name("failpoints")


def run(code: str, *arguments: str, package: Path = PACKAGE.parent) -> str:
    """Run Python with a copy of the package in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=env, cwd=package, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def test_twenty_starters_give_one_agent(home: Home) -> None:
    """Twenty programs that ask at once find one and the same agent, and no other is left."""
    with ThreadPoolExecutor(20) as pool:
        pids = set(pool.map(lambda _: run(STARTER), range(20)))

    assert 1 == len(pids)
    agents = [pid for pid, line in processes(home).items() if "jupyter_deploy.agent" in line]
    assert pids == {str(pid) for pid in agents}


def test_starters_after_a_crash_give_one_agent(home: Home) -> None:
    """It is the same where an agent was killed and its socket and lock file are still there."""
    end(connect(home).status()["pid"])
    with ThreadPoolExecutor(10) as pool:
        pids = set(pool.map(lambda _: run(STARTER), range(10)))

    assert 1 == len(pids)


DEPLOYER = """
import pathlib, sys
import jupyter_deploy as jd
factor = float(sys.argv[1])
def model(rows: list) -> list:
    return [factor * row for row in rows]
endpoint = jd.deploy(model, name="churn", example=[1.0], folder=sys.argv[2])
try:
    endpoint.wait()
except jd.errors.DeployError as error:
    print(error)
"""


@pytest.mark.parametrize("factors", [(1.0, 2.0), (3.0, 3.0), (1.0, 2.0, 3.0, 4.0)], ids=str)
def test_kernels_that_deploy_at_once(home: Home, tmp_path: Path, factors: tuple[float, ...]) -> None:
    """The history is one line, the newest serves, and whoever lost is told who took its place."""
    with ThreadPoolExecutor(len(factors)) as pool:
        told = list(pool.map(lambda factor: run(DEPLOYER, str(factor), str(tmp_path)), factors))
    releases = connect(home).endpoint("churn").releases
    newest = releases[0]

    assert list(range(len(set(factors)), 0, -1)) == [one.number for one in releases]
    assert ["serving", *["cancelled"] * (len(releases) - 1)] == [one.state for one in releases]
    assert len(releases) - 1 == sum(bool(re.search(r"`churn@\d` took its place", one)) for one in told)
    assert (newest.number, "verified") == (connect(home).endpoint("churn").answering, connect(home).endpoint("churn").state)
    assert () == examine(home).flaws


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give copies of the package that call themselves older and newer."""
    folders = {}
    for version in ("0.0.1", "99.0.0"):
        folder = tmp_path_factory.mktemp("version")
        shutil.copytree(PACKAGE, folder / "jupyter_deploy", ignore=shutil.ignore_patterns("__pycache__"))
        init = folder / "jupyter_deploy" / "__init__.py"
        init.write_text(init.read_text().replace(f'"{__version__}"', f'"{version}"'))
        folders[version] = folder
    return folders


def version_of(home: Home) -> str:
    """Ask the agent for its version."""
    version: str = connect(home, start=False).status()["version"]
    return version


def test_a_newer_client_replaces_the_agent(arena: Arena, versions: dict[str, Path]) -> None:
    """Ten newer clients at once replace an older agent by one: no call is lost, and a deploy that was on its way goes on."""
    seen, factor = Seen(), arena.next()
    end(arena.agent())
    run(STARTER, package=versions["0.0.1"])
    assert "0.0.1" == version_of(arena.home)
    with arena.load(seen):
        release = connect(arena.home, start=False)  # a client that changes nothing
        with ThreadPoolExecutor(10) as pool:
            pids = set(pool.map(lambda _: run(STARTER), range(10)))
        assert __version__ == version_of(arena.home)
        arena.deploy(factor).wait()
    arena.check()

    assert 1 == len(pids)
    assert {} == seen.failures
    assert release.status()["version"] == __version__


def test_an_older_client_leaves_a_newer_agent(arena: Arena, versions: dict[str, Path]) -> None:
    """Two kernels of different versions do not take the agent from each other."""
    end(arena.agent())
    pid = run(STARTER, package=versions["99.0.0"])

    assert pid == run(STARTER)
    assert "99.0.0" == version_of(arena.home)
    end(int(pid))


@pytest.mark.parametrize("emptied", [False, True], ids=["files-stay", "runtime-folder-emptied"])
def test_endpoints_come_back_after_a_reboot(arena: Arena, emptied: bool) -> None:
    """After everything was killed at once, whoever asks for the agent brings every endpoint back at its URL, with its answers."""
    endpoint = connect(arena.home).endpoint(arena.name)
    for pid in processes(arena.home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not processes(arena.home), 10, lambda: processes(arena.home))
    if emptied:
        shutil.rmtree(arena.home.runtime)
    connect(arena.home)
    key = Path(endpoint.key_file).read_text().strip()

    def answer() -> httpx.Response | None:
        with contextlib.suppress(httpx.TransportError):
            headers = {"authorization": f"Bearer {key}"}
            return httpx.post(f"{endpoint.url}predict", json={"rows": [1]}, headers=headers, trust_env=False)
        return None

    until(lambda: (got := answer()) is not None and got.status_code == 200, 60, answer)
    got = answer()
    assert got is not None
    assert ([arena.factor], f"{arena.name}@{endpoint.answering}", "verified") == (
        got.json()["predictions"], got.headers["jd-release"], got.headers["jd-state"],
    )  # fmt: skip
    arena.check()


@contextlib.contextmanager
def clock(arena: Arena, offset: Path) -> Iterator[None]:
    """Let another agent take the agent's place, whose wall clock is off by the seconds that stand in a file."""
    offset.write_text("0")
    arena.restart(CLOCK=str(offset), PYTHONPATH=os.pathsep.join((str(TAMPERING), os.environ.get("PYTHONPATH", ""))))
    yield
    arena.restart()


@pytest.mark.parametrize("jump", ["3600", "-3600"])
def test_a_clock_that_jumps(arena: Arena, tmp_path: Path, jump: str) -> None:
    """While the agent's clock jumps to and fro, no call is lost, the deploy is verified, and no stage takes an absurd time."""
    seen, factor, offset = Seen(), arena.next(), tmp_path / "offset"
    with clock(arena, offset), arena.load(seen):
        endpoint = arena.deploy(factor)
        for stage, moved in (("locked", jump), ("bundled", "0"), ("verified", jump)):
            for release in connect(arena.home).events(arena.name, endpoint.view.release.number):
                if release.ended or any(one.name == stage for one in release.stages):
                    break
            offset.write_text(moved)
        last = follow(connect(arena.home), endpoint.view.release)
        connect(arena.home).free()
    arena.check()

    assert {} == seen.failures
    assert "serving" == last.state, last.reason
    assert all(0 <= (stage.seconds or 0) < 120 for stage in last.stages)
    times = [stage.started for stage in last.stages]
    assert 3000 < max(times) - min(times)  # else its clock did not jump
