"""Landlock: a process of Linux gives up files and signals for itself and its children, for good and without privileges."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

FILES, SIGNALS = 1, 6  # the versions since which the kernel can keep a process from files, and from signalling others

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every architecture
_NO_NEW_PRIVILEGES = 38

_EXECUTE, _WRITE, _READ, _LIST, _TRUNCATE, _IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
_REMOVE, _MAKE_SOCKET = 1 << 5, 1 << 9
_EVERY = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # rights by version; later ones also know ioctl
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL  # what can be said of what is no folder
_SCOPES = 0b11  # abstract sockets and signals, of processes that are not below this one


def version() -> int:
    """Say which version the kernel has.

    Returns:
        Its number; 0 where there is none, or it is switched off.
    """
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call(_CREATE, None, 0, 1))


def keep_to(read: Iterable[Path], write: Iterable[Path], sockets: Iterable[Path]) -> bool:
    """Keep this process, which must have one thread, to some files, and its signals to itself and its children.

    Args:
        read: Files and folders that it may read, list and execute.
        write: Files, folders and devices that it may change too.
        sockets: Folders in which it may put sockets, and remove what lies there.

    Returns:
        Whether the kernel does so.
    """
    known = version()
    if known < FILES:
        return False
    every = _EVERY.get(known, (1 << 16) - 1)
    rules = _ruleset(every, _SCOPES if known >= SIGNALS else 0)
    try:
        for paths, allowed in ((read, _EXECUTE | _READ | _LIST), (write, every), (sockets, _REMOVE | _MAKE_SOCKET)):
            for path in paths:
                _allow(rules, path, allowed & every)
        return _enforce(rules)
    finally:
        os.close(rules)


def stand_apart() -> bool:
    """Keep the signals of this process, which must have one thread, to itself and the children that it will have.

    Returns:
        Whether the kernel does so.
    """
    if version() < SIGNALS:
        return False
    rules = _ruleset(0, _SCOPES)
    try:
        return _enforce(rules)
    finally:
        os.close(rules)


def _ruleset(files: int, scopes: int) -> int:
    attributes = struct.pack("=QQQ", files, 0, scopes) if scopes else struct.pack("=Q", files)
    rules = _call(_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "Landlock cannot be used")
    return rules


def _allow(rules: int, path: Path, allowed: int) -> None:
    with contextlib.suppress(OSError):  # what is not there needs no right
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights = allowed if stat.S_ISDIR(os.fstat(found).st_mode) else allowed & _OF_FILES
            _call(_ADD, rules, 1, struct.pack("=Qi", rights, found), 0)
        finally:
            os.close(found)


def _enforce(rules: int) -> bool:
    return int(_libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)) == 0 and _call(_RESTRICT, rules, 0) == 0


def _call(number: int, *arguments: int | bytes | None) -> int:
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    done: int = _libc().syscall(ctypes.c_long(number), *given)
    return done


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
