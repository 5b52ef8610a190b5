"""Counters of a release as Prometheus' text."""

from __future__ import annotations

from .board import BUCKETS, Board, Count

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


def exposition(board: Board, release: str, state: str) -> bytes:
    """Write what all workers of a release counted.

    Args:
        board: Their counters.
        release: The release, such as `churn@7`.
        state: `preview` or `verified`.

    Returns:
        The exposition format, version 0.0.4.
    """
    counts = {route: board.count(route) for route in board.routes}
    lines = [
        *_family("jd_release_info", "gauge", "The release that answers.", [(f'{{release="{release}",state="{state}"}}', 1)]),
        *_family("jd_workers_ready", "gauge", "Workers that answer.", [("", board.ready())]),
        *_family("jd_requests_total", "counter", "Answers by route and HTTP status.", _codes(counts)),
        *_family("jd_rows_total", "counter", "Rows that were predicted.", [(_route(one), counts[one].rows) for one in counts]),
        *_family(
            "jd_model_seconds_total", "counter", "Seconds in the model.", [(_route(one), counts[one].model) for one in counts]
        ),
        *_histogram("jd_request_seconds", "Seconds from request to answer.", counts),
    ]
    return "\n".join([*lines, ""]).encode()


def _route(name: str) -> str:
    return f'{{route="{name}"}}'


def _codes(counts: dict[str, Count]) -> list[tuple[str, float]]:
    return [
        (f'{{route="{name}",code="{code or "other"}"}}', number)
        for name, count in counts.items()
        for code, number in count.codes.items()
        if number
    ]


def _family(name: str, kind: str, text: str, samples: list[tuple[str, float]]) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *(f"{name}{labels} {value}" for labels, value in samples)]


def _histogram(name: str, text: str, counts: dict[str, Count]) -> list[str]:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
    for route, count in counts.items():
        total = 0
        for bound, number in zip((*BUCKETS, "+Inf"), count.buckets, strict=True):
            total += number
            lines.append(f'{name}_bucket{{route="{route}",le="{bound}"}} {total}')
        lines += [f"{name}_sum{_route(route)} {count.seconds}", f"{name}_count{_route(route)} {total}"]
    return lines
