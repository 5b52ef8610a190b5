"""What the executed cells say: which of them a model came from, and on what it was called.

A cell is read as a syntax tree and never run again. Line and cell magics are blanked out first, so that line numbers stay.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from types import CodeType

from jupyter_deploy.values import Cell

_MAGIC_LINE = re.compile(r"^(?P<indent>\s*)(?P<target>[\w.,\[\] ]+=)?\s*(?:[%!]|\?{1,2}\s*\w).*$|^(?P<asked>\s*)[\w.]+\?{1,2}\s*$")
_PYTHON_CELL_MAGIC = re.compile(r"%%(time|timeit|capture|prun|python3?)\b.*")


class Executed:
    """One executed cell.

    Args:
        number: Its execution count.
        source: Its source as it ran.
    """

    def __init__(self, number: int, source: str) -> None:
        self.number = number
        self.source = source

    @cached_property
    def id(self) -> str:
        """Its name in what leaves the kernel, made of its source: the same however often and in whatever order cells ran."""
        return hashlib.sha256(self.source.strip().encode(errors="replace")).hexdigest()[:8]

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree; empty where it holds no Python."""
        for source in (self.source, without_magics(self.source)):
            try:
                return ast.parse(source)
            except (SyntaxError, ValueError):  # noqa: PERF203 (twice at most)
                continue
        return ast.Module(body=[], type_ignores=[])

    def defines(self, name: str, line: int) -> bool:
        """Say whether it defines a function.

        Args:
            name: The function's own name; `<lambda>` for one without.
            line: Its first line, decorators included, as the kernel counts.

        Returns:
            Whether it does; a cell magic takes the first line away from what the kernel counts.
        """
        at = (line, line + 1) if self.source.lstrip().startswith("%%") else (line,)
        return any(_name_and_line(node) in [(name, one) for one in at] for node in ast.walk(self.tree))

    def assigns(self, name: str) -> bool:
        """Say whether it binds a variable.

        Args:
            name: The variable.

        Returns:
            Whether it does, by an assignment, a loop or a `with`.
        """
        names = (node for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        return any(node.id == name and isinstance(node.ctx, ast.Store) for node in names)


class Notebook:
    """The cells that were executed in a kernel.

    Args:
        cells: Execution count and source of each, in the order in which they ran; of those with one source, the newest counts.
    """

    def __init__(self, cells: Sequence[tuple[int, str]]) -> None:
        newest = {source.strip(): number for number, source in cells}
        self.cells = [Executed(number, source) for number, source in cells if newest[source.strip()] == number]
        self._places: dict[tuple[str, str, int], Executed | None] = {}

    def newest_first(self) -> Iterator[Executed]:
        """List the cells, the last executed one first."""
        return reversed(self.cells)

    def place(self, code: CodeType) -> str:
        """Name the file of a function in a way that is the same in every kernel.

        Args:
            code: The function's code.

        Returns:
            `<cell 3f9a12bc>` for a function of a cell, a module's file name without folders, or `<notebook>`.
        """
        cell = self.cell_of(code)
        if cell:
            return f"<cell {cell.id}>"
        name = code.co_filename.replace("\\", "/").rpartition("/")[2]
        return "<notebook>" if name.startswith("<") or "ipykernel_" in code.co_filename else name

    def cell_of(self, code: CodeType) -> Executed | None:
        """Find the cell that a function was defined in.

        Args:
            code: The function's code.

        Returns:
            The newest cell that holds it as it is now; None where there is none.
        """
        key = code.co_filename, code.co_name, code.co_firstlineno
        if key not in self._places:
            self._places[key] = self._find(code)
        return self._places[key]

    def _find(self, code: CodeType) -> Executed | None:
        lines = linecache.getlines(code.co_filename)
        whole = "".join(lines).strip()
        block = "".join(inspect.getblock(lines[code.co_firstlineno - 1 :])).strip() if lines else ""
        for cell in self.newest_first():
            if lines and (whole == cell.source.strip() or (block and block in cell.source)):
                return cell
            if not lines and cell.defines(code.co_name, code.co_firstlineno):
                return cell
        return None

    def sources(self, variable: str, defined: Sequence[tuple[str, CodeType]]) -> list[Cell]:
        """List the cells that a model came from.

        Args:
            variable: The expression that is deployed; its first name is looked for.
            defined: Functions that the notebook defines and the model reaches: qualified name and code.

        Returns:
            The cells in the order in which the model reached them, each with what in it was reached; last, what assigns it.
        """
        why: dict[str, dict[str, None]] = {}
        for name, code in defined:
            cell = self.cell_of(code)
            if cell:
                part = name.partition(".")[0]
                shown = "a function without a name" if part == "<lambda>" else part
                why.setdefault(cell.id, {})[f"defines {shown}"] = None
        first = re.match(r"\w+", variable)
        assigned = next(
            (cell for cell in self.newest_first() if first and first[0] in cell.source and cell.assigns(first[0])), None
        )
        if assigned:
            why.setdefault(assigned.id, {})[f"assigns {first[0] if first else variable}"] = None
        sources = {cell.id: cell.source for cell in self.cells}
        return [Cell(id=id, source=sources[id], why=", ".join(reasons)) for id, reasons in why.items()]

    def numbers(self, cells: Sequence[Cell]) -> tuple[int, ...]:
        """Tell under which execution counts cells ran.

        Args:
            cells: What `sources` gave.

        Returns:
            One count a cell.
        """
        counts = {cell.id: cell.number for cell in self.cells}
        return tuple(counts[cell.id] for cell in cells)


def _name_and_line(node: ast.AST) -> tuple[str, int] | None:
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return None


def without_magics(source: str) -> str:
    """Blank out what IPython adds to Python, line by line.

    Args:
        source: A cell's source.

    Returns:
        Python with the same line numbers; nothing of a cell in another language.
    """
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if not _PYTHON_CELL_MAGIC.match(lines[first]):
            return ""
        lines[first] = ""
    return "\n".join(_MAGIC_LINE.sub(_blank, line) for line in lines)


def _blank(found: re.Match[str]) -> str:
    target = found["target"]
    return f"{found['indent'] or found['asked'] or ''}{f'{target} None' if target else 'pass'}"
