"""Whether the notebook, as it is saved, would make the model that is deployed: cells edited, deleted, or run in another order.

What is live is what is deployed; this only tells where the saved file says otherwise. It stays silent about a cell of which the
file may not know yet, since a notebook is saved some time after its cells ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import msgspec

from jupyter_deploy.capture.cells import Executed, Notebook
from jupyter_deploy.capture.noticing.code import by_value, same_code
from jupyter_deploy.capture.noticing.lineage import Lineage, Made, statements
from jupyter_deploy.capture.pickling.objects import Reached
from jupyter_deploy.values import Finding, History

BIGGEST = 50 * 1024 * 1024
"""Notebook files above this size in bytes are not looked at."""
LONGEST = 200_000
"""Longer sources, in characters of all cells that ran, are not compared: it would take the better part of a second."""
SHOWN = 10
RUN_ALL = "Restart the kernel, run all cells and deploy again, to have the model that the notebook makes."
RUN_IT = "Run it again, with what depends on it, and deploy again; or undo the edit."


class Saved(NamedTuple):
    """A notebook file.

    Attributes:
        cells: The sources of its code cells, with their execution counts.
        at: When it was saved, in seconds since the epoch.
    """

    cells: list[tuple[int | None, str]]
    at: float


class _Cell(msgspec.Struct):
    cell_type: str
    source: str | list[str] = ""
    execution_count: int | None = None


class _File(msgspec.Struct):
    cells: list[_Cell]


def read(file: Path | None) -> Saved | None:
    """Read a saved notebook.

    Args:
        file: The file, where the kernel knows it.

    Returns:
        What it holds; None where there is no such file or it is no notebook.
    """
    try:
        if file is None or (facts := file.stat()).st_size > BIGGEST:
            return None
        found = msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError):
        return None
    code = (one for one in found.cells if one.cell_type == "code")
    return Saved([(one.execution_count, "".join(one.source)) for one in code], facts.st_mtime)


def findings(
    expression: str, cells: Sequence[tuple[int, str]], history: History, saved: Saved | None, reached: Reached,
    notebook: Notebook, namespace: Mapping[str, Any],
) -> list[Finding]:  # fmt: skip
    """Tell where the notebook says otherwise than what is live.

    Args:
        expression: What is deployed.
        cells: Execution count and source of every cell that ran, in that order.
        history: What else is known of them.
        saved: The notebook's file.
        reached: What the pickler met.
        notebook: The executed cells.
        namespace: The notebook's variables.

    Returns:
        One finding a cell; none where the saved notebook, run from top to bottom, makes the same.
    """
    found: list[Finding] = []
    redefined = list(_redefined(expression, reached, notebook, namespace))
    if saved is not None and _run_all(cells, saved):
        return []
    short = sum(len(source) for _, source in cells) <= LONGEST
    if saved is not None and short and (redefined or any(_known(cells, history, saved))):
        comparison = _Comparison(expression, cells, history, saved)
        if comparison.alike:
            return []
        found = comparison.findings()
    known = {one.subject for one in found}
    return [*found, *(one for one in redefined if one.subject not in known)][:SHOWN]


def _run_all(cells: Sequence[tuple[int, str]], saved: Saved) -> bool:
    """Whether the cells that ran are the first ones of the file, each once and in order; then there is nothing to compare."""
    ran = [source.strip() for _, source in cells]
    return ran == [source.strip() for _, source in saved.cells if source.strip()][: len(ran)]


class _Comparison:
    """The cells as they ran, beside the cells as they are saved.

    Args:
        expression: What is deployed.
        cells: Execution count and source of every cell that ran.
        history: What else is known of them.
        saved: The notebook's file.
    """

    def __init__(self, expression: str, cells: Sequence[tuple[int, str]], history: History, saved: Saved) -> None:
        self.numbers = [number for number, _ in cells]
        failed = {source.strip(): history.failed.get(number) for number, source in cells}
        self.saved = [_finished(source, failed.get(source.strip())) for _, source in saved.cells]  # as it fails again
        self.known = _known(cells, history, saved)
        ran = [_finished(source, history.failed.get(number)) for number, source in cells]
        self.live = _after(expression, ran)[-1].all()
        self.file = _after(expression, self.saved)  # after none of its cells, after one, and so on
        self.ran = {one.text: place for place, source in enumerate(ran) for one in statements(source)}
        self.stands = {one.text: place for place, source in enumerate(self.saved) for one in statements(source)}

    @property
    def alike(self) -> bool:
        """Whether running the saved cells from the top to some cell makes the same."""
        return any(one.digest == self.live[0].digest for one in self.file)

    def findings(self) -> list[Finding]:
        """Say in what they differ, where the file was saved after the cells ran."""
        made = self.live[1:]
        gone = [one for one in made if one.statement.text not in self.stands]
        if any(self.known[one.cell] for one in gone):
            return self._gone([one for one in gone if self.known[one.cell]])
        if not made or gone or not all(self.known[one.cell] for one in made):
            return []
        found = self._added(made) or self._repeated(made) or self._inverted(made)
        return [found] if found else []

    def _gone(self, gone: list[Made]) -> list[Finding]:
        """Tell of the cells that the file does not have as they ran."""
        further = {one.statement.text for one in self.live if one.name in one.uses}  # these go on from what was there
        new = [one for source in self.saved for one in statements(source) if one.text not in further]
        bound, changed = ({name for one in new for name in getattr(one, kind)} for kind in ("binds", "changes"))
        found = []
        for cell in sorted({one.cell for one in gone}):
            names = {one.name for one in gone if one.cell == cell}
            binds = names & {name for one in gone if one.cell == cell for name in one.statement.binds}
            about = f"Cell {self.numbers[cell]}, which made {_listed(names)},"
            if (binds & bound) if binds else (names & changed):
                what, hint = "stands otherwise in the saved notebook: it was edited after it ran", RUN_IT
            else:
                what, hint = "is no longer in the saved notebook", RUN_ALL
            found.append(self._finding(cell, f"{about} {what}. What ran is deployed.", hint))
        return found

    def _added(self, made: Sequence[Made]) -> Finding | None:
        """Tell of a cell in the file that would take part, and did not, or not yet."""
        end = max(self.stands[one.statement.text] for one in made)
        texts = {one.statement.text for one in made}
        for one in self.file[end + 1].all()[1:]:
            if one.statement.text not in self.ran:
                first = self.saved[one.cell].strip().partition("\n")[0][:60]
                message = f"The saved notebook makes `{one.name}` in a cell that did not run as it stands: `{first}`."
                return self._finding(max(other.cell for other in made), f"{message} What ran is deployed.", RUN_ALL)
            if one.statement.text not in texts:
                there = f"Cell {self.numbers[self.ran[one.statement.text]]}"
                here = next((self.numbers[other.cell] for other in made if other.name == one.name), None)
                instead = f"cell {here} does" if here is not None else "it ran too late for that"
                message = f"{there} would make `{one.name}` if the saved notebook ran from top to bottom, but here {instead}."
                return self._finding(self.ran[one.statement.text], message, RUN_ALL)
        return None

    def _repeated(self, made: Sequence[Made]) -> Finding | None:
        """Tell of a statement that was run again on what it had left."""
        written = Counter(one.text for source in self.saved for one in statements(source))
        cells: dict[str, set[int]] = {}
        for one in made:
            cells.setdefault(one.statement.text, set()).add(one.cell)
        for one in made:
            times, once = len(cells[one.statement.text]), written[one.statement.text]
            if times > once:
                message = f"Cell {self.numbers[one.cell]} ran {times} times, each time on what the last had left of `{one.name}`"
                return self._finding(one.cell, f"{message}; the saved notebook does so {_times(once)}.", RUN_ALL)
        return None

    def _inverted(self, made: Sequence[Made]) -> Finding | None:
        """Tell of two cells that ran in another order than they stand in."""
        places = sorted({(one.cell, self.stands[one.statement.text]) for one in made})
        for at, (cell, place) in enumerate(places):
            before = next((other for other, its in places[:at] if its > place and other != cell), None)
            if before is not None:
                message = (
                    f"Cell {self.numbers[cell]} ran after cell {self.numbers[before]} and stands above it in the saved notebook"
                )
                return self._finding(cell, f"{message}; the model depends on both.", RUN_ALL)
        return None

    def _finding(self, cell: int, message: str, hint: str) -> Finding:
        return Finding(kind="cell", subject=f"cell {self.numbers[cell]}", message=message, hint=hint)


def _after(expression: str, sources: Sequence[str]) -> list[Made]:
    """Follow cells; say after none of them, after one, and so on, what an expression was made by."""
    lineage = Lineage()
    found = [lineage.of(expression)]
    for place, source in enumerate(sources):
        lineage.run(source, place)
        found.append(lineage.of(expression))
    return found


def _finished(source: str, failed: int | None) -> str:
    """Cut a cell off before the statement that failed."""
    if failed is None:
        return source
    for node in Executed(0, source).tree.body:
        if (node.end_lineno or 0) >= failed:
            return "\n".join(source.split("\n")[: node.lineno - 1])
    return source if failed else ""


def _known(cells: Sequence[tuple[int, str]], history: History, saved: Saved) -> list[bool]:
    """Say of each cell whether the file was saved after it had begun to run.

    Where the kernel did not note when a cell ran, the file must be younger than the kernel and hold this or a later cell with the
    very count under which it ran.
    """
    noted = min(history.times, default=0)
    since = history.times.get(noted, float("inf"))
    fresh = history.began is not None and saved.at > history.began
    ran = {(number, source.strip()) for number, source in cells}
    last = max((count for count, source in saved.cells if count and (count, source.strip()) in ran), default=0) if fresh else 0
    return [
        saved.at > (history.times[number] if number in history.times else since if number < noted else float("inf"))
        or (number not in history.times and number <= last)
        for number, _ in cells
    ]  # fmt: skip


def _redefined(expression: str, reached: Reached, notebook: Notebook, namespace: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell of functions that the model holds as an older cell defined them."""
    held = {id(one) for one in reached.functions}
    for function in by_value(reached):
        newer = namespace.get(function.__qualname__)
        if not isinstance(newer, FunctionType) or id(newer) in held or newer.__module__ != "__main__":
            continue
        old, new = (notebook.cell_of(one.__code__) for one in (function, newer))
        if old and new and old.number < new.number and not same_code(function.__code__, newer.__code__):
            yield Finding(
                kind="cell",
                subject=f"cell {old.number}",
                message=f"`{expression}` holds `{function.__qualname__}` as cell {old.number} defined it; cell {new.number} has "
                "defined it otherwise since. What it holds is deployed.",
                hint=f"Run the cell that makes `{expression}` again to take the newer one along.",
            )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{one}`" for one in sorted(names)[:4]) + ("" if len(names) <= 4 else f" and {len(names) - 4} more")
