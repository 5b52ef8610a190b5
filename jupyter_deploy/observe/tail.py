"""What a release's processes write, line by line as they write it."""

from __future__ import annotations

import os
from pathlib import Path

PIECE = 256 * 1024  # bytes that are read of one file at a time
MOST = 4 * 1024 * 1024  # bytes that are read of one file that nobody follows
LONGEST = 64 * 1024  # bytes after which what has no end of a line yet is told as one


def last(folder: Path, lines: int) -> list[str]:
    """Read the last lines of every log file of a folder, however large these have become.

    Args:
        folder: The folder.
        lines: How many lines at most; fewer where they have more than `MOST` bytes.

    Returns:
        The lines, the oldest of each file first; also one that has no end yet, such as that of a process that crashed.
    """
    files = [_File(path, from_end=True, piece=MOST) for path in sorted(folder.glob("*.log"))]
    found = [line for one in files for line in (*one.read(), *one.rest())]
    return found[-lines:] if lines > 0 else []


class Tail:
    """Follows every log file of a folder.

    Args:
        folder: The folder; its files may come, be replaced and go.
        lines: How many of the last lines are told first.
    """

    def __init__(self, folder: Path, lines: int) -> None:
        self._folder, self._lines = folder, lines
        self._files: dict[Path, _File] = {}
        self._begun = self._was_there = False

    def read(self) -> list[str] | None:
        """Read what was written since the last time.

        Returns:
            The lines, the oldest of each file first; None once the folder is gone, since nothing more will come.
        """
        there = sorted(self._folder.glob("*.log"))
        if self._folder.exists():
            self._was_there = True
        elif self._was_there:
            return None
        self._files = {path: self._files.get(path) or _File(path, from_end=not self._begun) for path in there}
        found = [line for one in self._files.values() for line in one.read()]
        if not self._begun:
            self._begun, found = True, found[-self._lines :] if self._lines > 0 else []
        return found


class _File:
    def __init__(self, path: Path, *, from_end: bool, piece: int = PIECE) -> None:
        self._path, self._most = path, piece
        self._inode = 0
        self._offset: int | None = None if from_end else 0  # None: near the end, once it is opened
        self._left = b""
        self._inside = False  # whether the next piece begins within a line

    def read(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                return self._lines(self._piece(file.fileno()))
        except FileNotFoundError:
            return []

    def rest(self) -> list[str]:
        return [self._left.decode(errors="replace")] if self._left else []

    def _piece(self, file: int) -> bytes:
        facts = os.fstat(file)
        if self._offset is None:
            self._offset = max(0, facts.st_size - self._most)
            self._inside = self._offset > 0
        elif facts.st_size < self._offset or self._inode not in (0, facts.st_ino):  # it was begun anew
            self._offset, self._left = 0, b""
        self._inode = facts.st_ino
        piece = os.pread(file, self._most, self._offset)
        self._offset += len(piece)
        if self._inside:
            self._inside, piece = False, piece.partition(b"\n")[2]
        return piece

    def _lines(self, piece: bytes) -> list[str]:
        *whole, self._left = (self._left + piece).split(b"\n")
        if len(self._left) > LONGEST:
            whole, self._left = [*whole, self._left], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]
