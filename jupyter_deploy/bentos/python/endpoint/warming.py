"""What a worker does with golden rows before it answers anybody: what a model does only once, and how many rows its GPU holds.

A GPU's memory ends a call that asks for too much, so the largest call is found before there are callers: rows are doubled while
memory allows, and what was found is remembered for the workers that follow.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from . import codec, devices, graphics, log
from .board import Board
from .limits import Limits
from .model import BoundMethod, Model

SEVERAL = 8  # rows of a second call, since models may take another way for several
CHEAP = 0.05  # seconds that the first call may take for that; a worker that died is missed until its successor is warm
SHARE = 0.8  # of the memory that is free, for one call


def warm(model: Model, board: Board, limits: Limits) -> None:
    """Let a model predict before it answers anybody; one that cannot is served all the same, and says so to its callers.

    Args:
        model: The model.
        board: Where is remembered how many rows a call may have.
        limits: What a worker takes.
    """
    for golden in {one.method: one for one in reversed(model.golden)}.values():
        method = model.methods.get(golden.method)
        if method is None or not golden.rows or method.waits:  # what is opened in a loop does not outlive a fork
            continue
        try:
            _warm(method, golden.rows[0], board, limits)
        except Exception as error:  # noqa: BLE001 (the author's code and data may raise anything; verification judges it, not this)
            log.failure("warm_up_failed", error)


def _warm(method: BoundMethod, row: object, board: Board, limits: Limits) -> None:
    def ask(count: int) -> None:
        method(codec.to_json({"rows": [row] * count}))  # one row alone: what others do is for the verification to see

    began = time.monotonic()
    ask(1)
    quick = time.monotonic() - began < CHEAP
    if not method.decoder.joins:
        return
    name = method.method.name
    if devices.device() == devices.CUDA and not board.fits(name):
        board.fit(name, most_rows(ask, graphics.free, limits.batch))
        log.write("batch_fits", method=name, rows=board.fits(name))
    elif quick and limits.batch >= SEVERAL:
        ask(SEVERAL)


def most_rows(ask: Callable[[int], None], free: Callable[[], int], limit: int) -> int:
    """Find how many rows one call may have, by doubling them while memory allows.

    Args:
        ask: Calls the model with so many rows; it raises where memory ends.
        free: Tells the memory that is free, in bytes; what a call has used stays with the library that will use it again.
        limit: The most rows that are wanted.

    Returns:
        The largest number that was tried with success, at least 1.
    """
    begin, rows = free(), 1
    while rows < limit:
        ahead = min(2 * rows, limit)
        try:
            ask(ahead)
        except Exception as error:  # noqa: BLE001 (each library raises its own, which the model's code may have changed)
            log.failure("batch_does_not_fit", error, rows=ahead)
            return rows
        rows = ahead
        if 2 * (begin - free()) > SHARE * begin:  # the next doubling would not fit
            return rows
    return rows
