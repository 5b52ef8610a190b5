"""The tables of docs/faults.md: what was tried and what was seen, written by a run with FAULTS_REPORT=docs/faults.md."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.faults import points
from tests.faults.arena import Seen

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
ROWS: list[tuple[str, str, Seen]] = []
OTHERS: dict[str, tuple[str, str, float]] = {}  # by test: what is expected, what was seen, seconds
SEEN = {"passed": "so it was", "failed": "**not so**", "skipped": "not tried here"}
EXPECTED = {
    "System calls": "The agent is killed (SIGKILL) as one of its threads enters its Nth system call of a name.",
    "Functions": "The agent is killed where one of its functions begins or ends.",
    "Processes": "Another process is killed once a stage has begun. Callers of a killed router try again, as our clients do.",
    "A write finds no room, once": "One system call of the agent fails with ENOSPC.",
    "No write finds room any more": "From some call of each thread on, whatever writes fails with ENOSPC, the store too.",
    "Real disks": "The home lies on a small disk that is full but for some bytes while the deploy is asked for.",
}
HEAD = "| point | tried | reached | calls meanwhile | lost or wrong | finished by | median s |"


def add(table: str, point: str, seen: Seen) -> None:
    """Note what came of one point, in the order in which points are tried."""
    ROWS.append((table, point, seen))


def note(test: str, expected: str, outcome: str, seconds: float) -> None:
    """Note how a test ended that is no point of a table."""
    before = OTHERS.get(test, ("", "passed", 0.0))
    worst = outcome if before[1] == "passed" else before[1]
    OTHERS[test] = (expected, worst, before[2] + seconds)


def write() -> None:
    """Write the tables into the document that FAULTS_REPORT names, between its marks; nothing where it names none."""
    place = os.environ.get("FAULTS_REPORT")
    if not place or not ROWS:
        return
    path = Path(place)
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{text()}\n{END}{after}", encoding="utf-8")


def text() -> str:
    """Give the tables as Markdown."""
    reached = sum(seen.hit for _, _, seen in ROWS)
    head = f"{len(ROWS)} points were tried, {reached} of them were reached (FAULTS={points.AMOUNT}, FAULTS_SEED={points.SEED}).\n"
    tables = {table: [row for row in ROWS if row[0] == table] for table, _, _ in ROWS}
    return "\n".join([head, *(line for name, rows in tables.items() for line in _table(name, rows)), *_others()])


def _table(name: str, rows: list[tuple[str, str, Seen]]) -> Iterator[str]:
    yield from (f"### {name}", "", EXPECTED[name], "", HEAD)
    yield "|---|---|---|---|---|---|---|"
    for point in dict.fromkeys(point for _, point, _ in rows):
        seen = [one for _, other, one in rows if other == point]
        by = {one.finished: sum(other.finished == one.finished for other in seen) for one in seen}
        cells = (
            point, len(seen), sum(one.hit for one in seen), sum(one.calls for one in seen),
            sum(sum(one.failures.values()) for one in seen), ", ".join(f"{who} ({count})" for who, count in by.items()),
            f"{statistics.median(one.seconds for one in seen):.1f}",
        )  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""


def _others() -> Iterator[str]:
    yield from ("### Everything else", "", "| what must be so | what was seen | s |", "|---|---|---|")
    for expected, outcome, seconds in OTHERS.values():
        yield f"| {expected} | {SEEN[outcome]} | {seconds:.0f} |"
    yield ""
