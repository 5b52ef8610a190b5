"""Where everything lies on disk, and how it is written: to a temporary name, flushed, renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_deploy import errors

BLOCK = 1 << 20  # bytes
LONGEST_ROOT = 70  # leaves 37 of a socket address's 107 bytes for `/run/<release>/<socket>`
PROGRAM = "x:"
HALF_MADE = ".new-"  # how the name of whatever is being written begins


@dataclass(frozen=True)
class Home:
    """The folders of one user's agent.

    Sockets lie apart from the data, in a short folder, because the address of a Unix socket holds at most 107 bytes.

    Args:
        root: The data folder, mode 0700.
    """

    root: Path

    @classmethod
    def find(cls) -> Home:
        """Find the user's home folder for deploys.

        Returns:
            `$JUPYTER_DEPLOY_HOME`, or `deploy/` in Jupyter's data folder.
        """
        named = os.environ.get("JUPYTER_DEPLOY_HOME")
        if named:
            return cls(Path(named).expanduser().absolute())
        from jupyter_core.paths import jupyter_data_dir

        return cls(Path(jupyter_data_dir()) / "deploy")

    @property
    def store(self) -> Path:
        """The store's database."""
        return self.root / "store.sqlite"

    @property
    def staging(self) -> Path:
        """Where captures are written before the agent takes them over."""
        return self.root / "staging"

    @property
    def captures(self) -> Path:
        """Captures, each in a folder named by its digest."""
        return self.root / "captures"

    @property
    def locks(self) -> Path:
        """Locks, each in a file named by its digest."""
        return self.root / "locks"

    @property
    def environments(self) -> Path:
        """Clean environments, each in a folder named by its lock's digest."""
        return self.root / "environments"

    @property
    def bundles(self) -> Path:
        """Bundles, each in a folder named by its digest."""
        return self.root / "bundles"

    @property
    def releases(self) -> Path:
        """Logs and state of releases, `<endpoint>/<number>/`."""
        return self.root / "releases"

    @property
    def keys(self) -> Path:
        """The owner's key of each endpoint, `<endpoint>.key`, mode 0600."""
        return self.root / "keys"

    @property
    def router(self) -> Path:
        """The router's configuration and log."""
        return self.root / "router"

    @property
    def temporary(self) -> Path:
        """What the running agent needs for a moment; emptied when an agent starts."""
        return self.root / "tmp"

    @property
    def agent_log(self) -> Path:
        """The agent's log."""
        return self.root / "agent.log"

    @property
    def agent_lock(self) -> Path:
        """The file that the running agent holds locked."""
        return self.root / "agent.lock"

    @property
    def runtime(self) -> Path:
        """The short folder for sockets, mode 0700: `run/` here, or one in /tmp where this folder's own path is too long."""
        if len(str(self.root)) <= LONGEST_ROOT:
            return self.root / "run"
        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:10]
        return Path(f"/tmp/jd-{os.getuid()}-{name}")  # noqa: S108 (`private` checks whose it is)

    @property
    def agent_socket(self) -> Path:
        """The agent's socket, mode 0600."""
        return self.runtime / "agent.sock"

    def make(self) -> Home:
        """Make the home, the runtime folder and those of which only deeper ones are made later, for their owner alone.

        Returns:
            This value.

        Raises:
            AgentUnreachable: If a folder belongs to somebody else.
            DiskFailed: If one cannot be made.
        """
        try:
            for folder in (self.root, self.staging, self.releases, self.runtime):
                private(folder)
        except OSError as error:
            raise failed(error, self.root) from error
        return self


