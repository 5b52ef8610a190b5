"""`jupyter deploy metrics`: what is asked of an endpoint and how it answers, once or each second."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from jupyter_deploy.adapters import figures, terminal
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.commands import Json, Name, connected
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.values import Sample

app = typer.Typer()

SPAN = 300  # seconds
HEAD = ("time", "req/s", "errors", "refused", "p50", "p95", "p99", "rows/s", "workers", "queue", "memory", "answered by")
WIDTHS = (8, 7, 6, 7, 7, 7, 7, 8, 7, 5, 9, 11)


@app.command("metrics")
def metrics(
    name: Name,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print a line each second.")] = False,
    span: Annotated[int, typer.Option(help="The seconds up to now: 300, 3600 or 86400.")] = SPAN,
    as_json: Json = False,
) -> None:
    """Show rate, latency, errors, rows, workers, queue and memory of an endpoint."""
    with failing(as_json):
        client = connected()
        if watch:
            _watch(client, name, as_json=as_json)
        else:
            series = client.samples(name, span)
            terminal.json(series) if as_json else print("\n".join(figures.lines(series)))


def _watch(client: AgentClient, name: str, *, as_json: bool) -> None:
    if not as_json:
        print(_line(HEAD), flush=True)
    for sample in client.sample_stream(name):
        terminal.json(sample) if as_json else print(_line(_cells(sample)))
        sys.stdout.flush()


def _cells(one: Sample) -> tuple[str, ...]:
    each = one.seconds or 1.0
    return (
        time.strftime("%H:%M:%S", time.localtime(one.at)), f"{one.requests / each:.3g}", str(one.errors), str(one.refused),
        *map(figures.latency, (one.p50, one.p95, one.p99)), f"{one.rows / each:.3g}", str(one.workers), str(one.queue),
        words.size(one.memory), figures.share([one]),
    )  # fmt: skip


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells[:-1], WIDTHS, strict=False)) + f"  {cells[-1]}"
