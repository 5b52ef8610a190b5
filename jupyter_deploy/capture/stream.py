"""Writes a pickle without a second copy of its large arrays in memory.

pickle copies a buffer before it writes it. It hands a buffer out, though, to whoever asks, and leaves a mark in its place; here the
buffer itself is written where the mark stands, which gives the very pickle that it would have written.
"""

from __future__ import annotations

import itertools
import pickle
import pickletools
import struct
from collections.abc import Iterator
from typing import IO, Any

LARGE = 1024 * 1024
"""Buffers of fewer bytes are left to pickle."""

_FRAME = 9  # bytes: the opcode and a length, which is no longer true once a buffer stands within the frame


class Direct:
    """A file for `pickle.Pickler`, whose `buffer_callback` is its method `keep`.

    Args:
        file: Where to write.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._waiting: list[memoryview] = []

    def keep(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a buffer over if it is large.

        Args:
            buffer: What pickle is about to write.

        Returns:
            Whether pickle shall write it itself.
        """
        raw = buffer.raw()
        if raw.nbytes < LARGE:
            return True
        self._waiting.append(raw)
        return False

    def write(self, data: Any) -> int:
        """Write a part of the pickle, with the buffers that belong into it.

        Args:
            data: The part; it begins with a whole opcode.

        Returns:
            Its length in bytes.
        """
        if self._waiting:
            for piece in _with(bytes(data), self._waiting):
                self._file.write(piece)
            self._waiting = []
        else:
            self._file.write(data)
        return memoryview(data).nbytes


def _with(data: bytes, buffers: list[memoryview]) -> Iterator[bytes | memoryview]:
    left, done = list(buffers), 0
    # the last opcode may lack its argument, which comes with the next part; by then every mark has been met
    for (opcode, _, at), (_, _, after) in itertools.pairwise(_opcodes(data)):
        if opcode.name == "FRAME":
            yield data[done:at]
            done = at + _FRAME
        elif opcode.name == "NEXT_BUFFER":
            buffer = left.pop(0)
            yield data[done:at]
            yield (b"\x8e" if buffer.readonly else b"\x96") + struct.pack("<Q", buffer.nbytes)  # BINBYTES8, BYTEARRAY8
            yield buffer
            done = after + (1 if buffer.readonly else 0)  # past READONLY_BUFFER
            if not left:
                break
    yield data[done:]


def _opcodes(data: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int]]:
    try:
        for opcode, argument, at in pickletools.genops(data):
            yield opcode, argument, at or 0
    except ValueError:
        return
