"""Two hundred requests a second while releases are switched and processes are killed; every failure is counted."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import load
import psutil
from kernel import Kernel, fresh_home, kernel, key_of, until
from report import Report, table

from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.answers import same
from jupyter_deploy.home import Home

NAME = "load"
RATE = 200.0  # requests a second
RETRY = 5.0  # seconds for which our own clients try a lost connection again
ROUNDING = 1e-9  # relative
BACK = 0.3  # seconds within which a killed router answers again
FIT = """
import json
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = load_breast_cancer(return_X_y=True)
%load_ext jupyter_deploy
"""
DEPLOY = """
model = make_pipeline(StandardScaler(), LogisticRegression(C={c})).fit(X, y)
golden = model.predict_proba(X)
ep = %deploy model --name {name} --workers {workers}
print(json.dumps([X[:50].tolist(), [model.predict_proba(X[i : i + 1])[0].tolist() for i in range(50)]]))  # row by row, as asked
"""


@dataclass
class Stand:
    """One endpoint with what each of its releases must answer.

    Attributes:
        session: The kernel that deploys to it.
        home: The agent's folders.
        client: The agent.
        name: The endpoint's name.
        workers: How many workers its releases have.
        expected: By release, the right answer to each row.
        rows: What is asked.
    """

    session: Kernel
    home: Home
    client: AgentClient
    name: str
    workers: int
    expected: dict[str, list[Any]] = field(default_factory=dict)
    rows: list[Any] = field(default_factory=list)

    def deploy(self, c: float) -> float:
        """Deploy a model and wait until its verified release serves.

        Args:
            c: The model's regularization, which tells its answers from the others'.

        Returns:
            `time.monotonic` when the switch was acknowledged.
        """
        number = len(self.expected) + 1
        printed = self.session.run(DEPLOY.format(c=c, name=self.name, workers=self.workers))
        self.rows, self.expected[f"{self.name}@{number}"] = json.loads(printed.splitlines()[-1])
        release = next(one for one in self.client.endpoint(self.name).releases if one.number == number)
        for release in self.client.events(self.name, number):
            if release.ended:
                break
        if release.state != "serving":
            raise RuntimeError(f"{release.tag} is {release.state}: {release.reason}")
        return time.monotonic()

    def plan(self, retry: float = 0.0) -> load.Plan:
        """Say what to send: another row each time, each answer checked against the release that gave it."""
        bodies = [json.dumps({"rows": [row]}).encode() for row in self.rows]
        headers = {"authorization": f"Bearer {key_of(self.home, self.name)}"}
        url = self.client.endpoint(self.name).url + "predict_proba"
        return load.Plan(url, RATE, lambda number: bodies[number % len(bodies)], self._check, headers, retry)

    def _check(self, number: int, answer: load.Answer) -> str:
        if answer.status != 200:
            return f"status {answer.status}"
        known = self.expected.get(answer.headers.get("jd-release", ""))
        if known is None:
            return ""  # a release whose right answers are still being printed; the next request is checked
        # Another process may round the last bit of a float otherwise; the releases' answers lie a thousand times further apart.
        right = same([known[number % len(self.rows)]], json.loads(answer.body)["predictions"], ROUNDING)
        return "" if right else "wrong answer"


@dataclass
class Outcome:
    """What came of one experiment.

    Attributes:
        report: Every request.
        acknowledged: `time.monotonic` when the action was done.
        old: The release that must not answer requests that were sent later; empty where none is replaced.
    """

    report: load.Report
    acknowledged: float
    old: str = ""

    @property
    def stale(self) -> int:
        """How many requests that were sent after the switch was acknowledged were answered by the old release."""
        return sum(call.release == self.old and call.sent > self.acknowledged for call in self.report.calls) if self.old else 0


def measure_traffic(report: Report, seconds: float) -> None:
    """Measure every experiment.

    Args:
        report: Takes the figures.
        seconds: How long each lasts.
    """
    with fresh_home() as home, kernel(home) as session:
        session.run(FIT)
        stand = Stand(session, home, connect(home), NAME, 2)
        stand.deploy(1.0)
        steady = Outcome(load.run(stand.plan(), seconds), 0.0)
        outcomes = {"steady": steady}
        outcomes["switch to a new release"] = act(stand, seconds, lambda: stand.deploy(0.01), f"{NAME}@1")
        outcomes["rollback"] = act(stand, seconds, lambda: roll_back(stand), f"{NAME}@2")
        outcomes["worker kill -9, two workers"] = act(stand, seconds, lambda: kill_worker(stand))
        outcomes["router kill -9, plain client"] = act(stand, seconds, lambda: kill_router(home))
        outcomes["router kill -9, our client"] = act(stand, seconds, lambda: kill_router(home), retry=RETRY)
        alone = Stand(session, home, stand.client, "alone", 1)
        alone.deploy(1.0)
        outcomes["worker kill -9, one worker"] = act(alone, seconds, lambda: kill_worker(alone))
        tell(report, outcomes)


def act(stand: Stand, seconds: float, action: Callable[[], float], old: str = "", retry: float = 0.0) -> Outcome:
    """Load an endpoint, act in the middle, and go on until the time is over."""
    with load.running(stand.plan(retry)) as running:
        began = time.monotonic()
        time.sleep(seconds / 3)
        acknowledged = action()
        time.sleep(max(seconds / 3, seconds - (time.monotonic() - began)))
    return Outcome(running, acknowledged, old)


def roll_back(stand: Stand) -> float:
    """Let the first release answer again."""
    stand.client.rollback(stand.name, 1)
    return time.monotonic()


def kill_worker(stand: Stand) -> float:
    """Kill one worker of the release that answers."""
    launch = f"{stand.name}@{stand.client.endpoint(stand.name).answering}"
    folder = stand.home.runtime / hashlib.sha256(launch.encode()).hexdigest()[:8]
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(str(folder / "parent.sock"))
        line.sendall(b'{"do": "status"}\n')
        status = json.loads(line.makefile().readline())
    os.kill(status["workers"][0], signal.SIGKILL)
    return time.monotonic()


def kill_router(home: Home) -> float:
    """Kill Envoy and wait until another one answers."""
    before = router(home)
    os.kill(before, signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: router(home) not in {0, before}, 0.002)
    return killed


def router(home: Home) -> int:
    """Find this home's Envoy; 0 where there is none."""
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        mine = any(str(home.root) in word or str(home.runtime) in word for word in line)
        if mine and "envoy" in line[0] and process.info["status"] != psutil.STATUS_ZOMBIE:
            return int(process.pid)
    return 0


