"""What one worker's memory is, and what each further one adds, beside plain ASGI with the same model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loads import say
from ours import alone
from report import Report, table
from stacks import Peers, Stack, raw_of
from wrk import memory, press

from jupyter_deploy.home import Home

WORKERS = 4


def measure_memory(report: Report, home: Home, peers: Peers, work: Path, names: Sequence[str]) -> None:
    """Measure servers that have answered for a second, so that what they touch when they answer is counted.

    Args:
        report: Takes the figures.
        home: The agent's folders.
        peers: Starts the ceiling.
        work: A folder for sockets.
        names: The workloads.
    """
    rows = []
    for name in names:
        say(f"memory of {name}")
        ceiling = taken(raw_of(peers, name), name)
        one = taken(alone(home, name, work / "one"), name)
        many = taken(alone(home, name, work / "many", WORKERS), name, WORKERS)
        further = (many["whole"] - one["whole"]) / (WORKERS - 1)
        rows.append((name, ceiling["whole"], one["worker"], one["whole"], many["whole"] / WORKERS, further))
        report.add(f"{name}: memory_mb, raw ASGI", ceiling["whole"])
        report.add(f"{name}: memory_mb, ours, one worker with its parents", one["whole"])
        report.add(f"{name}: memory_mb, ours, a worker of four", many["whole"] / WORKERS)
        report.add(f"{name}: memory of a worker of four, times raw ASGI", many["whole"] / WORKERS / ceiling["whole"], most=1.2)
        report.add(f"{name}: memory of a further worker, share of the first", further / one["whole"], most=0.4)
    print("Memory in MB, pages that several processes share divided among them")
    table(("workload", "raw ASGI", "our worker", "with its parents", f"each of {WORKERS}", "a further one"), rows)


def taken(stack: Stack, name: str, workers: int = 1) -> dict[str, float]:
    """Load each worker of a server for a second, give its memory and end it."""
    ask = stack.asks[name]
    try:
        for number in range(workers):
            url = ask.url.replace(f":{ask.port}/", f":{ask.port + number}/")
            press(url, ask.encoded(name, 1), ask.key, 32, 1, {})
        pids = [pid for part in stack.parts().values() for pid in part]
        return {"whole": memory(pids), "worker": memory(pids[-1:])}
    finally:
        stack.close()
