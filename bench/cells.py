"""From a cell to the first right answer, and from a cell to the verified release; what `%load_ext` and the agent cost."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import psutil
from kernel import Kernel, call, fresh_home, kernel, key_of, until
from peers import PEERS, Peer
from report import Report, quantile, table

from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from jupyter_deploy.values import Release

HEAVY = ("bentoml", "kubernetes", "matplotlib", "sklearn")
FIT = """
import json, joblib
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
X, y = load_breast_cancer(return_X_y=True)
model = RandomForestClassifier(n_estimators=100, random_state=0).fit(X, y)
"""
REFIT = """
model = RandomForestClassifier(n_estimators=100, random_state={seed}).fit(X, y)
golden = model.predict_proba(X)
print(json.dumps([X[:3].tolist(), model.predict_proba(X[:3]).tolist()]))
"""
LOAD = """
import sys, time
began = time.perf_counter()
get_ipython().run_line_magic("load_ext", "jupyter_deploy")
seconds = time.perf_counter() - began
import json
print(json.dumps([seconds, [name for name in HEAVY if name in sys.modules], len(sys.modules)]))
"""
METHOD = "predict_proba"
SETTLE = 3.0  # seconds that a person needs at least to write the next cell


class Once:
    """One deploy, watched from outside by a caller who asks again and again.

    Attributes:
        preview: Seconds from the cell to the first right answer.
        verified: Seconds from the cell to the first right answer of the verified release.
        release: The release as it ended.
    """

    def __init__(self, session: Kernel, home: Home, client: AgentClient, name: str, seed: int) -> None:
        rows, self._expected = json.loads(session.run(REFIT.format(seed=seed)).splitlines()[-1])
        self._body = json.dumps({"rows": rows}).encode()
        self._url, self._home, self._client, self._name = "", home, client, name
        began = time.perf_counter()
        cell = session.send(f"ep = %deploy model --name {name}")
        self.preview = until(lambda: self._right("")) - began
        self.verified = until(lambda: self._right("verified")) - began
        session.wait(cell)
        self.release = ended(client, name)

    def _right(self, state: str) -> bool:
        key = key_of(self._home, self._name)
        if not key:
            return False
        self._url = self._url or self._client.endpoint(self._name).url + METHOD
        seen = call(self._url, self._body, key)
        return seen.predictions == self._expected and (not state or seen.state == state)


def measure_deploys(report: Report, peers: Path | None, times: int, first_times: int) -> None:
    """Measure cell to preview and cell to verified, with the peers in between.

    Args:
        report: Takes the figures.
        peers: The interpreter of the peers' environment; None leaves them out.
        times: How many deploys with an unchanged lock.
        first_times: How many deploys that make lock and environment first, beyond one that fills the package cache.
    """
    firsts = [first_deploy(seed) for seed in range(first_times + 1)][1:]
    others: dict[str, list[float]] = {peer.name: [] for peer in PEERS} if peers else {}
    again: list[Once] = []
    with fresh_home() as home, kernel(home) as session:
        client = begin(session, home)
        for number in range(times + 1):
            one = Once(session, home, client, f"bench-{number}", number)
            again += [one] if number else []  # the very first makes the lock
            client.remove(f"bench-{number}")
            if peers and number and number % max(1, times // 4) == 0:
                for peer in ready_peers(session, peers):
                    others[peer.name].append(peer.seconds())
                    print(f"  {peer.name}: {others[peer.name][-1]:.2f} s")
    tell_preview(report, [one.preview for one in again], others)
    tell_verified(report, firsts, again)


def first_deploy(seed: int) -> Once:
    """Deploy once in an empty home, so that lock and environment have to be made."""
    with fresh_home() as home, kernel(home) as session:
        return Once(session, home, begin(session, home), "first", seed)


def begin(session: Kernel, home: Home) -> AgentClient:
    """Do what comes before the cell that counts: import, fit, load the extension."""
    session.run(FIT)
    session.run("%load_ext jupyter_deploy")
    session.run("pass")
    time.sleep(SETTLE)
    return connect(home)


def ended(client: AgentClient, name: str) -> Release:
    """Wait until a release has ended."""
    until(lambda: client.endpoint(name).releases[0].ended)
    return client.endpoint(name).releases[0]


def ready_peers(session: Kernel, python: Path) -> list[Peer]:
    """Give every peer the kernel's own model."""
    path = Path(session.run("import tempfile; p = tempfile.mkdtemp() + '/model.pkl'; joblib.dump(model, p); print(p)").strip())
    rows, expected = json.loads(session.run("print(json.dumps([X[:3].tolist(), model.predict_proba(X[:3]).tolist()]))"))
    return [peer(python, path, rows, expected) for peer in PEERS]


