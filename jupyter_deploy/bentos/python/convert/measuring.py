"""How much less a compiled method costs, in one process with the model itself, turn by turn, as a worker would run both."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

SIZES = (1, 64)  # rows of a request
CALLS, TURNS, SECONDS = 5, 11, 0.4  # calls in a turn, turns of each, and the most time for them
Ask = Callable[[bytes], bytes]


def speedup(native: Ask, compiled: Ask, rows: Sequence[Any]) -> float:
    """Measure both.

    Args:
        native: Answers a body with the model itself.
        compiled: Answers it with the graph.
        rows: Golden rows.

    Returns:
        How many times less processor time a request takes from its body to its answer: the geometric mean over requests of one
        row and of 64.
    """
    ratios = []
    for size in SIZES:
        many = [rows[at % len(rows)] for at in range(size)]
        ratios.append(_ratio(native, compiled, json.dumps({"rows": many}).encode()))
    return math.exp(statistics.fmean(map(math.log, ratios)))


def _ratio(native: Ask, compiled: Ask, body: bytes) -> float:
    taken: tuple[list[float], list[float]] = ([], [])
    end = time.monotonic() + SECONDS
    for one in (native, compiled):
        one(body)
    while len(taken[0]) < TURNS * CALLS and (time.monotonic() < end or not taken[0]):
        for ask, into in zip((native, compiled), taken, strict=True):
            for _ in range(CALLS):  # several, so that most find the processor's caches as their own kind left them
                began = time.process_time()
                ask(body)
                into.append(time.process_time() - began)
    first, second = map(statistics.median, taken)
    return first / max(second, 1e-9)
