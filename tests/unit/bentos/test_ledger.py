"""What keys were used for is counted over workers, releases and days."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_deploy.bentos.python.endpoint.ledger import DAY, PLACES, Ledger, Use, Uses, over, tell

NOON = 20_000.5 * DAY
MANY = 20_000  # requests of each worker of a race


def looking(ledger: Ledger, worker: int = 0, wall: float = NOON) -> Uses:
    """Give a worker's part at some time."""
    uses = ledger.of(worker)
    uses.look(0.0, wall)
    return uses


def fork(work: Callable[[int], int], workers: int) -> int:
    """Do something in several processes at once, and add up what each counted."""
    readers = []
    for worker in range(workers):
        read, write = os.pipe()
        if not os.fork():
            os.write(write, str(work(worker)).encode())
            os._exit(0)
        os.close(write)
        readers.append(read)
    total = sum(int(os.read(read, 64)) for read in readers)
    for read in readers:
        os.close(read)
        os.wait()
    return total


def test_a_request_is_counted_with_its_time(tmp_path: Path) -> None:
    """What was noted is told, by the key's place; reading is no request, but a use."""
    ledger = Ledger(2, tmp_path, "churn@1")
    for worker, now in ((0, 1.0), (1, 2.0), (1, 3.0)):
        looking(ledger, worker).note(7, now)
    looking(ledger).touch(8, 4.0)
    ledger.save()

    assert {7: Use(3, NOON + 3), 8: Use(0, NOON + 4), 9: Use()} == tell(tmp_path, [7, 8, 9], NOON)


def test_a_day_begins_anew(tmp_path: Path) -> None:
    """What was counted yesterday counts nothing today, also where the clock was ahead."""
    ledger = Ledger(1, tmp_path, "churn@1")
    for wall, admitted in ((NOON, [True, True, False]), (NOON + DAY, [True, True, False]), (NOON, [True, True, False])):
        uses = looking(ledger, wall=wall)
        assert admitted == [uses.admit(0, 2, 0.0) for _ in range(3)]


@pytest.mark.parametrize("quota", [1, 7, MANY + 5, 3 * MANY])
def test_a_quota_is_exact_over_workers_that_count_at_once(quota: int) -> None:
    """Not one too many is let in, nor one too few."""
    ledger = Ledger(3)
    begin = time.monotonic() + 0.05

    def work(worker: int) -> int:
        uses = looking(ledger, worker)
        while time.monotonic() < begin:
            pass
        return sum(uses.admit(0, quota, 0.0) for _ in range(MANY))

    assert min(quota, 3 * MANY) == fork(work, 3)


def test_a_quota_counts_what_other_releases_told(tmp_path: Path) -> None:
    """What was used at one release is used up at the next, whether or not the first still runs."""
    first = Ledger(2, tmp_path, "churn@1")
    for worker in (0, 1):
        assert looking(first, worker).admit(3, 3, 0.0)
    first.save()
    second = looking(Ledger(1, tmp_path, "churn@2"))

    assert [True, False] == [second.admit(3, 3, 0.0) for _ in range(2)]


def test_a_file_is_over_when_nobody_writes_it_and_it_tells_nothing_of_today(tmp_path: Path) -> None:
    """A release that runs keeps its file, however old its counts are; that of one that is gone lasts until the day is over."""
    running, gone = Ledger(1, tmp_path, "churn@1"), Ledger(1, tmp_path, "churn@2")
    for ledger in (running, gone):
        looking(ledger).note(0, 0.0)
        ledger.save()
    gone.leave()

    assert [] == over(tmp_path, NOON)
    assert [tmp_path / gone.file] == over(tmp_path, NOON + DAY)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 64, b"odd", b"\0\0\0\0\0\0\xf8\x7f" * 9])
def test_a_broken_file_tells_nothing(tmp_path: Path, content: bytes) -> None:
    """What is no ledger is passed over, and goes away."""
    (tmp_path / "x.uses").write_bytes(content)

    assert {0: Use()} == tell(tmp_path, [0], NOON)
    assert [tmp_path / "x.uses"] == over(tmp_path, NOON)


def test_a_short_file_tells_what_it_holds(tmp_path: Path) -> None:
    """Of a file that was cut off, the rest counts nothing."""
    ledger = Ledger(1, tmp_path, "churn@1")
    looking(ledger).note(0, 0.0)
    ledger.save()
    os.truncate(tmp_path / ledger.file, 8 * 3)

    assert {0: Use(1, NOON), 5: Use()} == tell(tmp_path, [0, 5], NOON)


def test_what_cannot_be_written_is_counted_all_the_same(tmp_path: Path) -> None:
    """A release without a folder to tell others in keeps its quotas for itself."""
    ledger = Ledger(1, tmp_path / "none" / "none", "churn@1")
    uses = looking(ledger)
    ledger.save()

    assert [True, False] == [uses.admit(0, 1, 0.0) for _ in range(2)]


def test_the_last_place_is_nobodys(tmp_path: Path) -> None:
    """What an older file does not place is counted where nobody reads."""
    ledger = Ledger(1, tmp_path, "churn@1")
    looking(ledger).note(PLACES, 0.0)
    ledger.save()

    assert {PLACES: Use(), PLACES - 1: Use()} == tell(tmp_path, [PLACES, PLACES - 1], NOON)
