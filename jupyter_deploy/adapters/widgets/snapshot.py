"""The charts of an endpoint as one picture, for readers without a kernel; drawn without pyplot, which would keep every figure."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from PIL import Image

from jupyter_deploy.values import Sample, Series

SIZE = (9.0, 3.6)  # inches
PLACES = {"left": 0.05, "right": 0.99, "bottom": 0.08, "top": 0.92, "wspace": 0.2, "hspace": 0.35}
DENSITY = 90  # points an inch
COLOURS = 24  # of the picture, which lies in the notebook's file
TICKS = {300: 60, 3600: 900, 86_400: 21_600}  # seconds between two times below a chart
GAP = 1.5  # times the length of a sample; what is further apart is not joined by a line
STROKES = ("-", "--", ":", "-.")  # a line is told by its stroke too
SHADES = ("#1565c0", "#d84315", "#6a1b9a", "#2e7d32")
ALL = {"all": "requests", "errors": "errors", "refused": "refused"}
Take = Callable[[Sample], float | None]


class Line(NamedTuple):
    """One line of a chart.

    Attributes:
        name: What it counts.
        take: Reads it from a sample; None where there is nothing to draw.
    """

    name: str
    take: Take


class Plot(Figure):
    """A figure that a notebook shows by itself."""

    def _repr_png_(self) -> bytes:
        return png(self)


def figure(series: Series) -> Plot:
    """Draw an endpoint's figures.

    Args:
        series: Its samples.

    Returns:
        Six charts: requests, latency, rows, releases, workers with their queue, memory.
    """
    drawn = Plot(figsize=SIZE, dpi=DENSITY, facecolor="white")
    drawn.subplots_adjust(**PLACES)  # matplotlib's own search for them would double the time
    FigureCanvasAgg(drawn)
    grid = drawn.subplots(2, 3, sharex=True)
    for axes, (title, lines) in zip(grid.flat, charts(series), strict=True):
        _chart(axes, title, lines, series)
    return drawn


def charts(series: Series) -> list[tuple[str, list[Line]]]:
    """List the charts with their lines.

    Args:
        series: The samples, which name the releases.

    Returns:
        Titles with lines.
    """
    tags = sorted({tag for one in series.samples for tag in one.split})
    return [
        ("requests/s", [Line(label, _a_second(name)) for label, name in ALL.items()]),
        ("latency, ms", [Line(name, _milliseconds(name)) for name in ("p50", "p95", "p99")]),
        ("rows/s", [Line("rows", _a_second("rows"))]),
        ("by release", [Line(tag, _of_release(tag)) for tag in tags[-len(STROKES) :]]),
        ("workers, queue", [Line("workers", lambda one: one.workers), Line("queue", lambda one: one.queue)]),
        ("memory, MB", [Line("memory", lambda one: one.memory / 1e6)]),
    ]


def png(drawn: Figure) -> bytes:
    """Write a figure as a small PNG.

    Args:
        drawn: The figure.

    Returns:
        The file, with few colours, because it lies in the notebook.
    """
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()  # type: ignore[no-untyped-call]
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)  # type: ignore[no-untyped-call]
    written = io.BytesIO()
    picture.convert("RGB").quantize(COLOURS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _chart(axes: Axes, title: str, lines: Sequence[Line], series: Series) -> None:
    for line, stroke, shade in zip(lines, STROKES, SHADES, strict=False):
        times, values = _joined(series, line.take)
        axes.plot(times, values, stroke, color=shade, linewidth=1, label=line.name)
        alone = [at for at, value in enumerate(values) if not math.isnan(value) and not _joins(values, at)]
        axes.plot([times[at] for at in alone], [values[at] for at in alone], ".", color=shade, markersize=3)
    axes.set_title(title, fontsize=9, loc="left")
    axes.tick_params(labelsize=7, length=2)
    axes.set_xlim(series.now - series.span, series.now)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MultipleLocator(TICKS[series.span]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: time.strftime("%H:%M", time.localtime(at))))
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if len(lines) > 1:
        place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.02, 0.96)}  # beside the title
        axes.legend(fontsize=7, frameon=False, ncols=len(lines), handlelength=1.6, columnspacing=1.0, **place)
    if not series.samples:
        axes.text(0.5, 0.5, "nothing ran", ha="center", transform=axes.transAxes, fontsize=8)


def _joined(series: Series, take: Take) -> tuple[list[float], list[float]]:
    """Read one line; a point without a value stands where nothing is to be joined."""
    times: list[float] = []
    values: list[float] = []
    for one in series.samples:
        if times and one.at - times[-1] > GAP * max(one.seconds, series.step):
            times.append(times[-1])
            values.append(math.nan)
        value = take(one)
        times.append(one.at)
        values.append(math.nan if value is None else value)
    return times, values


def _joins(values: Sequence[float], at: int) -> bool:
    """Say whether a line runs from a value to one beside it."""
    return any(0 <= near < len(values) and not math.isnan(values[near]) for near in (at - 1, at + 1))


def _a_second(name: str) -> Take:
    return lambda one: getattr(one, name) / one.seconds


def _milliseconds(name: str) -> Take:
    def take(one: Sample) -> float | None:
        seconds = getattr(one, name)
        return None if seconds is None else 1000 * float(seconds)

    return take


def _of_release(tag: str) -> Take:
    return lambda one: one.split.get(tag, 0) / one.seconds
