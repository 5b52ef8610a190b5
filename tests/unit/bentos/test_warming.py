"""Warming up, and how many rows a GPU holds: on GPUs that are made up."""

from __future__ import annotations

import pytest

from jupyter_deploy.bentos.python.endpoint.board import Board
from jupyter_deploy.bentos.python.endpoint.warming import SHARE, most_rows


class Gpu:
    """A made-up GPU, whose library keeps what a call has used, as PyTorch's does."""

    def __init__(self, free: int, row: int, once: int = 0) -> None:
        self.begin, self.row, self.once = free, row, once
        self.calls: list[int] = []
        self.used = 0

    def ask(self, rows: int) -> None:
        """Call the model."""
        needed = self.once + self.row * rows
        if needed > self.begin:
            raise RuntimeError("CUDA out of memory")
        self.calls.append(rows)
        self.used = max(self.used, needed)

    def free(self) -> int:
        """Tell what is free."""
        return self.begin - self.used


@pytest.mark.parametrize(
    ("gpu", "limit", "expected"),
    [
        (Gpu(1000, 2), 512, 256), (Gpu(1000, 0), 512, 512), (Gpu(1000, 1), 100, 100), (Gpu(1000, 600), 512, 1),
        (Gpu(1000, 300), 512, 2), (Gpu(10, 1), 1, 1), (Gpu(1000, 1, once=900), 512, 2),
    ],
)  # fmt: skip
def test_rows_are_doubled_while_memory_allows(gpu: Gpu, limit: int, expected: int) -> None:
    """The largest call that fits is found without asking for much more than there is."""
    assert expected == most_rows(gpu.ask, gpu.free, limit)
    assert all(2 * rows * gpu.row + gpu.once <= 2 * gpu.begin for rows in gpu.calls)


def test_next_doubling_is_not_tried_where_it_would_not_fit() -> None:
    """Once twice of what was used is more than its share of the free memory, no larger call is made."""
    gpu = Gpu(1000, 10)
    rows = most_rows(gpu.ask, gpu.free, 512)

    assert [2, 4, 8, 16, 32, 64] == gpu.calls
    assert 2 * rows * gpu.row > SHARE * gpu.begin


def test_what_was_found_bounds_a_batch() -> None:
    """What one worker found holds for all, and bounds what a call that answers several requests may have."""
    board = Board(("predict", "other"), 2)
    assert 512 == board.slot(1).most("predict", 512)
    board.fit("predict", 64)

    assert 64 == board.fits("predict")
    assert [64, 16] == [board.slot(1).most("predict", limit) for limit in (512, 16)]
    assert 512 == board.slot(0).most("other", 512)
