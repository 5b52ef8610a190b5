"""Environment parents: processes that have imported what models need and fork release parents in milliseconds.

A verified release's parent belongs to its lock. A preview's parent is the kernel's warm spare: same interpreter, same module path,
same imports. Both end with the agent or when nobody uses them; the releases that they forked go on.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_deploy import credentials, errors, process, stops
from jupyter_deploy.home import Home
from jupyter_deploy.targets.base import Launch
from jupyter_deploy.targets.local import sockets
from jupyter_deploy.targets.local.watch import Watch

ENDPOINT = Path(__file__).parents[2] / "bentos" / "python"  # the folder that holds the package `endpoint`
SPARE_IDLE = 4 * 3600  # seconds after which the spare of a kernel that deploys nothing ends
IDLE = 600  # seconds after which a lock's parent ends; another costs what its imports cost
INHERITED = frozenset({"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"})
PATIENCE = 120.0  # seconds for a parent to start and to import

log = logging.getLogger(__name__)


@dataclass
class Parent:
    """One environment parent, running or not.

    Attributes:
        interpreter: What runs it.
        path: Its module path beside the interpreter's own.
        verified: Whether it serves verified releases, which are BentoML services.
        bare: Whether it imports no packages, because they came with somebody's archive.
        control: Its socket.
        log: Where it writes.
        lock: Held while it is started or told to import.
        imported: What it was told to import.
        owners: The kernels whose spare it is.
    """

    interpreter: str
    path: tuple[str, ...]
    verified: bool
    bare: bool
    control: Path
    log: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    imported: set[str] = field(default_factory=set)
    owners: set[int] = field(default_factory=set)


class Parents:
    """Starts, finds and ends environment parents.

    Args:
        home: The agent's folders.
        watch: Notices when a kernel ends.
    """

    def __init__(self, home: Home, watch: Watch) -> None:
        self._home = home
        self._watch = watch
        self._lock = threading.Lock()
        self._known: dict[Path, Parent] = {}
        self._tidy()

    def warm(self, interpreter: str, path: tuple[str, ...], modules: Iterable[str], owner: int) -> None:
        """Have a spare ready for a kernel, with the kernel's imports done.

        Args:
            interpreter: The kernel's interpreter.
            path: The kernel's module path.
            modules: What the kernel has imported.
            owner: The kernel's process id; the spare ends with the last kernel that it was made for.

        Raises:
            ReleaseFailed: If the interpreter cannot run one.
        """
        parent = self._parent(interpreter, path, "", bare=False)
        self._prepare(parent, modules)
        if owner not in parent.owners:
            parent.owners.add(owner)
            self._watch.add(owner, lambda: self._left(parent, owner))

    def ready(self, launch: Launch) -> Path:
        """Give the control socket of the parent that can fork a release, and start that parent if it does not run.

        Args:
            launch: The release to be started.

        Returns:
            The socket.

        Raises:
            ReleaseFailed: If the interpreter cannot run one.
        """
        parent = self._parent(launch.interpreter, launch.path, launch.lock, bare=bool(launch.packages))
        self._prepare(parent, () if parent.bare else launch.preload)
        return parent.control

    def close(self) -> None:
        """End every parent, also those that an earlier agent started; the releases that they forked go on."""
        for control in self._home.runtime.glob("e-*.sock"):
            _stop(control)

    def _tidy(self) -> None:
        """Remove what parents left that were killed while no agent ran."""
        for control in self._home.runtime.glob("e-*.sock"):
            _forget(control)
        for log_file in (self._home.root / "parents").glob("*.log"):
            if not (self._home.runtime / f"e-{log_file.stem}.sock").exists():
                log_file.unlink(missing_ok=True)

    def _parent(self, interpreter: str, path: tuple[str, ...], lock: str, *, bare: bool) -> Parent:
        key = hashlib.sha256("\0".join((str(os.getpid()), interpreter, lock, *path)).encode()).hexdigest()[:8]
        control = self._home.runtime / f"e-{key}.sock"
        with self._lock:
            made = Parent(interpreter, path, bool(lock), bare, control, self._home.root / "parents" / f"{key}.log")
            return self._known.setdefault(control, made)

    def _prepare(self, parent: Parent, modules: Iterable[str]) -> None:
        with stops.holding(parent.lock):
            if not _answers(parent):
                parent.imported.clear()
                self._spawn(parent)
            wanted = [module for module in modules if module not in parent.imported]
            if wanted:
                self._import(parent, wanted)
                parent.imported.update(wanted)

    @staticmethod
    def _import(parent: Parent, modules: list[str]) -> None:
        try:
            tell(parent.control, {"do": "import", "modules": modules, "path": []})
        except BaseException:  # it may be busy with an import that never ends
            with stops.never():
                _kill(parent.control)
            raise

    def _spawn(self, parent: Parent) -> None:
        idle = IDLE if parent.verified else SPARE_IDLE
        ends = ["--idle", str(idle), "--owner", str(os.getpid())]
        kinds = [*(["--bentoml"] if parent.verified else []), *(["--bare"] if parent.bare else [])]
        python = [parent.interpreter, *(["-S"] if parent.bare else [])]
        arguments = [*python, "-m", "endpoint.parent", "--control", str(parent.control), *kinds, *ends]
        env = {
            **_environment(parent),
            "PYTHONPATH": os.pathsep.join((str(ENDPOINT), *parent.path)),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        if not parent.bare:  # else it is in the release's own home
            env["BENTOML_HOME"] = str(self._home.root / "bentoml")
        begin = parent.log.stat().st_size if parent.log.exists() else 0
        try:
            started = process.start(arguments, log=parent.log, env=env, cwd=self._home.runtime)
        except OSError as error:
            raise errors.ReleaseFailed(f"The interpreter {parent.interpreter} cannot be started: {error.strerror}.") from error
        try:
            self._await(parent, started, begin)
        except BaseException:
            started.kill()
            raise
        self._watch.add(started.pid, lambda: self._ended(parent))

    @staticmethod
    def _await(parent: Parent, started: subprocess.Popen[bytes], begin: int) -> None:
        end = time.monotonic() + PATIENCE
        while not _answers(parent):
            if started.poll() is not None or time.monotonic() > end:
                reason = last_line(parent.log, begin) or f"it did not get ready within {PATIENCE:g} s"
                raise errors.ReleaseFailed(
                    f"The interpreter {parent.interpreter} cannot run a release: {reason}", f"See {parent.log} for all it said."
                )
            stops.pause(0.005)

    @staticmethod
    def _ended(parent: Parent) -> None:
        log.info("the environment parent %s has ended", parent.control.name)
        with parent.lock:
            _forget(parent.control)

    def _left(self, parent: Parent, owner: int) -> None:
        parent.owners.discard(owner)
        if not parent.owners:
            with parent.lock:
                _stop(parent.control)


def tell(control: Path, command: dict[str, Any]) -> dict[str, Any]:
    """Tell an environment parent to do something.

    Args:
        control: Its socket.
        command: The command.

    Returns:
        Its answer.

    Raises:
        ReleaseFailed: If it ends meanwhile, as it does when a module that it imports crashes.
    """
    try:
        return sockets.ask(control, command, PATIENCE)
    except TimeoutError as error:
        what = f"The process that was to {_told(command)} has not done so within {PATIENCE:g} s."
        raise errors.ReleaseFailed(what, "Its log lies in the home folder, in `parents`.") from error
    except OSError as error:
        what = f"The process that was to {_told(command)} ended"
        raise errors.ReleaseFailed(f"{what}: {error}.", "Its log lies in the home folder, in `parents`.") from error


def _told(command: dict[str, Any]) -> str:
    subject = command.get("modules", command.get("release"))
    return f"{command['do']} {', '.join(subject) if isinstance(subject, list) else subject}"


def _environment(parent: Parent) -> dict[str, str]:
    """Choose what a parent inherits: no credentials, and a verified one nothing by which another machine's answers could differ."""
    known = {name: value for name, value in os.environ.items() if not parent.verified or name in INHERITED}
    kept = {name: value for name, value in known.items() if not credentials.in_environment(name, value)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode each start costs seconds
    return kept


def last_line(file: Path, begin: int = 0) -> str:
    """Read the last thing that a program said.

    Args:
        file: Its log.
        begin: Where in the log to begin, in bytes.

    Returns:
        The last line that is not empty; an empty string where there is none.
    """
    try:
        with file.open("rb") as opened:
            opened.seek(begin)
            lines = opened.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _answers(parent: Parent) -> bool:
    try:
        return bool(sockets.ask(parent.control, {"do": "status"}, PATIENCE).get("ok"))
    except OSError:
        return False


def _forget(control: Path) -> None:
    """Remove a socket at which nobody listens any more."""
    if sockets.listener_of(control) is None:
        control.unlink(missing_ok=True)


def _kill(control: Path) -> None:
    pid = sockets.listener_of(control)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _stop(control: Path) -> None:
    with contextlib.suppress(OSError):
        sockets.ask(control, {"do": "stop"}, 5.0)
