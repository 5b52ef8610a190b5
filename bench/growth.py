"""What a home costs as it grows: deploy time by stage, memory, disk, and how fast the agent tells how things are."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
from cells import proportional
from kernel import call, fresh_home, until
from models import Large, Small
from peers import Bento, free_port
from report import Report, table
from steps import forest

import jupyter_deploy as jd
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from jupyter_deploy.store import Store
from jupyter_deploy.values import Release

STAGES = ("captured", "preview", "locked", "environment", "bundled", "verified", "serving")
LINEAR = 1.1  # the largest exponent that still counts as linear, for what is measured is never quite even
HEAD = ("deploy s", *STAGES, "agent MB", "all MB", "disk MB", "status ms")


def measure_endpoints(report: Report, counts: Sequence[int]) -> None:
    """Measure homes with more and more endpoints.

    Args:
        report: Takes the figures.
        counts: How many endpoints.
    """
    rows, growth = [], []
    with home_of_bench() as (home, client):
        for count in counts:
            known = len(client.endpoints())
            releases = [deploy(Small(number + 1.0), f"bench-{number}") for number in range(known, count)]
            figures = at_rest(home, client, releases[-5:], "bench-0")
            rows.append((count, *figures))
            growth.append((count, figures))
        told = len(client.endpoints())
    print("Endpoints on one home, one worker each")
    table(("endpoints", *HEAD), rows)
    assert told == counts[-1]
    tell(report, "endpoints", growth)


def measure_releases(report: Report, counts: Sequence[int]) -> None:
    """Measure a home whose endpoint has more and more releases; beyond 100 they are written to the store without being deployed.

    Args:
        report: Takes the figures.
        counts: How many releases.
    """
    rows, growth = [], []
    with home_of_bench() as (home, client):
        for count in counts:
            known = len(client.endpoint("bench", whole=True).releases) if client.endpoints() else 0
            real = min(count, 100)
            done = [deploy(Small(number + 1.0), "bench") for number in range(known, max(real, known + 1))]
            fill(home, count - known - len(done))
            done += [deploy(Small(-float(count)), "bench")] if count > real else []
            figures = at_rest(home, client, done[-5:], "bench")
            rows.append((len(client.endpoint("bench", whole=True).releases), *figures))
            growth.append((count, figures))
    print("Releases of one endpoint")
    table(("releases", *HEAD), rows)
    tell(report, "releases", growth)


def measure_models(report: Report, sizes: Sequence[int]) -> None:
    """Measure larger and larger models.

    Args:
        report: Takes the figures.
        sizes: Their sizes in bytes.
    """
    rows, growth = [], []
    for size in sizes:
        with home_of_bench() as (home, client):
            pid = client.status()["pid"]
            deploy(Small(1.0), "first")
            before = peak(pid)
            release = deploy(Large(size), "large")
            figures = at_rest(home, client, [release], "large")
            grown, worker = (peak(pid) - before) / size, largest(home) / size
            rows.append((size / 1e6, *figures, grown, worker))
            growth.append((size, figures))
            report.add(f"agent_peak_growth_share_of_model: {size / 1e6:.0f} MB", grown, most=None if size < 10**8 else 0.2)
            report.add(f"worker_memory_share_of_model: {size / 1e6:.0f} MB", worker, most=None if size < 10**9 else 1.2)
    print("Models of one array; the last columns are shares of the model's size")
    table(("MB", *HEAD, "agent's peak", "worker"), rows)
    tell(report, "models", growth)


def measure_memory(report: Report, python: Path | None) -> None:
    """Measure what one more endpoint takes, beside BentoML's own server with the same model.

    Args:
        report: Takes the figures.
        python: The interpreter of the peers' environment; None leaves BentoML out.
    """
    with home_of_bench() as (home, client):
        taken = []
        for number in range(6):
            model, data = forest(number)
            jd.deploy(model, name=f"bench-{number}", example=data, workers=1, wait=True, preview=False)
            time.sleep(1.0)
            taken.append(together(home))
        agent = proportional(client.status()["pid"])
    one = statistics.median(after - before for before, after in itertools.pairwise(taken))
    rows = [
        ("one more endpoint, one worker, with its parent", one),
        ("the first endpoint, with agent, router and imports", taken[0]),
        ("the agent", agent),
    ]
    report.add("memory_one_more_endpoint_mb", one)
    if python:
        whole, worker = bento(python)
        rows += [("BentoML's worker", worker), ("BentoML's worker and supervisor", whole)]
        report.add("peer_memory_mb: BentoML worker", worker)
        report.add("memory_one_more_endpoint_share_of_bentoml_worker", one / worker, most=1.0)
    print("Memory of a forest behind a URL, MB, shared pages divided among those who share them")
    table(("what", "MB"), rows)


class home_of_bench:  # noqa: N801 (it is used as a function)
    """An empty home that this process deploys to; gives the home and a client of its agent."""

    def __enter__(self) -> tuple[Home, AgentClient]:
        """Make it."""
        self._fresh = fresh_home()
        home = self._fresh.__enter__()
        self._before = os.environ.get("JUPYTER_DEPLOY_HOME")
        os.environ["JUPYTER_DEPLOY_HOME"] = str(home.root)
        return home, connect(home)

    def __exit__(self, *raised: object) -> None:
        """End it."""
        os.environ.pop("JUPYTER_DEPLOY_HOME")
        if self._before is not None:
            os.environ["JUPYTER_DEPLOY_HOME"] = self._before
        self._fresh.__exit__(*raised)


def deploy(model: Any, name: str) -> Release:
    """Deploy a model with one worker and wait until it serves."""
    endpoint = jd.deploy(model, name=name, example=[1.0, 2.0], workers=1, wait=True, preview=False, keep=0, compile="off")
    return endpoint.view.release


def at_rest(home: Home, client: AgentClient, releases: Sequence[Release], name: str) -> tuple[float, ...]:
    """Give what `HEAD` names, once nothing is on its way any more."""
    time.sleep(2.0)
    took = [{stage.name: stage.seconds or 0.0 for stage in release.stages} for release in releases]
    stages = [statistics.median(one.get(stage, 0.0) for one in took) for stage in STAGES]
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        client.endpoint(name)
        seconds.append(1000 * (time.perf_counter() - began))
    return sum(stages), *stages, proportional(client.status()["pid"]), together(home), disk(home), statistics.median(seconds)


def tell(report: Report, what: str, growth: Sequence[tuple[int, tuple[float, ...]]]) -> None:
    """Note the last figures, and the exponent with which each grew from the last number but one to the last."""
    (few, before), (many, after) = growth[-2:]
    names = {"deploy_s": 0, "agent_mb": -4, "memory_mb": -3, "disk_mb": -2}
    for name, at in names.items():
        report.add(f"{what}_{many}_{name}", after[at])
        exponent = math.log(max(after[at], 1e-9) / max(before[at], 1e-9)) / math.log(many / few)
        report.add(f"{what}_{few}_to_{many}_{name}_exponent", exponent, most=LINEAR)
    report.add(f"{what}_status_ms_worst", max(figures[-1] for _, figures in growth), most=50.0)


def fill(home: Home, count: int) -> None:
    """Write releases to the store as they are once they have been replaced."""
    store = Store(home.store)
    last = store.releases("bench")[0]
    options = store.options("bench", last.number)
    for _ in range(count):
        release = store.add_release("bench", last.capture, options, last.provenance, last.findings)
        for stage in last.stages:
            if stage.name in STAGES:
                release = store.finish(release, store.begin(release, stage.name), stage.name, 0.1, stage.detail)  # type: ignore[arg-type]
        store.update(release, lock=last.lock, bundle=last.bundle, verified=True)
        store.end(release, "retired", "replaced")


def processes(home: Home) -> list[psutil.Process]:
    """List the processes that belong to a home: its agent, its router, its parents and their workers."""
    root, found = str(home.root), []
    for one in psutil.process_iter():
        try:
            told = " ".join(one.cmdline()) + one.environ().get("JUPYTER_DEPLOY_HOME", "")
        except psutil.Error:
            continue
        if root in told and one.pid != os.getpid():
            found.append(one)
    return found


def together(home: Home) -> float:
    """Add up the memory of a home's processes in megabytes."""
    return sum(proportional(one.pid) for one in processes(home) if one.is_running() and one.status() != psutil.STATUS_ZOMBIE)