def tell_preview(report: Report, ours: list[float], others: dict[str, list[float]]) -> None:
    """Print and note the first figure."""
    print("\nFrom a cell with a fitted RandomForest to the first right answer, seconds")
    rows = [("%deploy, preview", len(ours), quantile(ours, 0.5), quantile(ours, 0.95), max(ours))]
    rows += [(name, len(got), quantile(got, 0.5), quantile(got, 0.95), max(got)) for name, got in others.items() if got]
    table(("way", "times", "p50", "p95", "worst"), rows)
    report.add("preview_p50_s", quantile(ours, 0.5))
    report.add("preview_p95_s", quantile(ours, 0.95), most=1.0)
    for name, got in others.items():
        if got:
            report.add(f"peer_p50_s: {name}", quantile(got, 0.5))


def tell_verified(report: Report, firsts: list[Once], again: list[Once]) -> None:
    """Print and note the second figure with each stage's share."""
    print("From the same cell to the verified release at the same URL, seconds (median)")
    first, unchanged = statistics.median(one.verified for one in firsts), statistics.median(one.verified for one in again)
    report.add("verified_first_s", first, most=30.0)
    report.add("verified_unchanged_lock_s", unchanged, most=5.0)
    shares: dict[str, list[Any]] = {}
    for column, runs in enumerate((firsts, again)):
        for name in [stage.name for stage in runs[0].release.stages]:
            took = [stage.seconds or 0.0 for one in runs for stage in one.release.stages if stage.name == name]
            shares.setdefault(name, [0.0, 0.0])[column] = statistics.median(took)
            report.add(f"stage_{('first', 'unchanged')[column]}_s: {name}", statistics.median(took))
    rows = [(name, *both) for name, both in shares.items()]
    table(("stage", "first, warm package cache", "lock unchanged"), [*rows, ("cell to verified", first, unchanged)])


def measure_rest(report: Report, times: int) -> None:
    """Measure `%load_ext` in fresh kernels, and the agent at rest.

    Args:
        report: Takes the figures.
        times: How many kernels.
    """
    seconds, imported = [], set()
    with fresh_home() as home:
        for _ in range(times):
            with kernel(home) as session:
                took, heavy, _modules = json.loads(session.run(f"HEAVY = {HEAVY!r}\n{LOAD}"))
                seconds.append(took)
                imported.update(heavy)
        client = connect(home)
        time.sleep(SETTLE)
        pid = client.status()["pid"]
        memory, resident = proportional(pid), psutil.Process(pid).memory_info().rss / 1e6
    report.add("load_ext_ms_p50", 1000 * quantile(seconds, 0.5))
    report.add("load_ext_ms_worst", 1000 * max(seconds), most=150.0)
    report.add("load_ext_heavy_modules", len(imported), most=0)
    report.add("agent_at_rest_mb", memory, most=80.0)
    report.add("agent_at_rest_resident_mb", resident, most=80.0)
    print("At rest")
    rows = [
        ("%load_ext, ms, middle of all kernels", 1000 * quantile(seconds, 0.5)),
        ("%load_ext, ms, worst", 1000 * max(seconds)),
        ("heavy modules that %load_ext imports", ", ".join(imported) or "none"),
        ("agent, MB, its share of shared pages", memory),
        ("agent, MB, resident", resident),
    ]
    table(("what", "got"), rows)


def proportional(pid: int) -> float:
    """Read how much memory a process takes, shared pages divided among those who share them.

    Args:
        pid: The process.

    Returns:
        Megabytes.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
