"""The figures of an endpoint as words: the text that stands beside every chart."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.markup import FONT, MUTED, ROW, escaped
from jupyter_deploy.values import Sample, Series

RECENT = 10.0  # seconds over which the present rate is counted
UNKNOWN = "-"


class Number(NamedTuple):
    """One figure.

    Attributes:
        name: What it counts.
        value: How it is written.
    """

    name: str
    value: str


def numbers(series: Series) -> list[Number]:
    """Write the figures of a span of time.

    Args:
        series: The samples.

    Returns:
        What happens now first, then what happened in the whole span.
    """
    last = current(series)
    tried = next((one for one in reversed(series.samples) if one.p50 is not None), None)
    return [
        Number("requests", f"{rate(series):.3g}/s"),
        *(Number(name, latency(getattr(tried, name, None))) for name in ("p50", "p95", "p99")),
        Number("workers", str(last.workers) if last else UNKNOWN),
        Number("queue", str(last.queue) if last else UNKNOWN),
        Number("memory", words.size(last.memory) if last and last.memory else UNKNOWN),
        *(Number(f"{name} in {words.span(series.span)}", f"{_sum(series, field):,}") for name, field in COUNTED),
        Number("answered by", share(series.samples)),
    ]


COUNTED = (("requests", "requests"), ("rows", "rows"), ("errors", "errors"), ("refused", "refused"), ("restarts", "restarts"))


def lines(series: Series) -> list[str]:
    """Write the figures of a span of time as text.

    Args:
        series: The samples.

    Returns:
        Two lines.
    """
    told = [f"{one.name} {one.value}" for one in numbers(series)]
    return [f"figures of {about(series)}", "  ".join(told)]


def markup(series: Series, picture: bytes = b"") -> str:
    """Draw the figures of a span of time as they were.

    Args:
        series: The samples.
        picture: The charts as a PNG; none where empty.

    Returns:
        Markup that needs neither a kernel nor a script.
    """
    cells = "".join(
        f'<div><span style="{MUTED}">{escaped(one.name)}</span> <b>{escaped(one.value)}</b></div>' for one in numbers(series)
    )
    drawn = ""
    if picture:
        said = escaped("; ".join(f"{one.name} {one.value}" for one in numbers(series)))
        source = f"data:image/png;base64,{b64encode(picture).decode('ascii')}"
        drawn = f'<img alt="{said}" src="{source}" style="max-width:100%;margin:4px 0">'
    head = f'<div style="{MUTED}">Figures of {escaped(about(series))}</div>'
    return f'<div style="{FONT};margin:6px 0">{head}<div style="{ROW}">{cells}</div>{drawn}</div>'


def about(series: Series) -> str:
    """Say which time the figures are of.

    Args:
        series: The samples.

    Returns:
        Such as `the last 5 min 0 s, as of 2026-11-22 14:03:09`.
    """
    return f"the last {words.span(series.span)}, as of {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(series.now))}"


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


def _sum(series: Series, field: str) -> int:
    return sum(getattr(one, field) for one in series.samples)
