"""The lines of the notebook's cells, so that a traceback shows them where the notebook is not."""

from __future__ import annotations

import linecache
from pathlib import Path

import msgspec


class _Cell(msgspec.Struct):
    id: str
    source: str


def remember(folder: Path) -> None:
    """Let tracebacks show the lines of the cells that a model came from.

    Args:
        folder: The folder with `cells.json`; nothing happens where there is none.
    """
    file = folder / "cells.json"
    for cell in msgspec.json.decode(file.read_bytes(), type=list[_Cell]) if file.exists() else ():
        lines = cell.source.splitlines(keepends=True)
        if cell.source.lstrip().startswith("%%"):  # a cell magic takes the first line away from what the kernel counts
            lines = lines[1:]
        name = f"<cell {cell.id}>"
        linecache.cache[name] = (len(cell.source), None, lines, name)
