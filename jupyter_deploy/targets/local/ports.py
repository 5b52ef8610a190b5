"""Choose the port at which every endpoint of this machine is called, and say who has it if it is taken."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from jupyter_deploy import errors

FIRST = 8484
TRIED = 100
HIGHEST = 65_535
LISTENING = "0A"


def free(port: int) -> bool:
    """Say whether a port of the loopback interface can be listened on.

    Args:
        port: The port.

    Returns:
        Whether nobody listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Envoy does: connections that linger do not matter
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(asked: int | None, remembered: int | None) -> int:
    """Choose the router's port.

    Args:
        asked: The port that the settings name; None where they name none.
        remembered: The port that the URLs had before; None the first time.

    Returns:
        A free port: the one asked for, else the remembered one, else the first free one from 8484.

    Raises:
        PortInUse: If the asked or the remembered port is taken, because another one would change the endpoints' URLs.
    """
    wanted = asked or remembered
    if wanted is not None:
        if not free(wanted):
            raise in_use(wanted)
        return wanted
    port = _first_free(FIRST)
    if port is None:
        raise in_use(FIRST)
    return port


def in_use(port: int) -> errors.PortInUse:
    """Describe a port that somebody else has.

    Args:
        port: The port.

    Returns:
        The error, naming the program where it can be seen.
    """
    holder, other = holder_of(port), _first_free(port + 1) or port + 1
    return errors.PortInUse(
        f"Port {port} of this machine, at which the endpoints are to be called, is used by {holder or 'another program'}.",
        f"End that program, or choose another port with `port = {other}` in deploy.toml; the endpoints' URLs change with it.",
    )


def holder_of(port: int) -> str:
    """Find the program that listens on a port.

    Args:
        port: The port.

    Returns:
        Such as `python3 (process 4711)`; empty where it belongs to somebody else or the system does not tell.
    """
    inodes = _listening(port)
    for process in Path("/proc").glob("[0-9]*"):
        if inodes and inodes & _sockets(process):
            with contextlib.suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _first_free(port: int) -> int | None:
    """Find a free port from one on, and look at no more than some."""
    return next((one for one in range(port, min(port + TRIED, HIGHEST + 1)) if free(one)), None)


def _listening(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            rows = [line.split() for line in table.read_text().splitlines()[1:]]
            found |= {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] == LISTENING}
    return found


def _sockets(process: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for handle in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found
