"""What a release is kept from: files that are not its own, other processes, the sockets of this machine, the network.

It may read the system, Python, its packages and its own folder, and change its temporary folder, which is its home too. The
folders that hold people's files, the agent's and other endpoints' are closed to it. What the system does not offer is told.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import resource
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from . import landlock, network, seccomp

LARGEST_FILE = 4 << 30  # bytes of one file that a worker may write
MOST_PROCESSES = 2048  # of one release that has a user namespace, in which the user's other processes do not count

# Closed wherever they lie, also within a folder that Python's packages are in.
_CREDENTIALS = (
    ".aws", ".azure", ".config/gcloud", ".config/gh", ".docker", ".git-credentials", ".gnupg", ".jupyter", ".kube", ".netrc",
    ".pgpass", ".pypirc", ".ssh",
)  # fmt: skip
_SHARED = ("/dev", "/home", "/root", "/run/secrets", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (they are named to be closed)
_OF_ROOT = (
    "/etc/gshadow",
    "/etc/shadow",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/boot",
    "/var/lib/docker",
)
_DEVICES = (
    "/dev/full", "/dev/null", "/dev/ptmx", "/dev/pts", "/dev/random", "/dev/shm", "/dev/tty", "/dev/urandom", "/dev/zero",  # noqa: S108
    "/dev/dri", "/dev/infiniband", "/dev/kfd",
)  # fmt: skip
_GRAPHICS = "nvidia*"

_CAPABILITIES = 0x20080522  # the version of the structure


class Closed:
    """What could be closed to this process.

    Attributes:
        files: Files that are not the release's own.
        signals: Other processes.
        sockets: Unix sockets of this machine, such as the agent's.
        network: The network.
    """

    def __init__(self) -> None:
        self.files = self.signals = self.sockets = self.network = False

    def missing(self, *, may_network: bool) -> list[str]:
        """List what stays open though it should not.

        Args:
            may_network: Whether the network is to stay open.

        Returns:
            The names of attributes.
        """
        wanted = ["files", "signals", "sockets", *([] if may_network else ["network"])]
        return [name for name in wanted if not getattr(self, name)]


def close(own: Sequence[Path], temporary: Path, sockets: Path, hidden: Sequence[Path], *, may_network: bool) -> Closed:
    """Close what is not the release's own to this process, which must have one thread, and to its children.

    Args:
        own: Files and folders that it may read.
        temporary: The folder for its temporary files, the one that it may write to; it becomes its home.
        sockets: The folder of its sockets.
        hidden: Folders with other endpoints' and the agent's files.
        may_network: Whether it may reach the network.

    Returns:
        What could be closed.
    """
    closed = Closed()
    cut = "" if may_network else network.cut()
    if cut == "user":
        at_most(resource.RLIMIT_NPROC, MOST_PROCESSES)
    at_most(resource.RLIMIT_CORE, 0)
    read, devices = [*readable(own, temporary, hidden)], [*map(Path, _DEVICES), *Path("/dev").glob(_GRAPHICS)]
    _settle_home(temporary)
    closed.files = landlock.keep_to(read, [temporary, *devices], [sockets])
    closed.signals = closed.files and landlock.version() >= landlock.SIGNALS
    _drop_capabilities()
    families = [seccomp.UNIX, *(() if may_network or cut else seccomp.NETWORK)]
    closed.sockets = seccomp.without_sockets(families)
    closed.network = not may_network and (bool(cut) or closed.sockets)
    return closed


def begin_worker() -> None:
    """Set a new worker, which must have one thread, apart from the process that forked it."""
    landlock.stand_apart()
    at_most(resource.RLIMIT_FSIZE, LARGEST_FILE)


def readable(own: Sequence[Path], temporary: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """List what a release may read.

    Args:
        own: Its own files and folders.
        temporary: The folder for its temporary files; others' lie beside it.
        hidden: Folders with other endpoints' and the agent's files.

    Yields:
        Files and folders.
    """
    yield from own
    homes = {one.resolve() for one in _homes() if one != Path("/")}
    closed = Hidden([*(one.resolve() for one in hidden), *(home / one for home in homes for one in _CREDENTIALS)])
    for root in python():
        yield from [root] if closed.has(str(root)) else closed.around(str(root))  # an environment in the agent's own folder
    shared = [Path(one).resolve() for one in (*_SHARED, temporary.parent)]
    of_root = map(Path, _OF_ROOT) if os.geteuid() == 0 else ()
    yield from Hidden([*map(Path, closed.paths), *homes, *shared, *of_root]).around("/")


def _homes() -> Iterator[Path]:
    """List the user's home folders: what the environment says, and what the system does."""
    with contextlib.suppress(RuntimeError):
        yield Path.home()
    with contextlib.suppress(KeyError):  # a user without an entry, as in many containers
        yield Path(pwd.getpwuid(os.getuid()).pw_dir)


