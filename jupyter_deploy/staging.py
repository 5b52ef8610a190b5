"""Where captures and received bundles are written before the agent takes them over.

Whoever writes one holds a lock on its folder until it has been taken over, so that what a killed kernel left behind can be told
from what is being written.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_deploy import home as homes
from jupyter_deploy.home import Home

ABANDONED = 3600.0  # seconds after which a folder belongs to nobody, where the file system has no locks
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_held: dict[Path, int] = {}


@contextlib.contextmanager
def writing(home: Home) -> Iterator[Path]:
    """Name a fresh folder to write into; what was written is removed again where the block fails.

    Args:
        home: The agent's folders.

    Yields:
        The folder; `leave` it once it has been handed over.

    Raises:
        DiskFailed: If it cannot be written.
    """
    folder = home.make().staging / secrets.token_hex(8)
    try:
        folder.mkdir(mode=0o700)
        _hold(folder)
        yield folder
    except BaseException as error:
        leave(folder)
        if isinstance(error, OSError) and (error.errno in FULL or str(error.filename).startswith(str(folder))):
            raise homes.failed(error, folder) from error
        raise


def leave(folder: Path) -> None:
    """Let go of a folder; it is removed, unless the agent has taken it over.

    Args:
        folder: The folder.
    """
    shutil.rmtree(folder, ignore_errors=True)
    handle = _held.pop(folder, None)
    if handle is not None:
        os.close(handle)


def abandoned(home: Home) -> list[Path]:
    """List what nobody writes any more and no agent has taken over.

    Args:
        home: The agent's folders.

    Returns:
        Folders below the staging folder.
    """
    found = home.staging.iterdir() if home.staging.exists() else ()
    return [one for one in found if _is_free(one) or time.time() - one.stat().st_mtime > ABANDONED]


def _hold(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held[folder] = handle


def _is_free(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(handle)