def tell(report: Report, outcomes: dict[str, Outcome]) -> None:
    """Print and note what came of all."""
    print(f"Open loop, {RATE:g} requests a second, content checked")
    steady, rows = outcomes["steady"].report.latency(0.99), []
    for name, one in outcomes.items():
        p99, failed = one.report.latency(0.99), len(one.report.failures)
        rows.append((name, len(one.report.calls), failed, one.stale, one.report.latency(0.5), p99, reasons(one)))
        report.add(f"{name}: p99_ms", p99, most=2 * steady if name != "steady" and "router" not in name else None)
        if name == "router kill -9, plain client":
            tell_router(report, one)
        else:
            report.add(f"{name}: failed", failed, most=0)
        if one.old:
            report.add(f"{name}: answered by the old release after the acknowledgement", one.stale, most=0)
    table(("while", "requests", "failed", "stale", "p50 ms", "p99 ms", "why"), rows)


def tell_router(report: Report, one: Outcome) -> None:
    """Note how long a killed router was away, and what was lost besides."""
    lost = [call for call in one.report.failures if call.scheduled < one.acknowledged]
    refused = [call for call in one.report.failures if call.scheduled >= one.acknowledged]
    late = [call for call in refused if call.scheduled > one.acknowledged + BACK]
    away = max((call.scheduled for call in refused), default=one.acknowledged) - one.acknowledged
    report.add("router kill -9, plain client: lost in flight", len(lost))
    report.add("router kill -9, plain client: refused while away", len(refused))
    report.add("router kill -9, plain client: away_ms", 1000 * away, most=1000 * BACK)
    report.add("router kill -9, plain client: failed after it was back", len(late), most=0)


def reasons(one: Outcome) -> str:
    """Name the most frequent reasons of failures."""
    found = sorted(one.report.reasons.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{count} times {reason[:60]}" for reason, count in found)
