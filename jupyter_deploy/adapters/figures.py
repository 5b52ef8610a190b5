"""The figures of an endpoint as words: the text that stands beside every chart."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.markup import MUTED, ROW, escaped
from jupyter_deploy.values import Sample, Series

RECENT = 10.0  # seconds over which the present rate is counted
UNKNOWN = "-"
SPANS = {300: "5 min", 3600: "1 h", 86_400: "24 h"}
COUNTED = ("requests", "rows", "errors", "refused", "restarts")


class Number(NamedTuple):
    """One figure.

    Attributes:
        name: What it counts.
        value: How it is written.
    """

    name: str
    value: str


def present(series: Series) -> list[Number]:
    """Write what happens now.

    Args:
        series: The samples.

    Returns:
        Rate, latency, workers, queue and memory.
    """
    last = current(series)
    tried = next((one for one in reversed(series.samples) if one.p50 is not None), None)
    return [
        Number("rate", f"{rate(series):.3g}/s"),
        *(Number(name, latency(getattr(tried, name, None))) for name in ("p50", "p95", "p99")),
        Number("workers", str(last.workers) if last else UNKNOWN),
        Number("queue", str(last.queue) if last else UNKNOWN),
        Number("memory", words.size(last.memory) if last and last.memory else UNKNOWN),
    ]


def whole(series: Series) -> list[Number]:
    """Write what happened in the whole span.

    Args:
        series: The samples.

    Returns:
        Counts, and which releases answered.
    """
    counted = [Number(name, f"{sum(getattr(one, name) for one in series.samples):,}") for name in COUNTED]
    return [*counted, Number("answered by", share(series.samples))]


def lines(series: Series) -> list[str]:
    """Write the figures as text.

    Args:
        series: The samples.

    Returns:
        Three lines.
    """
    return [f"figures {about(series)}", _line(present(series)), _line(whole(series))]


def markup(series: Series, picture: bytes = b"") -> str:
    """Draw the figures as they were.

    Args:
        series: The samples.
        picture: The charts as a PNG; none where empty.

    Returns:
        Markup that needs neither a kernel nor a script.
    """
    rows = "".join(f'<div style="{ROW}">{"".join(map(_number, found))}</div>' for found in (present(series), whole(series)))
    drawn = ""
    if picture:
        source = f"data:image/png;base64,{b64encode(picture).decode('ascii')}"
        drawn = f'<img alt="{escaped("charts: " + "; ".join(lines(series)))}" src="{source}" style="max-width:100%;margin:4px 0">'
    return f'<div style="margin:6px 0"><div style="{MUTED}">Figures {escaped(about(series))}</div>{rows}{drawn}</div>'


def about(series: Series) -> str:
    """Say which time the figures are of.

    Args:
        series: The samples.

    Returns:
        Such as `of the last 5 min, as of 2026-11-22 14:03:09`.
    """
    return f"of the last {SPANS[series.span]}, as of {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(series.now))}"


def current(series: Series) -> Sample | None:
    """Find the newest sample, where it tells of the present.

    Args:
        series: The samples.

    Returns:
        The sample; None where nothing runs any more.
    """
    last = series.samples[-1] if series.samples else None
    return last if last and series.now - last.at <= max(RECENT, 2 * series.step) else None


def rate(series: Series) -> float:
    """Count the requests a second at present.

    Args:
        series: The samples.

    Returns:
        Requests a second over the last `RECENT` seconds, or over the last interval where that is longer.
    """
    if current(series) is None:
        return 0.0
    requests = seconds = 0.0
    for one in reversed(series.samples):
        if seconds >= RECENT or series.now - one.at > max(RECENT, 2 * series.step):
            break
        requests, seconds = requests + one.requests, seconds + one.seconds
    return requests / seconds if seconds else 0.0


def share(samples: Iterable[Sample]) -> str:
    """Say which releases answered.

    Args:
        samples: The samples.

    Returns:
        Such as `churn@7 90 %, churn@6 10 %`, the busiest first.
    """
    counts: Counter[str] = Counter()
    for one in samples:
        counts.update(one.split)
    whole = sum(counts.values())
    return ", ".join(f"{tag} {100 * count / whole:.3g} %" for tag, count in counts.most_common() if count) or UNKNOWN


def latency(seconds: float | None) -> str:
    """Write how long a request took.

    Args:
        seconds: The time; None where there was no request.

    Returns:
        Such as `1.25 ms` or `2.1 s`.
    """
    if seconds is None:
        return UNKNOWN
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _line(found: Iterable[Number]) -> str:
    return "  ".join(f"{one.name} {one.value}" for one in found)


def _number(one: Number) -> str:
    return f'<span><span style="{MUTED}">{escaped(one.name)}</span> <b>{escaped(one.value)}</b></span>'
