"""Counters and heartbeats in shared memory."""

from __future__ import annotations

import os

from jupyter_deploy.bentos.python.endpoint.board import Board


def test_counts_of_all_workers_add_up() -> None:
    """What each worker counts for itself is one sum to whoever asks."""
    board = Board(("predict", "other"), 3)
    for worker in range(3):
        board.slot(worker).answered("predict", 200, 0.002)
        board.slot(worker).predicted("predict", 5, 0.001, [0.0, 0.02])
    board.slot(1).answered("predict", 418, 100.0)

    count = board.count("predict")

    assert (3, 1, 15) == (count.codes[200], count.codes[0], count.batch.total)
    assert (1, 4) == (count.answers.buckets[-1], sum(count.answers.buckets))
    assert (3, 6) == (sum(count.model.buckets), sum(count.queue.buckets))
    assert 0 == sum(board.count("other").codes.values())


def test_a_forked_child_counts_for_its_parent() -> None:
    """Counters outlive the process that counted."""
    board = Board(("predict",), 1)
    pid = os.fork()
    if not pid:
        board.slot(0).answered("predict", 200, 0.01)
        os._exit(0)
    os.waitpid(pid, 0)

    assert 1 == board.count("predict").codes[200]


def test_a_successor_keeps_the_counters() -> None:
    """A cleared slot is not ready and counts on."""
    slot = Board(("predict",), 1).slot(0)
    slot.ready = True
    slot.answered("predict", 200, 0.01)
    slot.clear(busy=True)

    assert (False, True) == (slot.ready, slot.busy > 0)


def test_every_worker_sees_what_is_batched() -> None:
    """What the parent says of a method holds in each worker at once, also in one that runs, and for no other method."""
    board = Board(("predict", "transform", "other"), 2)
    before = board.slot(1)
    assert not before.batched("predict")
    board.batch(["predict", "gone"])

    assert [True, False] == [before.batched("predict"), before.batched("transform")]
    assert [True, False] == [board.batched("predict"), board.batched("transform")]
    board.batch([])
    assert not before.batched("predict")
