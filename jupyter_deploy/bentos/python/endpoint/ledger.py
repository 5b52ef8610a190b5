"""What each key was used for: counted in memory that the release parent and its workers share, without a lock or a system call.

Each worker has two cells for each key, and is the only one to write them, as in `board.py`. The release parent writes all of them
into a file of its own, beside those of the endpoint's other releases, which read it: a quota counts over all of them and outlives
each. Whoever holds such a file locked goes on writing it.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = "uses"  # beside the file of keys
SUFFIX = ".uses"
PLACES = 1024  # keys of one endpoint that are counted; what has no place of its own is counted at one more, which nobody reads
DAY = 86_400.0  # seconds, of UTC
SHIFT = 2.0**32  # a cell holds the day times this, and how many requests of that day
CELL = 8  # bytes
MOST_WORKERS = 4096
TRIES = 64  # for the last requests of a quota, where workers count at the same instant
_FENCE = threading.Lock()


class Use(NamedTuple):
    """What a key was used for.

    Attributes:
        today: Requests on the day that was asked for.
        last: When it was used last, in seconds since the epoch; 0 where it never was.
    """

    today: int = 0
    last: float = 0.0


class Ledger:
    """The uses of one release.

    Args:
        workers: How many workers there are.
        folder: Where the endpoint's releases tell each other; what is counted here stays here where None, or where it cannot be
            written.
        release: The release's name, for the file's.
    """

    def __init__(self, workers: int, folder: Path | None = None, release: str = "") -> None:
        self.workers, self.folder, self.file = workers, folder, ""
        self._memory = mmap.mmap(-1, CELL * (1 + 2 * workers * (PLACES + 1)))
        self._cells: memoryview[float] = memoryview(self._memory).cast("d")
        self._cells[0] = workers
        self._descriptor, self._saved = -1, b""
        if folder is not None:
            with contextlib.suppress(OSError):  # a full disk, or one that knows no locks, must not keep a release down
                self._open(folder, release)

    def _open(self, folder: Path, release: str) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor, path = tempfile.mkstemp(prefix=f"{release}.", dir=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            Path(path).rename(path + SUFFIX)  # locked before anybody can find it
        except OSError:
            os.close(descriptor)
            Path(path).unlink()
            raise
        self._descriptor, self.file = descriptor, Path(path).name + SUFFIX

    def of(self, worker: int) -> Uses:
        """Give a worker's own part.

        Args:
            worker: Its number, from 0.

        Returns:
            The part.
        """
        return Uses(self, self._cells, worker)

    def save(self) -> None:
        """Write into the file what was counted since the last time; a full disk is tried again."""
        counted = self._memory[: CELL * (1 + 2 * self.workers * PLACES)]
        if self._descriptor >= 0 and counted != self._saved:
            with contextlib.suppress(OSError):
                os.pwrite(self._descriptor, counted, 0)
                self._saved = counted

    def leave(self) -> None:
        """Let go of the file in a worker, so that it is locked as long as the release parent lives."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Uses:
    """One worker's part of the ledger, which it alone writes while it lives.

    Args:
        ledger: The whole.
        cells: Its memory.
        worker: The worker's number.
    """

    def __init__(self, ledger: Ledger, cells: memoryview[float], worker: int) -> None:
        self._ledger, self._cells = ledger, cells
        self._first, self._stride = 1 + 2 * worker, 2 * ledger.workers
        self._others: list[memoryview[float]] | None = None  # what the other releases told at the last look
        self._spent: dict[int, int] = {}  # and what they add up to, by place
        self._floor = self._ceiling = self._offset = 0.0

    def look(self, now: float, wall: float) -> None:
        """Take note of the time, and forget what the other releases told.

        Args:
            now: Monotonic seconds.
            wall: Seconds since the epoch.
        """
        self._offset = wall - now
        self._floor = wall // DAY * SHIFT
        self._ceiling = self._floor + SHIFT
        self._others = None
        self._spent.clear()

    def note(self, place: int, now: float) -> None:
        """Count a request.

        Args:
            place: The key's place.
            now: Monotonic seconds.
        """
        at = self._first + place * self._stride
        cells, count = self._cells, self._cells[at]
        cells[at] = (count if self._floor <= count < self._ceiling else self._floor) + 1.0
        cells[at + 1] = now + self._offset

    def touch(self, place: int, now: float) -> None:
        """Note that a key was used, without counting it.

        Args:
            place: The key's place.
            now: Monotonic seconds.
        """
        self._cells[self._first + place * self._stride + 1] = now + self._offset

    def admit(self, place: int, quota: int, now: float) -> bool:
        """Count a request, unless as many were counted as may be.

        All workers may do so at once: each counts first and takes it back where that was one too many, so the quota is never
        passed; and it looks once more before it refuses, so the last request of a quota is let in by one of them.

        Args:
            place: The key's place.
            quota: Requests of one day.
            now: Monotonic seconds.

        Returns:
            Whether it may be answered.
        """
        at, spent = self._first + place * self._stride, self._spent.get(place)
        left = quota - (self._elsewhere(place) if spent is None else spent)
        before, last = self._cells[at], self._cells[at + 1]
        for _ in range(TRIES):
            self.note(place, now)
            if self._counted(place) <= left:
                return True
            self._cells[at], self._cells[at + 1] = before, last
            if self._counted(place) >= left:
                return False
        return False

    def _counted(self, place: int) -> int:
        """Add up what this release's workers counted today."""
        with _FENCE:  # what was just written is seen by all others before they are read
            pass
        first, total = 1 + place * self._stride, 0.0
        for count in self._cells[first : first + self._stride : 2]:
            if self._floor <= count < self._ceiling:
                total += count - self._floor
        return int(total)

    def _elsewhere(self, place: int) -> int:
        """Add up what the endpoint's other releases told of today."""
        if self._others is None:
            own, folder = self._ledger.file, self._ledger.folder
            self._others = [told for name, told in _files(folder) if name != own] if folder is not None else []
        spent = sum(_today(_part(told, place)[::2], self._floor, self._ceiling) for told in self._others)
        self._spent[place] = spent
        return spent