def largest(home: Home) -> int:
    """Give the resident memory in bytes of the largest process of a home, which is a worker or its parent."""
    return max(one.memory_info().rss for one in processes(home))


def disk(home: Home) -> float:
    """Add up what a home takes on disk in megabytes, files with several names once; environments are left out."""
    seen: dict[int, int] = {}
    for place, folders, files in os.walk(home.root):
        folders[:] = [one for one in folders if Path(place, one) != home.environments]
        for name in files:
            facts = os.lstat(os.path.join(place, name))  # noqa: PTH118 (a million times)
            seen[facts.st_ino] = facts.st_blocks * 512
    return sum(seen.values()) / 1e6


def peak(pid: int) -> float:
    """Read the most memory that a process has ever had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024.0


def bento(python: Path) -> tuple[float, float]:
    """Serve the same forest with BentoML, one worker, and give the memory of all of it and of its worker, in megabytes."""
    model, data = forest()
    folder = Path(tempfile.mkdtemp(prefix="jdp-"))
    joblib.dump(model, folder / "first.pkl")
    rows = np.asarray(data[:3]).tolist()
    peer = Bento(python, folder / "first.pkl", rows, model.predict_proba(data[:3]).tolist())
    peer.prepare(folder)
    port = free_port()
    server = peer.serve(folder, port)
    try:
        body = json.dumps({"rows": rows}).encode()
        until(lambda: peer.right(call(f"http://127.0.0.1:{port}/predict", body).predictions), 0.05)
        time.sleep(1.0)
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        taken = [proportional(one.pid) for one in family]
        return sum(taken), max(taken)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
