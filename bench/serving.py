"""What a request costs, with the servers that people use otherwise beside us in the same run.

python bench/serving.py [--peers PYTHON] [--mlserver PYTHON] [--frameworks PYTHON] [--quick] [--only loads router memory rows]

Every load is taken in turns: a second of each server, then the next round. CPU counts every process of a server, in microseconds a
request; other work on the machine disturbs it least. Where there are two cores, servers have one and wrk has the other. Prints
tables and writes `bench/results/serving.json`. Exits 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import stacks
import workloads
from footprint import measure_memory
from kernel import fresh_home
from loads import COMPILED, judge, judge_router, measure, on_two_cores, say, tell
from ours import alone, behind_router, deploy
from report import Report
from stacks import APPS, Peers, Stack
from transport import measure_rows
from wrk import CLIENT, SERVER

from jupyter_deploy.home import Home

PARTS = ("loads", "router", "memory", "rows")
QUICK = ("add", "lr", "rf")


def main() -> int:
    """Measure what was asked for.

    Returns:
        0 where every bar holds, 1 otherwise.
    """
    asked, began, report = arguments(), time.monotonic(), Report()
    if shutil.which("wrk") is None:
        print("wrk is not here. On Debian: apt-get install wrk, then run this again.", file=sys.stderr)
        return 1
    if os.sched_getaffinity(0) >= SERVER | CLIENT:
        os.sched_setaffinity(0, SERVER)  # for all that is started from here on; wrk alone is put on the other core
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    with contextlib.ExitStack() as ends:
        home, work = ends.enter_context(fresh_home()), Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="jdw-")))
        Run(asked, home, work, ends).measure(report)
    report.show()
    path = report.write("serving", quick=asked.quick, parts=asked.only, workloads=asked.workloads, rounds=asked.rounds)
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}   {time.monotonic() - began:.0f} s")
    return 0 if all(bar["holds"] for bar in report.bars.values()) else 1


class Run:
    """One run of the bench.

    Args:
        asked: The command line.
        home: An empty home of ours.
        work: An empty folder.
        ends: Takes what is to be ended.
    """

    def __init__(self, asked: argparse.Namespace, home: Home, work: Path, ends: contextlib.ExitStack) -> None:
        self.asked, self.home, self.work, self.ends = asked, home, work, ends
        self.names = tuple(asked.workloads)
        self.peers = Peers(asked.peers, work / "peers", work / "models", tuple(name for name in self.names if name != "mlp"))
        self.own = Peers(asked.frameworks or asked.peers, work / "frameworks", work / "frameworks-models", ("mlp",))

    def measure(self, report: Report) -> None:
        """Measure all parts that were asked for.

        Args:
            report: Takes the figures.
        """
        only = self.asked.only
        urls = self.deployed(report) if set(only) != {"rows"} else {}
        if {"loads", "memory"} & set(only):
            self.fit([name for name in self.names if name + COMPILED in urls])
        if "loads" in only:
            with contextlib.ExitStack() as ends:
                costs = measure([*self.ours(urls, ends), *self.others(urls, ends)], self.asked.rounds)
            tell(report, costs)
            judge(report, costs)
        if "router" in only and "add" in urls:
            cores = SERVER | CLIENT
            judge_router(report, on_two_cores(behind_router(self.home, urls), cores, 2 if self.asked.quick else 5))
        if "memory" in only:
            measure_memory(report, self.home, self.peers, self.work, [name for name in urls if name != "mlp"])
        if "rows" in only:
            say("rows")
            measure_rows(
                report, self.home, (1, 100, 10_000) if self.asked.quick else (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)
            )

    def deployed(self, report: Report) -> dict[str, str]:
        """Deploy every workload as it is, and once more in its faster form where that is proved; give their URLs."""
        urls = {}
        for name in self.names:
            say(f"deploy {name}")
            python = self.asked.frameworks if name == "mlp" else Path(sys.executable)
            forms = {name: "off"} | ({name + COMPILED: "require"} if name in workloads.FITTED else {})
            for endpoint, compiled in forms.items():
                with self._noted(report, endpoint):
                    urls[endpoint] = deploy(self.home, endpoint, name, python, workers=1, compile=compiled)
        return urls

    @staticmethod
    @contextlib.contextmanager
    def _noted(report: Report, name: str) -> Iterator[None]:
        """Go on without what cannot be deployed."""
        try:
            yield
        except RuntimeError as error:
            report.add(f"{name} is not deployed", str(error))
            say(str(error))

    def fit(self, compiled: Sequence[str]) -> None:
        """Fit the models as the peers read them, and convert for the ceiling what is converted for us."""
        self.peers.prepare()
        if compiled:
            env = {**os.environ, "PYTHONPATH": str(APPS.parent)}
            subprocess.run([sys.executable, APPS / "convert.py", self.peers.models, *compiled], check=True, env=env)

    def ours(self, urls: dict[str, str], ends: contextlib.ExitStack) -> list[Stack]:
        """Give our releases behind the router, and start each again without it."""
        found = [behind_router(self.home, urls)]
        for name in urls:
            say(f"start {name} without the router")
            found.append(alone(self.home, name, self.work))
            ends.callback(found[-1].close)
        return found

    def others(self, urls: dict[str, str], ends: contextlib.ExitStack) -> list[Stack]:
        """Start the ceiling and the peers."""
        makers: Sequence[Callable[[Peers], Stack | list[Stack]]] = (stacks.raw, stacks.fastapi)
        if not self.asked.quick:
            makers = (*makers, stacks.bentoml, stacks.litserve, stacks.mlflow)
        found: list[Stack] = []
        for make in makers:
            self._start(make, self.peers, found, ends)
        if self.asked.mlserver and not self.asked.quick:
            server = Peers(self.asked.mlserver, self.work / "mlserver", self.work / "mlserver-models", self.peers.names)
            server.prepare()
            self._start(stacks.mlserver, server, found, ends)
        if "mlp" in urls:
            self.own.prepare()
            for make in (stacks.raw, stacks.bentoml):
                self._start(make, self.own, found, ends)
        return found

    @staticmethod
    def _start(make: Callable[[Peers], Stack | list[Stack]], peers: Peers, found: list[Stack], ends: contextlib.ExitStack) -> None:
        say(f"start {make.__name__}")
        try:
            made = make(peers)
        except RuntimeError as error:  # the others are measured all the same
            say(f"{make.__name__} is left out: {error}")
            return
        for one in made if isinstance(made, list) else [made]:
            found.append(one)
            ends.callback(one.close)


def arguments() -> argparse.Namespace:
    """Read the command line.

    Returns:
        `peers`, `mlserver`, `frameworks`, `quick`, `rounds`, `only` and `workloads`.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = lambda text: Path(text).absolute()  # noqa: E731 (two arguments share it)
    parser.add_argument("--peers", type=path, required=True, help="the interpreter of the environment that holds the peers")
    parser.add_argument("--mlserver", type=path, help="the interpreter of the environment that holds MLServer")
    parser.add_argument(
        "--frameworks", type=path, help="an interpreter that has PyTorch and this project; without it the MLP is left out"
    )
    parser.add_argument("--quick", action="store_true", help="one round, and beside us only the ceiling and FastAPI")
    parser.add_argument("--rounds", type=int, default=0, help="how often each server is loaded in each way")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--workloads", nargs="+", choices=tuple(workloads.TITLES), help="what to serve")
    asked = parser.parse_args()
    whole = ("add", *workloads.FITTED, *(["mlp"] if asked.frameworks else []))
    asked.workloads = asked.workloads or (QUICK if asked.quick else whole)
    asked.rounds = asked.rounds or (1 if asked.quick else 2)
    return asked


if __name__ == "__main__":
    sys.exit(main())