def tell(folder: Path, places: Iterable[int], wall: float) -> dict[int, Use]:
    """Add up what all releases of an endpoint told.

    Args:
        folder: The folder of their files.
        places: The keys' places.
        wall: The time, in seconds since the epoch.

    Returns:
        What each key was used for, by place.
    """
    files, floor = [told for _, told in _files(folder)], wall // DAY * SHIFT
    found = {}
    for place in places:
        parts = [_part(told, place) for told in files]
        last = max((moment for part in parts for moment in part[1::2] if moment <= wall + DAY), default=0.0)
        found[place] = Use(sum(_today(part[::2], floor, floor + SHIFT) for part in parts), last)
    return found


def over(folder: Path, wall: float) -> list[Path]:
    """List the files that nobody writes any more and that tell nothing of today.

    Args:
        folder: The folder.
        wall: The time, in seconds since the epoch.

    Returns:
        Their paths.
    """
    floor = wall // DAY * SHIFT
    today = {name for name, told in _files(folder) if any(floor <= count < floor + SHIFT for count in told[1::2])}
    return [path for path in sorted(folder.glob(f"*{SUFFIX}")) if path.name not in today and not _is_held(path)]


def _files(folder: Path) -> Iterator[tuple[str, memoryview[float]]]:
    """Read what is there."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            read = path.read_bytes()
        except OSError:
            continue
        told: memoryview[float] = memoryview(read[: len(read) // CELL * CELL]).cast("d")
        if len(told) and 1 <= told[0] <= MOST_WORKERS:
            yield path.name, told


def _part(told: memoryview[float], place: int) -> memoryview[float]:
    stride = 2 * int(told[0])
    return told[1 + place * stride : 1 + (place + 1) * stride]


def _today(counts: Iterable[float], floor: float, ceiling: float) -> int:
    return int(sum([count - floor for count in counts if floor <= count < ceiling]))


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
