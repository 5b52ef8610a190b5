"""An endpoint under load whose next deploy meets a fault: the older release must answer throughout, the newer one in the end."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench import load
from jupyter_deploy import errors
from jupyter_deploy.adapters import python
from jupyter_deploy.adapters.handle import Endpoint
from jupyter_deploy.adapters.session import Session
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from jupyter_deploy.soundness import examine
from jupyter_deploy.targets.local import sockets
from jupyter_deploy.targets.local.watch import ended
from jupyter_deploy.values import Release

RATE = 20.0  # calls a second
PATIENCE = 10.0  # seconds for what a release leaves behind to end
OFTEN = 20  # deploys of one endpoint, after which another takes its place, so that no later point is slower than an earlier one


def multiplier(factor: int, *modules: str) -> Any:
    """Make a model that multiplies, and whose code needs some installed modules: other modules, another lock."""
    lines = [*(f"import {name}" for name in modules), "def predict(rows: list) -> list:", *(f"    {name}" for name in modules)]
    namespace: dict[str, Any] = {"__name__": "__main__", "factor": factor}
    exec("\n".join([*lines, "    return [factor * row for row in rows]"]), namespace)
    return namespace["predict"]


@dataclass
class Seen:
    """What came of one fault.

    Attributes:
        hit: Whether the fault took place.
        calls: How many calls were answered meanwhile.
        failures: How many were not, by reason.
        finished: What finished the deploy.
        seconds: How long it took from the fault to the new release, in seconds.
    """

    hit: bool = False
    calls: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    finished: str = ""
    seconds: float = 0.0


Fault = Callable[[int], contextlib.AbstractContextManager[Callable[[], bool]]]


class Arena:
    """A home with one endpoint; its release number n multiplies by the factor of its capture.

    Args:
        home: The agent's folders.
        beside: An empty folder, in which no settings and no modules lie.
    """

    def __init__(self, home: Home, beside: Path) -> None:
        self.home = home
        self.factor = 0
        self._beside = beside
        self._deploys = 0
        self._factors: dict[str, int] = {}  # by capture
        self.renew()

    def renew(self) -> None:
        """Let another endpoint take the place of this one."""
        if self._deploys:
            connect(self.home).remove(self.name)
        self._deploys, self.name = 0, f"churn-{self.factor}"
        self.deploy(self.next()).wait()

    def next(self) -> int:
        """Choose the factor of the next model."""
        if self._deploys >= OFTEN:
            self.renew()
        self.factor += 1
        self._deploys += 1
        return self.factor

    def deploy(self, factor: int, *modules: str, **settings: Any) -> Endpoint:
        """Give the command that deploys a model; the same again for the same arguments."""
        names = {"model": multiplier(factor, *modules)}
        capture, read = python.prepare("model", Session(names, (), self._beside), self.name, [1.0, 2.0], settings)
        self._factors[capture.digest] = factor
        return python.launch(capture, read)

    def agent(self) -> int:
        """Give the agent's process id; it is started where it does not run."""
        pid: int = connect(self.home).status()["pid"]
        return pid

    def restart(self, **variables: str) -> int:
        """Let another agent take the agent's place, with some environment variables."""
        end(self.agent())
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return self.agent()

    @contextlib.contextmanager
    def load(self, seen: Seen, retry: float = 0.0) -> Iterator[None]:
        """Call the endpoint while the block runs; each answer must be that of the release that it names."""
        endpoint = connect(self.home).endpoint(self.name)
        answers: set[tuple[str, float]] = set()

        def check(number: int, answer: load.Answer) -> str:
            if answer.status != 200:
                return f"status {answer.status}: {answer.body[:200].decode(errors='replace')}"
            answers.add((answer.headers["jd-release"], json.loads(answer.body)["predictions"][0] / (number + 1)))
            return ""

        headers = {"authorization": f"Bearer {Path(endpoint.key_file).read_text().strip()}"}
        plan = load.Plan(
            f"{endpoint.url}predict", RATE, lambda number: json.dumps({"rows": [number + 1]}).encode(), check, headers, retry
        )
        with load.running(plan) as report:
            yield
        seen.calls, seen.failures = len(report.calls), report.reasons
        known = {(one.tag, float(self._factors[one.capture])) for one in connect(self.home).endpoint(self.name).releases}
        assert answers <= known, f"wrong answers: {answers - known}"

    def finish(self, factor: int, *modules: str, **settings: Any) -> str:
        """Let the deploy be finished: by whatever agent runs now, else by the same command; say by which."""
        client = connect(self.home)
        newest = client.endpoint(self.name).releases[0]
        if self._factors.get(newest.capture) == factor and follow(client, newest).state == "serving":
            return "the agent"
        self.deploy(factor, *modules, **settings).wait()
        return "the same command"

    def meet(self, fault: Fault, *modules: str, retry: float = 0.0, told: list[str] | None = None) -> Seen:
        """Deploy the next model while something happens to the agent.

        Args:
            fault: Gives, for the agent's process id, a block in which the fault may happen; the block says whether it did.
            modules: What the model's code needs.
            retry: Seconds for which callers try again, where a fault may lose their calls.
            told: Takes what people are told of the fault.
        """
        factor, seen = self.next(), Seen()
        with self.load(seen, retry):
            pid = self.agent()
            with fault(pid) as happened:
                try:
                    endpoint = self.deploy(factor, *modules)
                    reason = follow(endpoint._client, endpoint.view.release).reason
                except errors.DeployError as error:
                    reason = str(error)
                if told is not None:
                    told.append(reason)
                seen.hit = happened()
            began = time.monotonic()
            seen.finished = self.finish(factor, *modules)
            seen.seconds = time.monotonic() - began
        self.check()
        return seen

    def check(self) -> None:
        """The newest model answers, all that is kept is whole, and nothing is left that is of no use."""
        client = connect(self.home)
        endpoint = client.endpoint(self.name)
        numbers = [one.number for one in endpoint.releases]

        assert "serving" == endpoint.releases[0].state
        assert (endpoint.releases[0].number, "verified") == (endpoint.answering, endpoint.state)
        assert numbers == list(range(len(numbers), 0, -1))
        assert () == examine(self.home).flaws
        client.free()
        until(lambda: not self.files_left(), PATIENCE, self.files_left)
        until(lambda: not self.processes_left(), PATIENCE, self.processes_left)

    def files_left(self) -> set[str]:
        """List the files and folders that no release needs."""
        home, client = self.home, connect(self.home)
        releases = [one for endpoint in client.endpoints() for one in client.endpoint(endpoint.name).releases]
        needed = {
            *(home.captures / one.capture for one in releases), *(home.bundles / one.bundle for one in releases),
            *(home.locks / f"{one.lock}.json" for one in releases), *(home.locks / one.lock for one in releases),
            *(home.environments / name for one in releases for name in (one.lock, f".{one.lock}.lock")),
            *(home.keys / f"{one.endpoint}.key" for one in releases), *(home.releases / one.endpoint for one in releases),
        }  # fmt: skip
        folders = (home.captures, home.bundles, home.locks, home.environments, home.keys, home.releases, home.staging)
        found = {one for folder in folders if folder.exists() for one in folder.iterdir()}
        sockets_left = {one for one in home.runtime.glob("e-*.sock") if sockets.listener_of(one) is None}
        return {str(one.relative_to(home.root)) for one in (found - needed) | set(below(home.root, ".new-*")) | sockets_left}

    def processes_left(self) -> dict[int, list[str]]:
        """List the processes of this home that neither answer nor are of use to the agent."""
        known = {sockets.listener_of(one) for one in below(self.home.runtime, "*.sock")}
        status = {}
        for control in self.home.runtime.glob("*/parent.sock"):
            with contextlib.suppress(OSError):
                status = sockets.ask(control, {"do": "status"}, 5)
                known |= {status["pid"], *status["workers"]}
        return {pid: line for pid, line in processes(self.home).items() if pid not in known}


def below(folder: Path, pattern: str) -> Iterator[Path]:
    """List what has such a name in a folder and below it; other than with `rglob`, a folder may go meanwhile."""
    return (Path(place) / name for place, *names in os.walk(folder) for name in fnmatch.filter([*names[0], *names[1]], pattern))


def processes(home: Home) -> dict[int, list[str]]:
    """List the processes of a home: its agent, router, parents, workers, and what those started."""
    found = {}
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = one.pid != os.getpid() and one.status() != psutil.STATUS_ZOMBIE
            if mine and (one.environ().get("JUPYTER_DEPLOY_HOME") == str(home.root) or str(home.root) in " ".join(one.cmdline())):
                found[one.pid] = one.cmdline()
    return found


def follow(client: AgentClient, release: Release) -> Release:
    """Follow a release to its end."""
    *_, last = client.events(release.endpoint, release.number)
    return last


def end(pid: int) -> None:
    """Kill a process and wait until it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert ended(pid, PATIENCE)


def until(true: Callable[[], bool], seconds: float, what: Callable[[], object]) -> None:
    """Wait until something is true; say what is not where it does not become so."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, what()
        time.sleep(0.02)
