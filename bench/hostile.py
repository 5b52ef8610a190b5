"""What honest callers notice of hostile ones: slow bodies and idle connections, and five times more calls than can be answered.

python bench/hostile.py [--quick] [--only slow overload]

The same honest load runs with and without the hostile one, in turns. Prints tables and writes `bench/results/hostile.json`. Exits 1
where a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import load
from cells import proportional
from growth import processes
from kernel import Kernel, fresh_home, kernel, key_of
from report import Report, quantile, table

from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home

PARTS = ("slow", "overload")
NAME = "steady"
DEPLOY = """
import os, time
os.environ["JUPYTER_DEPLOY_BATCH"] = "1"
def steady(rows: list[float]) -> list[float]:
    time.sleep(0.01)
    return [row + 1 for row in rows]

steady([1.0, 2.0])
%load_ext jupyter_deploy
ep = %deploy steady --wait --workers 1 --compile off
print(ep.url)
"""
"""One call at a time, each 10 ms: what can be answered in a second is then known, whatever else the machine does."""
IDLE, SLOW, HALF = 700, 200, 100  # connections: idle, with a body or head that does not end, closed in one direction
RATE = 30.0  # honest calls a second
OVERLOAD = 5.0  # times the capacity
CONNECTIONS = 4  # that find out the capacity


def main() -> int:
    """Measure what was asked for.

    Returns:
        0 where every bar holds, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    asked, began, report = parser.parse_args(), time.monotonic(), Report()
    with fresh_home() as home, kernel(home) as session:
        url = deployed(session)
        if "slow" in asked.only:
            measure_slow(report, home, url, rounds=2 if asked.quick else 6, seconds=3 if asked.quick else 5)
        if "overload" in asked.only:
            measure_overload(report, home, url, seconds=8 if asked.quick else 30)
    report.show()
    path = report.write("hostile", quick=asked.quick, parts=asked.only)
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}   {time.monotonic() - began:.0f} s")
    return 0 if all(bar["holds"] for bar in report.bars.values()) else 1


def deployed(session: Kernel) -> str:
    """Deploy the function.

    Args:
        session: The notebook's kernel.

    Returns:
        Its URL.
    """
    return session.run(DEPLOY).splitlines()[-1].strip()


def plan(home: Home, url: str, rate: float) -> load.Plan:
    """Say what honest callers send; a refusal for want of room is told apart from everything else.

    Args:
        home: The agent's folders.
        url: The endpoint's URL.
        rate: Calls a second.

    Returns:
        The plan.
    """

    def check(number: int, answer: load.Answer) -> str:
        if answer.status == 200:
            return "" if json.loads(answer.body)["predictions"] == [number + 1.0] else "wrong answer"
        told = json.loads(answer.body).get("code", "") if answer.body else ""
        return told if answer.headers.get("retry-after") else f"status {answer.status} {told} without retry-after"

    headers = {"authorization": f"Bearer {key_of(home, NAME)}", "content-type": "application/json"}
    return load.Plan(f"{url}predict", rate, lambda number: b'{"rows":[%d]}' % number, check, headers)


def measure_slow(report: Report, home: Home, url: str, rounds: int, seconds: float) -> None:
    """Measure honest callers beside a thousand connections that do nothing, or next to nothing.

    Args:
        report: Takes the figures.
        home: The agent's folders.
        url: The endpoint's URL.
        rounds: How often both are measured.
        seconds: How long each time.
    """
    taken: dict[str, list[float]] = {"alone": [], "beside them": []}
    failures: Counter[str] = Counter()
    for _ in range(rounds):
        for name, crowd in (("alone", contextlib.nullcontext()), ("beside them", connections(url, key_of(home, NAME)))):
            with crowd:
                seen = load.run(plan(home, url, RATE), seconds)
            taken[name] += [1000 * (call.ended - call.scheduled) for call in seen.calls]
            failures.update(seen.reasons if name != "alone" else {})
    rows = [(name, len(some), quantile(some, 0.5), quantile(some, 0.99)) for name, some in taken.items()]
    table((f"honest callers, {RATE:g} a second", "calls", "p50 ms", "p99 ms"), rows)
    report.add("slow: failures of honest callers", sum(failures.values()), most=0)
    report.add("slow: p99 of honest callers, times that without", rows[1][3] / rows[0][3], most=2)


@contextlib.contextmanager
def connections(url: str, key: str) -> Iterator[None]:
    """Hold a thousand connections open: idle ones, ones whose head or body does not end, half-open ones."""
    address = urlsplit(url)
    head = f"POST {address.path}predict HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
    body = f"{head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n" + '{"rows": ['
    with contextlib.ExitStack() as ends:
        for number in range(IDLE + SLOW + HALF):
            one = ends.enter_context(socket.create_connection((address.hostname or "", address.port or 80), timeout=10))
            if number < SLOW:
                one.sendall((body if number % 2 else head).encode())
            elif number < SLOW + HALF:
                one.shutdown(socket.SHUT_WR)
        yield


def measure_overload(report: Report, home: Home, url: str, seconds: float) -> None:
    """Measure how much of five times too many calls is answered.

    Args:
        report: Takes the figures.
        home: The agent's folders.
        url: The endpoint's URL.
        seconds: How long the overload lasts.
    """
    capacity = asyncio.run(_capacity(plan(home, url, 1), max(3.0, seconds / 6)))
    before = memory(home)
    began = time.monotonic()
    seen = load.run(plan(home, url, OVERLOAD * capacity), seconds)
    within = [call for call in seen.calls if call.ended <= began + seconds]
    goodput = sum(not call.failure for call in within) / seconds
    grown = memory(home) - before
    after = load.run(plan(home, url, RATE), 2)
    rows = [("capacity", capacity), ("asked", len(seen.calls) / seconds), ("answered", goodput)]
    table(("overload", "calls a second"), rows)
    refused = seen.reasons
    table(("refused with", "calls"), sorted(refused.items()))
    report.add("overload: goodput, share of the capacity", goodput / capacity, least=0.8)
    report.add("overload: growth of the endpoint's processes, MB", grown, most=50)
    told = {"busy", "overloaded"}
    report.add(
        "overload: calls neither answered rightly nor told to come again",
        sum(refused[one] for one in refused.keys() - told),
        most=0,
    )
    report.add("overload: failures afterwards", len(after.failures), most=0)


async def _capacity(of: load.Plan, seconds: float) -> float:
    """Ask as fast as answers come over a few connections; give the answers a second."""
    end, counts = time.monotonic() + seconds, [0]

    async def ask() -> None:
        address = urlsplit(of.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        lines = [f"POST {address.path} HTTP/1.1", "host: bench", *(f"{name}: {value}" for name, value in of.headers.items())]
        while time.monotonic() < end:
            body = of.body(counts[0])
            writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            counts[0] += head.startswith(b"http/1.1 200")
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return counts[0] / seconds


def memory(home: Home) -> float:
    """Sum the memory of everything that runs in a home, the agent apart.

    Args:
        home: The agent's folders.

    Returns:
        Megabytes.
    """
    agent = connect(home).status()["pid"]
    return sum(proportional(one.pid) for one in processes(home) if one.pid != agent and one.is_running())


if __name__ == "__main__":
    sys.exit(main())
