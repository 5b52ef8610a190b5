"""A filter of system calls: a process of Linux makes no more sockets of some kinds, for good and without privileges."""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
import sys
from collections.abc import Sequence

_NO_NEW_PRIVILEGES, _SET_FILTER, _QUICK = 38, 1, 1 << 2
_IO_URING_SETUP = 425  # would open sockets past the filter; the same number on every architecture
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000  # the latter with an error number
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # places in what a filter sees of a call

# By machine: its number, and those of the calls `socket` and `seccomp`.
_MACHINES = {"x86_64": (0xC000003E, 41, 317), "aarch64": (0xC00000B7, 198, 277)}
_OTHER_ABI = 0x40000000  # of x86_64: numbers from here on belong to 32-bit programs

UNIX, NETWORK = socket.AF_UNIX, (socket.AF_INET, socket.AF_INET6)

Instruction = tuple[int, int, int, int]


def without_sockets(families: Sequence[int]) -> bool:
    """Keep this process, which must have one thread, and its children from making sockets of some families.

    Those that it holds go on working, and pairs of sockets between its own processes can be made.

    Args:
        families: Such as `socket.AF_UNIX`.

    Returns:
        Whether the kernel does so.
    """
    machine = _MACHINES.get(platform.machine())
    if not sys.platform.startswith("linux") or machine is None:
        return False
    architecture, make_socket, install = machine
    code = b"".join(struct.pack("=HBBI", *one) for one in _program(architecture, make_socket, families))
    held = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return int(libc.syscall(ctypes.c_long(install), ctypes.c_long(_SET_FILTER), ctypes.c_long(_QUICK), program)) == 0


def _program(architecture: int, make_socket: int, families: Sequence[int]) -> list[Instruction]:
    """Write the filter; a jump names how many instructions are passed over, if it holds and if not."""
    foreign, denied = _REFUSE | errno.ENOSYS, _REFUSE | errno.EACCES
    checks = [(_EQUAL, len(families) - at, 0, family) for at, family in enumerate(families)]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, foreign),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_ABI),
        (_RETURN, 0, 0, foreign),
        (_EQUAL, 0, 1, _IO_URING_SETUP),
        (_RETURN, 0, 0, foreign),
        (_EQUAL, 0, 1 + len(checks), make_socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *checks,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, denied),
    ]
