"""Every server under the same load in turns, and the bars that we hold beside them."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import workloads
from report import Report, table
from stacks import Stack
from wrk import Load, pin, press

CONNECTIONS = (1, 32)
ROWS = (1, 64)
ROUTER, ALONE, CEILING = "ours, behind the router", "ours, worker alone", "raw ASGI + msgspec"
OURS = (ROUTER, ALONE, CEILING)
COMPILED = "-onnx"
BUSY = 32  # connections of the bars
FEW, LONGER = 2, 4  # answers a connection below which a load tells little, and how many times as long it is then repeated
TOGETHER, A_SECOND = 115.0, 12_000  # microseconds, and answers a second, of a+b with the router


class Cell(NamedTuple):
    """What was loaded how.

    Attributes:
        workload: The workload; `lr-onnx` is `lr` as ONNX.
        rows: Rows a request.
        connections: Requests in flight.
        server: The server.
    """

    workload: str
    rows: int
    connections: int
    server: str


class Cost(NamedTuple):
    """The medians over all rounds of one cell.

    Attributes:
        cpu: Microseconds of CPU a request, all processes.
        parts: The same by part.
        rate: Answers a second.
        p50: Milliseconds.
        p99: Milliseconds.
        bad: Answers other than 2xx, of all rounds.
    """

    cpu: float
    parts: dict[str, float]
    rate: float
    p50: float
    p99: float
    bad: int


Costs = Mapping[Cell, Cost]


def measure(stacks: Sequence[Stack], rounds: int, seconds: int = 1) -> dict[Cell, Cost]:
    """Load every server in turns.

    Args:
        stacks: The servers.
        rounds: How often.
        seconds: For how long each time.

    Returns:
        What each cost.
    """
    loads: dict[Cell, list[Load]] = defaultdict(list)
    cells = [(one, name, rows, many) for rows in ROWS for many in CONNECTIONS for one in stacks for name in one.asks]
    for number in range(rounds):
        for place, (one, name, rows, many) in enumerate(sorted(cells, key=lambda cell: (cell[2], cell[3], cell[1]))):
            if place % 25 == 0:
                say(f"round {number + 1} of {rounds}: {place} of {len(cells)}")
            ask = one.asks[name]
            body = ask.encoded(name.removesuffix(COMPILED), rows)
            load = press(ask.url, body, ask.key, many, seconds, one.parts())
            if load.requests < FEW * many:
                load = press(ask.url, body, ask.key, many, LONGER * seconds, one.parts())
            loads[Cell(name, rows, many, one.name)].append(load)
    return {cell: cost(found) for cell, found in loads.items()}


def cost(loads: Sequence[Load]) -> Cost:
    """Take the medians of several loads."""
    parts = {part: median(one.cpu[part] for one in loads) for part in loads[0].cpu}
    return Cost(
        median(one.whole for one in loads), parts, median(one.rate for one in loads), median(one.p50 for one in loads),
        median(one.p99 for one in loads), sum(one.bad for one in loads),
    )  # fmt: skip


def on_two_cores(router: Stack, cores: set[int], seconds: int) -> Load:
    """Load a+b behind the router with two cores for everything, wrk too.

    Args:
        router: Our stack with the router.
        cores: The cores.
        seconds: For how long.

    Returns:
        What came of it.
    """
    ask, parts = router.asks["add"], router.parts()
    every = [pid for part in parts.values() for pid in part]
    pin(every, cores)
    try:
        return press(ask.url, ask.encoded("add", 1), ask.key, BUSY, seconds, parts, cores)
    finally:
        pin(every, {min(cores)})


def tell(report: Report, costs: Costs) -> None:
    """Print a table a workload, and note every figure.

    Args:
        report: Takes the figures.
        costs: What each cell cost.
    """
    for workload in dict.fromkeys(cell.workload for cell in costs):
        rows = []
        for cell, one in costs.items():
            if cell.workload != workload:
                continue
            parts = " + ".join(f"{part} {value:.0f}" for part, value in one.parts.items()) if len(one.parts) > 1 else ""
            rows.append((cell.rows, cell.connections, cell.server, one.cpu, parts, one.rate, one.p50, one.p99, one.bad))
            name = f"{workload}, rows {cell.rows}, connections {cell.connections}, {cell.server}"
            report.add(f"{name}: cpu_us", one.cpu)
            for part in one.parts if len(one.parts) > 1 else ():
                report.add(f"{name}: cpu_us of the {part}", one.parts[part])
            for figure in ("p50", "p99"):
                report.add(f"{name}: {figure}_ms", getattr(one, figure))
        print(title(workload))
        heads = ("rows", "connections", "server", "CPU us", "of which", "requests/s", "p50 ms", "p99 ms", "failed")
        table(heads, sorted(rows, key=lambda row: row[:2]))
    side_by_side("CPU, microseconds a request", costs, lambda one: f"{one.cpu:.0f}")
    side_by_side("p50 / p99, milliseconds", costs, lambda one: f"{one.p50:.3g} / {one.p99:.3g}")
    report.add("answers other than 2xx", sum(one.bad for one in costs.values()), most=0)


def side_by_side(head: str, costs: Costs, figure: Callable[[Cost], str]) -> None:
    """Print one figure of every server at 32 connections, the servers beside one another.

    Args:
        head: What it is.
        costs: What each cell cost.
        figure: Gives the figure.
    """
    servers = list(dict.fromkeys(cell.server for cell in costs))
    busy = dict.fromkeys((cell.workload, cell.rows) for cell in costs if cell.connections == BUSY)
    rows = []
    for workload, size in busy:
        found = [costs.get(Cell(workload, size, BUSY, server)) for server in servers]
        rows.append((title(workload), size, *(figure(one) if one else "" for one in found)))
    print(f"{head}, {BUSY} connections")
    table(("workload", "rows", *servers), sorted(rows, key=lambda row: row[:2]))


def title(workload: str) -> str:
    """Name a workload for people."""
    return workloads.TITLES[workload.removesuffix(COMPILED)] + (", as ONNX" if workload.endswith(COMPILED) else "")


def judge(report: Report, costs: Costs) -> None:
    """Hold what we cost against the ceiling and the peers.

    Args:
        report: Takes the bars.
        costs: What each cell cost.
    """
    for cell, one in costs.items():
        if cell.server != ALONE or cell.connections != BUSY:
            continue
        what = f"{cell.workload}, {cell.rows} rows"
        ceiling = costs.get(cell._replace(server=CEILING))
        if ceiling:
            report.add(f"{what}: CPU, times the ceiling's", one.cpu / ceiling.cpu, most=1.6)
        if cell.workload in {"add", "lr"} and cell.rows == 1:
            for peer, bar in (("FastAPI", 3.0), ("BentoML", 15.0)):
                for found in _peers(costs, cell, peer):
                    report.add(f"{what}: CPU of {peer}, times ours", found.cpu / one.cpu, least=bar)
        if cell.workload.startswith("rf") and cell.rows == 1:
            rivals = [*_peers(costs, cell)]
            if rivals:
                bar = 15.0 if cell.workload.endswith(COMPILED) else 2.0
                report.add(f"{what}: CPU of the cheapest peer, times ours", min(two.cpu for two in rivals) / one.cpu, least=bar)
        rivals = [*_peers(costs, cell)]
        if rivals:
            report.add(f"{what}: p99 of ours, share of the best peer's p50", one.p99 / min(two.p50 for two in rivals), most=1.0)


def judge_router(report: Report, load: Load) -> None:
    """Hold a+b with the router against its bars."""
    print("a+b behind the router, two cores for router, worker and wrk, 32 connections")
    table(("part", "CPU us"), [*load.cpu.items(), ("together", load.whole)])
    print(f"{load.rate:.0f} requests/s, p50 {load.p50} ms, p99 {load.p99} ms\n")
    for part, value in load.cpu.items():
        report.add(f"add on two cores: cpu_us of the {part}", value)
    report.add("add on two cores: cpu_us of router and worker", load.whole, most=TOGETHER)
    report.add("add on two cores: requests a second", load.rate, least=A_SECOND)


def _peers(costs: Costs, cell: Cell, name: str = "") -> Iterator[Cost]:
    """Give what peers cost for the same workload, none of which runs it as ONNX."""
    for other, found in costs.items():
        same = other._replace(server="") == cell._replace(server="", workload=cell.workload.removesuffix(COMPILED))
        if same and other.server not in OURS and name in {"", other.server} and found.rate:
            yield found


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