def python() -> list[Path]:
    """List where this interpreter and its modules lie.

    Returns:
        Files and folders, links followed.
    """
    known = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    roots = _outermost({one for one in known if one.startswith(os.sep)})
    inside = tuple(f"{root}/" for root in roots)
    top = [name for name in sys.modules if "." not in name]
    others = {place for name in top for place in _places(name) if not place.startswith(inside)}
    return _outermost({*map(str, roots), *others})


def _outermost(places: Iterable[str]) -> list[Path]:
    """Follow links, and leave out what lies within another."""
    resolved = {Path(one).resolve() for one in places}
    return sorted(path for path in resolved if not resolved.intersection(path.parents))


class Hidden:
    """Files and folders that are to be gone around.

    Args:
        paths: Their absolute paths, links followed.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = {str(one) for one in paths}
        self._above = {str(parent) for one in self.paths for parent in Path(one).parents}

    def has(self, path: str) -> bool:
        """Say whether something is hidden, or lies within what is.

        Args:
            path: An absolute path, links followed.

        Returns:
            Whether it does.
        """
        while path not in self.paths:
            if path == "/":
                return False
            path = os.path.dirname(path)  # noqa: PTH120 (thousands of times)
        return True

    def around(self, root: str) -> Iterator[Path]:
        """List as few files and folders as hold everything below one, without what is hidden.

        Args:
            root: An absolute path, links followed.

        Yields:
            Files and folders; links that lead to what is hidden are left out.
        """
        if self.has(root):
            return
        if root not in self._above:
            yield Path(root)
            return
        with contextlib.suppress(OSError):  # what cannot be listed can be read by nobody
            for child in sorted(os.scandir(root), key=lambda one: one.name):
                if not child.is_symlink():
                    yield from self.around(child.path)
                elif not self.has(place := os.path.realpath(child.path)) and place not in self._above:
                    yield Path(child.path)


def _places(name: str) -> Iterator[str]:
    """List where a module lies that may be none of the module path's, as that of a package installed from its own folder."""
    module = sys.modules.get(name)
    with contextlib.suppress(Exception):  # modules may say what they like of themselves
        yield from map(str, getattr(module, "__path__", None) or ())
        if name.startswith("__editable__"):
            yield from map(str, getattr(module, "MAPPING", {}).values())


def _settle_home(temporary: Path) -> None:
    for name in [name for name in os.environ if name.startswith("XDG_") or name in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR")]:
        del os.environ[name]  # they lead into the home that is closed
    os.environ["HOME"] = str(temporary)


def at_most(kind: int, most: int) -> None:
    """Lower a limit of this process for good.

    Args:
        kind: One of `resource.RLIMIT_*`.
        most: The limit; a lower one that holds already stays.
    """
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (allowed, allowed))


def _drop_capabilities() -> None:
    """Give up what root may do beyond others, which reaches past all that is closed here."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.capset(struct.pack("=II", _CAPABILITIES, 0), bytes(24))
