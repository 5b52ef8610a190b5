"""What a request costs, with the servers that people use otherwise beside us in the same run.

python bench/serving.py [--peers PYTHON] [--quick] [--workloads add lr ...] [--rounds 3]

Every figure is taken in turns: one second of each server, then the next round. CPU a request counts every process of a server, in
microseconds; it is the figure that other work on the machine disturbs least. Where there are two cores, servers have one and wrk the
other. Prints tables and writes `bench/results/serving.json`. Exits 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import workloads
from kernel import fresh_home
from ours import alone, behind_router, deploy
from report import Report, table
from stacks import APPS, Peers, Stack, fastapi, raw
from wrk import CLIENT, SERVER, Load, press

CONNECTIONS = (1, 32)
ROWS = (1, 64)
Cell = tuple[str, int, int, str]  # workload, rows, connections, server


def main() -> int:
    """Measure what was asked for.

    Returns:
        0 where every bar holds, 1 otherwise.
    """
    asked, began = arguments(), time.monotonic()
    if shutil.which("wrk") is None:
        print("wrk is not here. On Debian: apt-get install wrk, then run this again.", file=sys.stderr)
        return 1
    if SERVER | CLIENT <= os.sched_getaffinity(0):
        os.sched_setaffinity(0, SERVER)  # everything that is started from here on; wrk is put on the other core
    report = Report()
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(fresh_home())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jdw-")))
        stacks = start(asked, home, work, stack)
        loads = measure(stacks, asked.rounds, ROWS)
    tell(report, loads)
    report.show()
    path = report.write("serving", quick=asked.quick, workloads=asked.workloads, rounds=asked.rounds)
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}   {time.monotonic() - began:.0f} s")
    return 0 if all(bar["holds"] for bar in report.bars.values()) else 1


def start(asked: argparse.Namespace, home, work: Path, stack: contextlib.ExitStack) -> list[Stack]:
    """Start everything."""
    names = tuple(asked.workloads)
    found: list[Stack] = []
    urls = {}
    for name in names:
        say(f"deploy {name}")
        urls[name] = deploy(home, name, name, workers=1)
        if asked.onnx and name in workloads.FITTED:
            urls[f"{name}-onnx"] = deploy(home, f"{name}-onnx", name, workers=1, onnx=True)
    found.append(behind_router(home, urls))
    for name in urls:
        found.append(alone(home, name, work))
        stack.callback(found[-1].close)
    if asked.peers:
        peers = Peers(asked.peers, work, work / "models", names)
        peers.prepare()
        if asked.onnx:
            subprocess.run(
                [sys.executable, APPS / "convert.py", peers.models, *(n for n in names if n in workloads.FITTED)],
                check=True,
                env={**os.environ, "PYTHONPATH": str(APPS.parent)},
            )
        for make in (raw, fastapi):
            say(f"start {make.__name__}")
            found.append(make(peers))
            stack.callback(found[-1].close)
    return found


def measure(stacks: Sequence[Stack], rounds: int, sizes: Sequence[int]) -> dict[Cell, list[Load]]:
    """Load every server in turns."""
    loads: dict[Cell, list[Load]] = defaultdict(list)
    for number in range(rounds):
        for rows in sizes:
            for connections in CONNECTIONS:
                say(f"round {number + 1} of {rounds}, {rows} rows, {connections} connections")
                for one in stacks:
                    for name, ask in one.asks.items():
                        body = ask.encoded(name.removesuffix("-onnx"), rows)
                        loads[name, rows, connections, one.name].append(press(ask.url, body, ask.key, connections, 1, one.parts()))
    return loads


def tell(report: Report, loads: dict[Cell, list[Load]]) -> None:
    for workload in dict.fromkeys(cell[0] for cell in loads):
        rows = []
        for (name, size, connections, server), found in loads.items():
            if name != workload:
                continue
            mid = lambda pick: statistics.median(map(pick, found))
            parts = " + ".join(f"{mid(lambda one, part=part: one.cpu[part]):.0f}" for part in found[0].cpu)
            rows.append(
                (
                    size,
                    connections,
                    server,
                    min(one.whole for one in found),
                    parts,
                    mid(lambda one: one.rate),
                    mid(lambda one: one.p50),
                    mid(lambda one: one.p99),
                    sum(one.bad for one in found),
                )
            )
        print(workload)
        table(
            ("rows", "conns", "server", "cpu us min", "median", "req/s", "p50 ms", "p99 ms", "bad"),
            sorted(rows, key=lambda r: r[:2]),
        )


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = "the interpreter of the environment that holds the peers"
    parser.add_argument("--peers", type=lambda text: Path(text).absolute(), help=peers)
    parser.add_argument(
        "--mlserver", type=lambda text: Path(text).absolute(), help="the interpreter of the environment that holds MLServer"
    )
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--onnx", action="store_true")
    parser.add_argument("--workloads", nargs="+", choices=tuple(workloads.TITLES), default=("add", "lr", "rf", "text"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
