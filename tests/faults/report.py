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


def add(table: str, point: str, seen: Seen) -> None:
    """Note what came of one point, in the order in which points are tried."""
    ROWS.append((table, point, seen))


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
    return "\n".join([head, *(line for name, rows in tables.items() for line in _table(name, rows))])


def _table(name: str, rows: list[tuple[str, str, Seen]]) -> Iterator[str]:
    yield from (f"### {name}", "", "| point | tried | reached | calls meanwhile | lost or wrong | finished by | median s |")
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
