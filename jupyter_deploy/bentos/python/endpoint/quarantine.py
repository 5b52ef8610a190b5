"""Requests that kill workers: each worker notes what its model has in hand, and whoever dies leaves that note to its parent.

Memory that the release parent and its workers share, without a lock and without a system call, as in `board.py`. A request that
killed one worker is run alone from then on, so that the others of its batch are cleared by their next answer; one that killed two
is refused for as long as it is remembered.
"""

from __future__ import annotations

import asyncio
import mmap
import time
from collections.abc import Sequence

from .problems import ModelCrashed

MOST = 1024  # requests that one call of the model may answer
DEADLY = 2  # deaths after which a request is refused
REMEMBERED = 60.0  # seconds after the last death
SETS, WAYS = 128, 8  # a request's place in the table is one of so many in its set; the oldest one gives way
DIGEST, DEATHS, WHEN, ENTRY = 0, 1, 2, 3  # cells of an entry; ENTRY is their number
PATIENCE, LOOK = 0.1, 0.002  # seconds to wait for the note of a death that the router has noticed already
_UNTIL = 0  # the cell that says until when any request is remembered


def digest(method: str, body: bytes) -> int:
    """Tell a request from others, in a microsecond; the same in all processes that are forked from one, and in no other.

    Args:
        method: The method that is asked.
        body: The request's body.

    Returns:
        64 bits.
    """
    return hash((method, body))


class Quarantine:
    """What the workers of one release have in hand, and what killed them.

    Args:
        workers: How many workers there are.
    """

    def __init__(self, workers: int) -> None:
        self._workers, self._table = workers, 1 + workers * (1 + MOST)
        self._memory = mmap.mmap(-1, 8 * (self._table + SETS * WAYS * ENTRY))
        self._cells: memoryview[int] = memoryview(self._memory).cast("q")

    def of(self, worker: int) -> Running:
        """Give a worker's part.

        Args:
            worker: Its number, from 0.

        Returns:
            The part.
        """
        return Running(self, self._cells, self.place(worker))

    def died(self, worker: int, *, surely: bool = False) -> int:
        """Count a death for every request that a worker had in hand.

        Args:
            worker: The worker that died of one of them.
            surely: Whether it would be the same again, so that a request that was alone is refused from now on.

        Returns:
            How many there were.
        """
        now = time.monotonic_ns()
        found = self.held(worker)
        for one in found:
            at = self._entry(one)
            self._cells[at + DEATHS] = DEADLY if surely and len(found) == 1 else self.deaths(one) + 1
            self._cells[at + DIGEST], self._cells[at + WHEN] = one, now
        if found:
            self._cells[_UNTIL] = now + int(REMEMBERED * 1e9)
        self.left(worker)
        return len(found)

    def left(self, worker: int) -> None:
        """Let a worker that is gone have nothing in hand.

        Args:
            worker: Its number.
        """
        self._cells[self.place(worker)] = 0

    def held(self, worker: int) -> list[int]:
        """List the requests that a worker has in hand.

        Args:
            worker: Its number.

        Returns:
            Their digests.
        """
        place = self.place(worker)
        return self._cells[place + 1 : place + 1 + self._cells[place]].tolist()

    def deaths(self, digest: int) -> int:
        """Say how many workers a request has killed that is still remembered.

        Args:
            digest: The request.

        Returns:
            Their number.
        """
        now = time.monotonic_ns()
        if self._cells[_UNTIL] < now:
            return 0
        at = self._find(digest)
        return self._cells[at + DEATHS] if at and now - self._cells[at + WHEN] < REMEMBERED * 1e9 else 0

    def clear(self, digest: int) -> None:
        """Forget a request that was answered.

        Args:
            digest: The request.
        """
        at = self._find(digest)
        if at:
            self._cells[at + DEATHS] = 0

    def elsewhere(self, digest: int, place: int) -> bool:
        """Say whether another worker has a request in hand, which may have died of it a moment ago.

        Args:
            digest: The request.
            place: Where the asking worker's part begins.

        Returns:
            Whether one has.
        """
        return any(digest in self.held(one) for one in range(self._workers) if self.place(one) != place)

    @staticmethod
    def place(worker: int) -> int:
        """Say at which cell a worker's part begins: the number of requests in hand, then their digests.

        Args:
            worker: Its number.

        Returns:
            The cell.
        """
        return 1 + worker * (1 + MOST)

    def _set(self, digest: int) -> range:
        first = self._table + digest % SETS * WAYS * ENTRY
        return range(first, first + WAYS * ENTRY, ENTRY)

    def _find(self, digest: int) -> int:
        return next((at for at in self._set(digest) if self._cells[at + DIGEST] == digest), 0)

    def _entry(self, digest: int) -> int:
        """Find a request's entry, or the one that gives way to it."""
        return self._find(digest) or min(
            self._set(digest), key=lambda at: self._cells[at + WHEN] if self._cells[at + DEATHS] else 0
        )


class Running:
    """One worker's part of the quarantine; as a context, the time in which its model has some requests in hand.

    Args:
        quarantine: The whole.
        cells: Its memory.
        place: Where this part begins.
    """

    def __init__(self, quarantine: Quarantine, cells: memoryview[int], place: int) -> None:
        self._quarantine, self._cells, self._place = quarantine, cells, place
        self._clears = True

    def __call__(self, digests: Sequence[int], *, clears: bool = True) -> Running:
        """Note the requests that the model gets now.

        Args:
            digests: One to `MOST` of them.
            clears: Whether a worker that outlives this call has outlived the requests, rather than a part of them.

        Returns:
            The context in which it has them.
        """
        cells, place, self._clears = self._cells, self._place, clears
        at = place
        for one in digests:
            at += 1
            cells[at] = one
        cells[place] = at - place  # last, so that nobody reads a digest that is not there yet
        return self

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """End; requests that the worker has outlived are no longer suspected."""
        if self._cells[_UNTIL] and self._clears and (error is None or isinstance(error, Exception)):
            for one in self._cells[self._place + 1 : self._place + 1 + self._cells[self._place]].tolist():
                self._quarantine.clear(one)
        self._cells[self._place] = 0

    def alone(self, digest: int) -> bool:
        """Say whether a request must have a call of the model to itself.

        Args:
            digest: The request.

        Returns:
            Whether it has killed a worker.

        Raises:
            ModelCrashed: If it has killed as many as it may.
        """
        if not self._cells[_UNTIL]:
            return False
        deaths = self._quarantine.deaths(digest)
        if deaths >= DEADLY:
            raise ModelCrashed
        return deaths > 0

    async def told(self, digest: int) -> None:
        """Wait until the parent has counted a death that the router has already answered by asking again.

        Args:
            digest: The request that is asked again.
        """
        end = time.monotonic() + PATIENCE
        while self._quarantine.elsewhere(digest, self._place) and time.monotonic() < end:  # noqa: ASYNC110 (another process writes)
            await asyncio.sleep(LOOK)