def private(folder: Path) -> Path:
    """Make a folder that its owner alone can enter.

    Args:
        folder: The folder; its parents are made too.

    Returns:
        The same folder.

    Raises:
        AgentUnreachable: If it belongs to another user, or others may enter it and that cannot be changed.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if facts.st_uid != os.getuid() or folder.is_symlink():
        raise errors.AgentUnreachable(
            f"The folder {folder} belongs to another user or is a link.",
            "Remove it, or set JUPYTER_DEPLOY_HOME to a folder of yours.",
        )
    if facts.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Args:
        path: The file.
        data: Its content.
        mode: Its permissions.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{HALF_MADE}{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def failed(error: OSError, place: Path) -> errors.DiskFailed:
    """Say why something could not be written, and what to do about it.

    Args:
        error: The system's error.
        place: What was to be written, where the error does not name it.

    Returns:
        The error that people read.
    """
    named = error.filename2 or error.filename  # where something was copied, the second one is what was to be written
    where = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else place
    what = f"{where}: {error.strerror or error}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return errors.DiskFailed(
            f"The disk is full. {what} ({room(where)}).",
            "What answered before still does. Free some space (`jupyter deploy gc` removes what no release needs), "
            "then run the same command again.",
        )
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return errors.DiskFailed(
            f"{what}.", "Make it writable for you, or set JUPYTER_DEPLOY_HOME to a folder on a local disk that is."
        )
    if error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}:
        return errors.DiskFailed(
            f"The file system of {place} has no file locks. {what}.", "Set JUPYTER_DEPLOY_HOME to a folder on a local disk."
        )
    return errors.DiskFailed(f"{what}.", "Mend that, then run the same command again.")


def check_room(place: Path, size: int) -> None:
    """See that something will fit before it is written.

    Args:
        place: Where it is to be written; a folder that exists, or one that is to be made.
        size: Its size in bytes.

    Raises:
        DiskFailed: If the disk has less room.
    """
    there = _existing(place)
    free = shutil.disk_usage(there).free
    if free < size:
        raise errors.DiskFailed(
            f"The disk is full. {size / 1e6:,.1f} MB are to be written to {place}, where {free / 1e6:,.1f} MB are free: "
            f"{(size - free) / 1e6:,.1f} MB are missing.",
            "Free some space (`jupyter deploy gc` removes what no release needs), "
            "or set JUPYTER_DEPLOY_HOME to a folder on a larger disk.",
        )


def room(place: Path) -> str:
    """Say how much room there is on a disk.

    Args:
        place: A file or folder on it; it need not exist.

    Returns:
        Such as `12.3 MB free of 5,000.0 MB`.
    """
    with contextlib.suppress(OSError):
        found = shutil.disk_usage(_existing(place))
        return f"{found.free / 1e6:,.1f} MB free of {found.total / 1e6:,.1f} MB"
    return "how much is free cannot be told"


def _existing(place: Path) -> Path:
    return next(one for one in (place, *place.absolute().parents) if one.exists())


def digest_of(folder: Path, instead: Mapping[str, bytes] | None = None) -> str:
    """Name a folder by its content.

    Args:
        folder: The folder; only names, contents and the executable bit count, not times or owners.
        instead: Contents that stand for those of files, by relative name.

    Returns:
        SHA-256, hexadecimal.
    """
    return digest_of_all(digests_of(folder, instead))


def digests_of(folder: Path, instead: Mapping[str, bytes] | None = None) -> dict[str, str]:
    """Digest each file of a folder; see `digest_of`.

    Args:
        folder: The folder.
        instead: Contents that stand for those of files, by relative name.

    Returns:
        SHA-256 by relative name, hexadecimal, with `x:` before it where the file may be executed.
    """
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = path.relative_to(folder).as_posix()
        stands = (instead or {}).get(name)
        digest = hashlib.sha256(stands).digest() if stands is not None else digest_of_file(path)
        found[name] = f"{PROGRAM if path.stat().st_mode & 0o100 else ''}{digest.hex()}"
    return found


def digest_of_all(digests: Mapping[str, str]) -> str:
    """Name a folder by the digests of its files.

    Args:
        digests: What `digests_of` gave.

    Returns:
        SHA-256, hexadecimal.
    """
    whole = hashlib.sha256()
    for name, digest in digests.items():
        whole.update(f"{name}\0{digest.startswith(PROGRAM)}\0".encode())
        whole.update(bytes.fromhex(digest.removeprefix(PROGRAM)))
    return whole.hexdigest()


def digest_of_file(path: Path) -> bytes:
    """Hash a file without holding it in memory.

    Args:
        path: The file.

    Returns:
        SHA-256.
    """
    whole = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            whole.update(block)
    return whole.digest()


def size_of(folder: Path) -> int:
    """Add up the files below a folder.

    Args:
        folder: The folder.

    Returns:
        Their size in bytes.
    """
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
