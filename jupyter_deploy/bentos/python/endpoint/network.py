"""Takes the network away from a process and its children, where the system allows that without privileges."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Literal

NEW_USER, NEW_NET = 0x10000000, 0x40000000


def cut() -> Literal["", "network", "user"]:
    """Move this process, which must have one thread, into an empty network of its own.

    Returns:
        `network` where the process is root and may do so by itself, `user` where it needs a user namespace too, and an empty
        text where neither can be: on macOS, and in containers that forbid it.
    """
    if sys.platform != "linux":
        return ""
    if _unshare(NEW_NET):
        return "network"
    if not _works():
        return ""
    _enter()
    return "user"


def _works() -> bool:
    """Try it in a child first: some systems let a process in, and then forbid it to say who it is there."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    try:
        _enter()
    except OSError:
        os._exit(1)
    os._exit(0)


def _enter() -> None:
    user, group = os.geteuid(), os.getegid()
    if not _unshare(NEW_USER | NEW_NET):
        raise OSError(ctypes.get_errno(), "there are no user namespaces")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)  # without these maps every file would seem to be nobody's


def _unshare(flags: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return hasattr(libc, "unshare") and libc.unshare(flags) == 0
