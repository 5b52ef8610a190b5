"""Takes the network away from a process and its children, where the system allows that without privileges."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NEW_USER, NEW_NET = 0x10000000, 0x40000000


def cut() -> bool:
    """Move this process, which must have one thread, into an empty network of its own; Unix sockets in the file system still work.

    Returns:
        Whether that succeeded; it does not on macOS, nor in containers that forbid it.
    """
    if sys.platform != "linux":
        return False
    user, group = os.geteuid(), os.getegid()
    if _unshare(NEW_NET):
        return True
    if not _unshare(NEW_USER | NEW_NET):
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)  # without these maps every file would seem to be nobody's
    return True


def _unshare(flags: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return hasattr(libc, "unshare") and libc.unshare(flags) == 0
